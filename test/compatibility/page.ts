/** The page that a run writes. */
import { execFileSync } from 'node:child_process'
import { cpus, release } from 'node:os'
import { stateOfSources } from '../e2e/results-file.ts'
import { WAYS, type Way } from './ground.ts'

export interface Row {
  readonly name: string
  /** '' when it is not installed. */
  readonly version: string
  readonly does: string
  readonly cells: Readonly<Record<Way, Cell>>
}

interface Cell {
  readonly result: 'passed' | 'failed' | 'not applicable'
  readonly reason?: string
}

export function pageOf(rows: readonly Row[], root: string): string {
  const reasons: string[] = []
  const mark = (cell: Cell) => {
    if (cell.reason === undefined) return cell.result
    const reason = cell.reason.split('\n')[0]!
    if (!reasons.includes(reason)) reasons.push(reason)
    return `${cell.result === 'failed' ? '**failed**' : 'n/a'} (${reasons.indexOf(reason) + 1})`
  }
  const lines = rows.map(row => {
    const cells = [row.name, row.version, row.does, ...WAYS.map(way => mark(row.cells[way]))]
    return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  const heading = ['client', 'version', 'what it did, and what was compared', ...WAYS]
  return `${INTRODUCTION}
Played on ${new Date().toISOString().slice(0, 10)} at commit \`${stateOfSources(root)}\`, on ${machine()}.

| ${heading.join(' | ')} |
| ${heading.map(() => '---').join(' | ')} |
${lines.join('\n')}

${reasons.map((reason, index) => `${index + 1}. ${reason}.`).join('\n')}

${NOTES}`
}

const INTRODUCTION = `# Compatibility

Programs that know nothing of Holdfast, on every way into it. In each cell the host of the client gets another address and loses
the one it had, in the middle of one connection; then the client's own result is compared. \`npm run compatibility -- --write\`
wrote this page.
`

const NOTES = `The ways are: a \`forward\` on loopback; SOCKS5 and HTTP CONNECT at a \`proxy\`; and \`capture\` with redirect, where the client is
told the address of the server. A cell fails when a client went another way than it should: a captured connection is counted by
the firewall. OpenSSH, and with it git and rsync over ssh, uses \`ProxyCommand\`: \`nc -X 5\` for SOCKS5, \`holdfast pipe\` for HTTP
CONNECT. Both hosts are network namespaces of one machine, and the link between them has 40 Mbit/s.

Not played: \`kubectl\` (its watch is the long watch of curl, and etcd's is gRPC), Firefox and other browsers, anything on another
system than Linux, and UDP, which Holdfast does not carry.
`

function machine(): string {
  const debian = execFileSync('sh', ['-c', '. /etc/os-release && echo "$PRETTY_NAME"'], { encoding: 'utf8' }).trim()
  return `${debian}, Linux ${release()}, Node.js ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}`
}
