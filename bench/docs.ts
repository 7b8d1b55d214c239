/** docs/benchmarks.md, made from the kept results only: the same results give the same bytes. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadResult, ROOT } from './results.ts'
import { blackoutText, memoryText, throughputText } from './tables.ts'

const PATH = 'docs/benchmarks.md'
const PREFACE = `# Benchmarks

Made by \`npm run bench -- docs\` from the samples in \`bench/results/\`; do not edit. Repeat any of them with
\`npm run bench -- throughput\`, \`blackout\` or \`memory\`: each ends by itself and prints the same table.
They need Linux; \`throughput\` needs iperf3, openssh-server, stunnel4, haproxy, openssl and socat, \`blackout\` root.
Peers run beside Holdfast in the same run; rows where a peer is better stay, and so do missed aims.`

/** @returns the path written, relative to the root */
export function writeDocs(): string {
  writeFileSync(resolve(ROOT, PATH), benchmarksPage())
  return PATH
}

function benchmarksPage(): string {
  const [throughput, blackout, memory] = [loadResult('throughput'), loadResult('blackout'), loadResult('memory')]
  const section = (title: string, name: string, text: string | undefined) =>
    `## ${title}\n\n${text ?? `Not measured yet: \`npm run bench -- ${name}\`.`}`
  const sections = [
    section('Throughput', 'throughput', throughput && throughputText(throughput)),
    section('Blackout', 'blackout', blackout && blackoutText(blackout)),
    section('Memory and rest', 'memory', memory && memoryText(memory)),
  ]
  return `${[PREFACE, ...sections].join('\n\n')}\n`
}
