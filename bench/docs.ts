/** docs/benchmarks.md, made from the kept results only: the same results give the same bytes. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { connectText } from './connect-tables.ts'
import { loadResult, ROOT } from './results.ts'
import { blackoutText, memoryText, throughputText } from './tables.ts'

const PATH = 'docs/benchmarks.md'
const PREFACE = `# Benchmarks

Made by \`npm run bench -- docs\` from the samples in \`bench/results/\`; do not edit. Repeat any of them with
\`npm run bench -- throughput\`, \`blackout\`, \`memory\` or \`connect\`: each ends by itself and prints the same table.
They need Linux; \`throughput\` needs iperf3, openssh-server, stunnel4, haproxy, openssl and socat, \`blackout\` root,
\`connect\` root, nft, openssh-server, haproxy, openssl, socat, microsocks and redsocks.
Peers run beside Holdfast in the same run; rows where a peer is better stay, and so do missed aims.`

/** @returns the path written, relative to the root */
export function writeDocs(): string {
  writeFileSync(resolve(ROOT, PATH), benchmarksPage())
  return PATH
}

/** A missed aim has a cause. */
const CAUSES = `Where the aims for throughput are missed, this is why. One process copies each byte from the kernel, seals it, and gives it
back; half of its time is the kernel's and OpenSSL's own, as with the peers. The rest is what Node adds for each record:
its cipher makes a new object and a new zeroed buffer for every record and moves it once more, and streams and garbage
collection come on top. Calling OpenSSL around Node would save that, and is not done: TLS and AEAD come from Node. Fewer full
collections were worth a third of the CPU ([decision 6](decisions/0006-the-heap-may-grow.md)); larger
records were worth nothing.`

function benchmarksPage(): string {
  const [throughput, blackout, memory] = [loadResult('throughput'), loadResult('blackout'), loadResult('memory')]
  const connect = loadResult('connect')
  const section = (title: string, name: string, text: string | undefined) =>
    `## ${title}\n\n${text ?? `Not measured yet: \`npm run bench -- ${name}\`.`}`
  const sections = [
    section('Throughput', 'throughput', throughput && `${throughputText(throughput)}\n\n${CAUSES}`),
    section('Blackout', 'blackout', blackout && blackoutText(blackout)),
    section('Memory and rest', 'memory', memory && memoryText(memory)),
    ...(connect === undefined ? [] : [section('Opening connections', 'connect', connectText(connect))]),
  ]
  return `${[PREFACE, ...sections].join('\n\n')}\n`
}
