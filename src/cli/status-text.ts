/** The status report for people: what is, then what happened. Steps of a migration are shown relative to its first one. */
import { styleText } from 'node:util'
import type {
  MigrationStatus,
  PathStatus,
  PeerStatus,
  ProxyStatus,
  SessionStatus,
  StatusReport,
} from '../sidecar/status.ts'
import { harmless } from './terminal.ts'

export interface Look {
  readonly hasColor: boolean
  /** A table that is wider is shown row by row; Infinity where nothing wraps. */
  readonly columns: number
}

type Style = Parameters<typeof styleText>[0]
type Paint = (style: Style, text: string) => string

interface Column<Row> {
  readonly heading: string
  readonly isNumber?: boolean
  cell(row: Row): string
}

const SESSIONS_SHOWN = 20
const MIGRATIONS_SHOWN = 10
const STATE_STYLE: Readonly<Record<PeerStatus['state'], Style>> = {
  idle: 'dim',
  stable: 'green',
  suspended: 'red',
  announcing: 'yellow',
}

export function renderStatus(report: StatusReport, { hasColor, columns }: Look): string {
  const paint: Paint = (style, text) => (hasColor ? styleText(style, text, { validateStream: false }) : text)
  const lines = [
    `${paint('bold', 'holdfast')} ${report.version}   pid ${report.pid}   up ${uptime(report.uptimeSeconds)}`,
    `${paint('dim', 'identity ')}  ${report.peerId}`,
    `${paint('dim', 'listening')}  ${report.listening.join('  ') || 'nothing: this host only dials'}`,
    ...report.forwards.map(one => `${paint('dim', 'forward  ')}  ${one.listen} -> ${harmless(one.peer)} ${one.to}`),
    ...report.proxies.map(one => `${paint('dim', 'proxy    ')}  ${one.listen} -> ${proxyText(one)}`),
    ...report.peers.flatMap(peer => ['', ...peerLines(peer, paint, columns)]),
  ]
  if (report.peers.length === 0) lines.push('', 'no peers: add them to the configuration')
  return `${lines.join('\n')}\n`
}

function proxyText({ peer, optimistic, hasPassword }: ProxyStatus): string {
  const more = [...(optimistic ? ['optimistic'] : []), ...(hasPassword ? ['with a password'] : [])]
  return [peer === null ? 'what has a route, the rest directly' : harmless(peer), ...more].join(', ')
}

export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = count
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

function peerLines(peer: PeerStatus, paint: Paint, columns: number): string[] {
  const state = paint(STATE_STYLE[peer.state], peer.state)
  const lines = [
    `${paint('bold', harmless(peer.name))}   ${state}   epoch ${peer.epoch}   ${paint('dim', peer.peerId)}`,
  ]
  const { lastFailure, sessions, migrations } = peer
  if (lastFailure !== null) {
    const { code, message, endpoint, at } = lastFailure
    lines.push(`  ${paint('red', code)} ${harmless(message)} (${harmless(endpoint)}, ${moment(Date.parse(at))})`)
  }
  const table = <Row>(title: string, known: readonly Column<Row>[], rows: readonly Row[]) => {
    lines.push(...tableLines(title, known, rows, paint, columns))
  }
  table('paths', PATH_COLUMNS, peer.paths)
  table(`sessions (${sessions.length})`, SESSION_COLUMNS, sessions.slice(0, SESSIONS_SHOWN))
  if (sessions.length > SESSIONS_SHOWN) lines.push(`    and ${sessions.length - SESSIONS_SHOWN} more: see --json`)
  table(`last migrations (${migrations.length})`, MIGRATION_COLUMNS, migrations.slice(-MIGRATIONS_SHOWN))
  return lines
}

const PATH_COLUMNS: readonly Column<PathStatus>[] = [
  { heading: 'role', cell: one => one.role },
  { heading: 'local', cell: one => one.local },
  { heading: 'remote', cell: one => one.remote },
  { heading: 'scheme', cell: one => one.scheme },
  { heading: 'dialed by', cell: one => (one.dialed ? 'us' : 'peer') },
  { heading: 'RTT', isNumber: true, cell: one => (one.rttMs === null ? '-' : `${one.rttMs.toFixed(1)} ms`) },
]

const SESSION_COLUMNS: readonly Column<SessionStatus>[] = [
  { heading: 'session', cell: one => one.sessionId.slice(0, 8) },
  { heading: 'side', cell: one => one.side },
  { heading: 'state', cell: one => one.state },
  { heading: 'client', cell: one => one.client },
  { heading: 'to', cell: one => one.to },
  { heading: 'sent', isNumber: true, cell: one => bytes(one.sentBytes) },
  { heading: 'received', isNumber: true, cell: one => bytes(one.receivedBytes) },
  { heading: 'unacknowledged', isNumber: true, cell: one => bytes(one.outboxBytes) },
]

const MIGRATION_COLUMNS: readonly Column<MigrationStatus>[] = [
  { heading: 'when', cell: one => moment(beginning(one)) },
  { heading: 'epoch', isNumber: true, cell: one => String(one.epoch) },
  { heading: 'by', cell: one => one.migrator },
  { heading: 'reason', cell: one => one.reason },
  { heading: 'detected', isNumber: true, cell: one => step(one, one.detectedAt) },
  { heading: 'suspended', isNumber: true, cell: one => step(one, one.suspendedAt) },
  { heading: 'announced', isNumber: true, cell: one => step(one, one.announcedAt) },
  { heading: 'acknowledged', isNumber: true, cell: one => step(one, one.acknowledgedAt) },
  { heading: 'resumed', isNumber: true, cell: one => step(one, one.resumedAt) },
  { heading: 'replayed', isNumber: true, cell: one => bytes(one.bytesReplayed) },
  { heading: 'blackout', isNumber: true, cell: one => (one.blackoutMs === null ? '-' : elapsed(one.blackoutMs)) },
  { heading: 'new path', cell: one => one.to },
]

function tableLines<Row>(
  title: string,
  known: readonly Column<Row>[],
  rows: readonly Row[],
  paint: Paint,
  columns: number,
): string[] {
  if (rows.length === 0) return [`  ${title}: none`]
  const cells = [known.map(one => one.heading), ...rows.map(row => known.map(one => harmless(one.cell(row))))]
  const widths = known.map((_, i) => Math.max(...cells.map(line => line[i]!.length)))
  const [headings, ...lines] = cells.map(line => {
    const padded = line.map((cell, i) => (known[i]!.isNumber ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
    return `    ${padded.join('  ').trimEnd()}`
  })
  const isFitting = [headings!, ...lines].every(line => line.length <= columns)
  if (isFitting) return [`  ${title}`, paint('dim', headings!), ...lines]
  const [names, ...values] = cells
  return [`  ${title}`, ...values.flatMap(row => stackedLines(names!, row, paint, columns))]
}

/** One row of a table, each value after its heading, on as many lines as it takes. */
function stackedLines(headings: readonly string[], row: readonly string[], paint: Paint, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  let length = 0
  row.forEach((cell, i) => {
    const pair = `${headings[i]} ${cell}`
    if (i > 0 && length + 2 + pair.length > columns) {
      lines.push(line)
      length = 0
    }
    const before = length > 0 ? '  ' : i === 0 ? '    ' : '      '
    line = `${length > 0 ? line : ''}${before}${paint('dim', headings[i]!)} ${cell}`
    length += before.length + pair.length
  })
  return [...lines, line]
}

/** Unix milliseconds of the first step. */
function beginning({ detectedAt, suspendedAt, announcedAt, acknowledgedAt, resumedAt }: MigrationStatus): number {
  const steps = [detectedAt, suspendedAt, announcedAt, acknowledgedAt, resumedAt]
  return Math.min(...steps.filter(at => at !== null).map(Date.parse))
}

function step(migration: MigrationStatus, at: string | null): string {
  return at === null ? '-' : `+${elapsed(Date.parse(at) - beginning(migration))}`
}

function elapsed(ms: number): string {
  if (ms < 10_000) return `${Math.round(ms)} ms`
  return ms < 600_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`
}

function uptime(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (hours < 1) return `${minutes} min`
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** Local time, as in the log. */
function moment(ms: number): string {
  const at = new Date(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}
