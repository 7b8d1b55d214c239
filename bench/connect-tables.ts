/** What opening connections costs, as Markdown; see tables.ts. */
import type { ConnectResult, DelayedRow, OpenRow, RulesArm } from './results.ts'
import { mean, median, percentile } from './statistics.ts'
import { aim, machineLine, table } from './tables.ts'

/** The row that the others are compared with, and the one that the aim is about. */
const DIRECT = 'direct'
const FORWARD = 'Holdfast forward'
/** Of direct TCP's time to the first byte. */
const FIRST_BYTE_SHARE_MAX = 0.6

/** A part that was not run is left out. */
export function connectText(result: ConnectResult): string {
  const { machine, rounds, connections, parallel, loopback, transparent, link, delayed, rules } = result
  const settings = loopback.map(({ name, settings }) => `${name}: ${settings}`).join('; ')
  const opening = [
    `An exchange is connect, proxy dialogue if any, 64 bytes there and back, close. Rate: ${connections} exchanges,`,
    `${parallel} in parallel, median of ${rounds} interleaved rounds. Then one at a time: milliseconds from the connect to the first`,
    'byte of the answer. One Node process opens and one answers: near the rate of the direct row, they are what is measured.',
  ]
  const parts = [
    machineLine(machine),
    opening.join('\n'),
    loopback.length > 0 && `On loopback. Settings: ${settings}.\n\n${openTable(loopback)}`,
    transparent.length > 0 &&
      `Captured transparently, between two namespaces joined by veth:\n\n${openTable(transparent)}`,
    delayed.length > 0 && delayedText(delayed, link),
    rules.length > 0 && rulesText(rules),
  ]
  return parts.filter(part => part !== false).join('\n\n')
}

function openTable(rows: readonly OpenRow[]): string {
  const direct = rows.find(({ name }) => name === DIRECT)
  const header = ['', 'version', 'cipher', 'connections/s', 'min-max', 'p50, ms', 'p95, ms']
  header.push('p50 added', 'p95 added', 'CPU ms near', 'CPU ms far')
  return table(
    header,
    rows.map(row => {
      const rates = row.samples.map(({ perSecond }) => perSecond)
      const at = (share: number) => percentile(firstBytes(row), share)
      const added = (share: number) =>
        direct === undefined || row === direct ? '-' : (at(share) - percentile(firstBytes(direct), share)).toFixed(2)
      const range = `${Math.min(...rates).toFixed(0)}-${Math.max(...rates).toFixed(0)}`
      const cpu = [row.samples.map(({ nearCpuMs }) => nearCpuMs), row.samples.map(({ farCpuMs }) => farCpuMs)]
      return [
        ...[
          row.name,
          row.version,
          row.cipher,
          median(rates).toFixed(0),
          range,
          at(0.5).toFixed(2),
          at(0.95).toFixed(2),
        ],
        ...[added(0.5), added(0.95), ...cpu.map(values => mean(values).toFixed(2))],
      ]
    }),
  )
}

function firstBytes({ samples }: OpenRow): number[] {
  return samples.flatMap(({ firstByteMs }) => firstByteMs)
}

function delayedText(rows: readonly DelayedRow[], link: string): string {
  const direct = rows.find(({ name }) => name === DIRECT)
  const ratio = ({ firstByteMs }: DelayedRow) => median(firstByteMs) / median(direct?.firstByteMs ?? [])
  const lines = rows.map(row => {
    const [p50, p95] = [0.5, 0.95].map(share => percentile(row.firstByteMs, share).toFixed(1)) as [string, string]
    return [row.name, row.version, row.cipher, String(row.firstByteMs.length), p50, p95, ratio(row).toFixed(2)]
  })
  const forward = rows.find(({ name }) => name === FORWARD)
  return [
    `First byte over a path with ${link}; the sidecars have their carrier already. Milliseconds from the connect to the`,
    'first byte of the answer, samples in turns:',
    '',
    table(['', 'version', 'cipher', 'n', 'p50', 'p95', 'p50 / direct'], lines),
    '',
    ...(direct === undefined || forward === undefined ? [] : [firstByteAim(ratio(forward))]),
  ].join('\n')
}

function firstByteAim(share: number): string {
  const wanted = `first byte through a warm association: at most ${FIRST_BYTE_SHARE_MAX} times direct TCP`
  return aim(wanted, share, 'times', share <= FIRST_BYTE_SHARE_MAX)
}

function rulesText(arms: readonly RulesArm[]): string {
  const [base] = arms
  const rows = arms.map(({ name, connectMs }) => {
    const ratios = connectMs.map((ms, round) => ms / (base?.connectMs[round] ?? Number.NaN))
    const range = `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`
    return [
      name,
      String(connectMs.length),
      (1_000 * median(connectMs)).toFixed(0),
      `${median(ratios).toFixed(2)} (${range})`,
    ]
  })
  return [
    'Cost of capture rules for what is not captured: microseconds of one connect between two namespaces, median of',
    'each round; the rules are applied and removed in turns:',
    '',
    table(['', 'rounds', 'µs', 'paired ratio'], rows),
  ].join('\n')
}
