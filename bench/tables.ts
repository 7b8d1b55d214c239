/** The results as Markdown: the same text on the terminal and in docs/benchmarks.md. Aims are shown, never asserted. */
import type {
  BlackoutArm,
  BlackoutResult,
  Direction,
  Machine,
  MemoryResult,
  MemorySide,
  ThroughputPeer,
  ThroughputResult,
} from './results.ts'
import { mean, median, percentile, slope } from './statistics.ts'

const DIRECTIONS: readonly Direction[] = ['upload', 'download']
/** The subject the aims are about. */
const HOLDFAST = 'Holdfast'
/** The events of the blackout aim, and the event of the kernel's that they are compared with. */
const COLD_PATH_EVENTS = ['renumbering', 'uplink change']
const RIVAL_EVENT = 'interface down'

/** An empty line, the table, the aims. */
export function throughputText(result: ThroughputResult): string {
  const holdfast = result.peers.find(peer => peer.name === HOLDFAST)
  const sections = DIRECTIONS.map(direction => {
    const rows = result.peers.map(peer => throughputRow(peer, direction, holdfast))
    const header = [
      '',
      'version',
      'cipher',
      'min',
      'median',
      'max',
      'Holdfast / it, paired',
      'CPU s/GB near',
      'CPU s/GB far',
    ]
    return [`${direction}, Gbit/s:`, '', table(header, rows), '', ...throughputAim(result, direction, holdfast)].join(
      '\n',
    )
  })
  const mebibytes = result.bytes / 2 ** 20
  return [
    machineLine(result.machine),
    '',
    `One stream over loopback, ${mebibytes} MiB by ${result.generator}, ${result.rounds} interleaved rounds.`,
    `Settings: ${result.peers.map(peer => `${peer.name}: ${peer.settings}`).join('; ')}.`,
    '',
    sections.join('\n\n'),
  ].join('\n')
}

export function blackoutText(result: BlackoutResult): string {
  const rows = result.arms.map(arm => {
    const worst = worstOf(arm)
    const [p50, p95, most] = [median(worst), percentile(worst, 0.95), Math.max(...worst)]
    const inR = (ms: number) => (worst.length === 0 ? '-' : `${ms.toFixed(1)} (${(ms / arm.roundTripMs).toFixed(1)} R)`)
    const directions = [arm.samples.map(s => s.uploadMs), arm.samples.map(s => s.downloadMs)]
    return [
      ...[arm.subject, arm.event, String(worst.length), String(arm.unproved), arm.roundTripMs.toFixed(1)],
      ...[
        inR(p50),
        inR(p95),
        inR(most),
        directions.map(values => (values.length === 0 ? '-' : median(values).toFixed(1))).join(' / '),
      ],
    ]
  })
  const header = ['', 'event', 'n', 'unproved', 'R', 'p50', 'p95', 'max', 'p50 up / down']
  return [
    machineLine(result.machine),
    '',
    `Milliseconds. Path: ${result.link}.`,
    `A tick every ${result.tickMs} ms in each direction of one connection; the blackout is the longest gap between`,
    'arrivals around an event, in the direction where it was longer.',
    `${result.versions.join('; ')}.`,
    '',
    table(header, rows),
    '',
    ...blackoutAims(result.arms),
  ].join('\n')
}

export function memoryText(result: MemoryResult): string {
  const rows = result.subjects.flatMap(subject =>
    subject.sides.map(side => [
      `${subject.name} ${side.side}`,
      subject.version,
      (side.restKib / 1024).toFixed(1),
      side.restCpuPercent.toFixed(2),
      kibPerSession(side).toFixed(1),
      side.idleSessionsCpuPercent.toFixed(2),
      side.points.map(point => `${point.sessions}: ${(point.residentKib / 1024).toFixed(0)}`).join(', '),
    ]),
  )
  const header = [
    '',
    'version',
    'RSS at rest, MiB',
    'CPU at rest, %',
    'KiB per idle session',
    'CPU with all idle, %',
    'RSS, MiB',
  ]
  const sides = result.subjects.find(subject => subject.name === HOLDFAST)?.sides ?? []
  const restAim = Number(/^v(\d+)/.exec(result.machine.node)?.[1]) === 20 ? 80 : 95
  return [
    machineLine(result.machine),
    '',
    `CPU is percent of one core over ${result.restSeconds} s; KiB per session is the slope through the RSS points.`,
    '',
    table(header, rows),
    '',
    ...sides.flatMap(side => [
      aim(`${side.side}: at most 16 KiB per idle session`, kibPerSession(side), 'KiB', kibPerSession(side) <= 16),
      aim(`${side.side}: at most ${restAim} MiB at rest`, side.restKib / 1024, 'MiB', side.restKib / 1024 <= restAim),
      aim(`${side.side}: at most 0.5 % of a core at rest`, side.restCpuPercent, '%', side.restCpuPercent <= 0.5),
    ]),
  ].join('\n')
}

function throughputRow(peer: ThroughputPeer, direction: Direction, holdfast: ThroughputPeer | undefined): string[] {
  const samples = peer.samples.filter(sample => sample.direction === direction)
  const rates = samples.map(sample => sample.gbitPerSecond)
  const perGigabyte = (side: 'nearCpuSeconds' | 'farCpuSeconds') =>
    mean(samples.map(sample => sample[side] / (sample.bytes / 1e9))).toFixed(2)
  const ratios = holdfast === undefined ? [] : pairedRatios(holdfast, peer, direction)
  const spread = `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})`
  return [
    ...[peer.name, peer.version, peer.cipher],
    ...[Math.min(...rates), median(rates), Math.max(...rates)].map(rate => rate.toFixed(2)),
    ...[ratios.length === 0 ? '-' : spread, perGigabyte('nearCpuSeconds'), perGigabyte('farCpuSeconds')],
  ]
}

/** Holdfast's rate over the peer's, round by round. */
function pairedRatios(holdfast: ThroughputPeer, peer: ThroughputPeer, direction: Direction): number[] {
  const rateIn = ({ samples }: ThroughputPeer, round: number) =>
    samples.find(sample => sample.round === round && sample.direction === direction)?.gbitPerSecond ?? Number.NaN
  const rounds = peer.samples.filter(sample => sample.direction === direction).map(sample => sample.round)
  return rounds.map(round => rateIn(holdfast, round) / rateIn(peer, round))
}

function throughputAim(result: ThroughputResult, direction: Direction, holdfast: ThroughputPeer | undefined): string[] {
  const rate = (peer: ThroughputPeer) =>
    median(peer.samples.filter(sample => sample.direction === direction).map(sample => sample.gbitPerSecond))
  const rivals = result.peers.filter(peer => peer.isEncrypted && peer !== holdfast)
  const best = rivals.toSorted((a, b) => rate(b) - rate(a))[0]
  if (holdfast === undefined || best === undefined) return []
  const ratio = median(pairedRatios(holdfast, best, direction))
  return [aim(`${direction}: at least 1.0 times the best encrypted peer (${best.name})`, ratio, 'times', ratio >= 1)]
}

function blackoutAims(arms: readonly BlackoutArm[]): string[] {
  const rival = arms.find(arm => arm.subject !== HOLDFAST && arm.event === RIVAL_EVENT && arm.samples.length > 0)
  const own = arms.filter(
    arm => arm.subject === HOLDFAST && COLD_PATH_EVENTS.includes(arm.event) && arm.samples.length > 0,
  )
  return own.flatMap(arm => {
    const p50 = median(worstOf(arm))
    const bound = 2 * arm.roundTripMs + 20
    const half = rival === undefined ? undefined : median(worstOf(rival)) / 2
    return [
      aim(`${arm.event}: at most 2 R + 20 ms = ${bound.toFixed(1)} ms at the median`, p50, 'ms', p50 <= bound),
      ...(half === undefined
        ? []
        : [aim(`${arm.event}: at most half of ${rival?.subject}'s, ${half.toFixed(1)} ms`, p50, 'ms', p50 <= half)]),
    ]
  })
}

function worstOf(arm: BlackoutArm): number[] {
  return arm.samples.map(sample => Math.max(sample.uploadMs, sample.downloadMs))
}

function kibPerSession(side: MemorySide): number {
  return slope(side.points.map(point => ({ x: point.sessions, y: point.residentKib })))
}

export function aim(wanted: string, value: number, unit: string, isMet: boolean): string {
  return `- Aim, ${wanted}: ${isMet ? 'met' : '**missed**'}, ${value.toFixed(2)} ${unit}.`
}

export function machineLine(machine: Machine): string {
  const { commit, cores, processor, memoryGib, kernel, node, at } = machine
  const host = `${cores} cores (${processor}), ${memoryGib} GiB, Linux ${kernel}, Node ${node.slice(1)}`
  return `Commit ${commit}, ${at.slice(0, 10)}; ${host}.`
}

/** A Markdown table whose columns line up; numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumeric = header.map((_, column) => rows.every(row => /^(-|[\d.]+( .*)?)$/.test(row[column] ?? '')))
  const widths = header.map((title, column) => Math.max(3, title.length, ...rows.map(row => row[column]?.length ?? 0)))
  const pad = (cell: string, column: number) =>
    isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
  const line = (cells: readonly string[]) => `| ${cells.map(pad).join(' | ')} |`
  const rule = widths.map((width, column) => (isNumeric[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  return [line(header), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n')
}
