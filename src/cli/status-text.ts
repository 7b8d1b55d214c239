/** The status report for people: what is, then what happened. Times of a migration are shown relative to its first step. */
import { stripVTControlCharacters, styleText } from 'node:util'
import type { MigrationStatus, PeerStatus, SessionStatus, StatusReport } from '../sidecar/status.ts'

type Style = Parameters<typeof styleText>[0]
type Paint = (style: Style, text: string) => string

const SESSIONS_SHOWN = 20
const MIGRATIONS_SHOWN = 10

export function renderStatus(report: StatusReport, hasColor: boolean): string {
  const paint: Paint = (style, text) => (hasColor ? styleText(style, text) : text)
  const lines = [
    `${paint('bold', 'holdfast')} ${report.version}  pid ${report.pid}  up ${duration(report.uptimeSeconds)}`,
    `identity   ${report.peerId}`,
    `listening  ${report.listening.join(', ') || 'nothing'}`,
    ...report.forwards.map(({ listen, peer, to }) => `forward    ${listen} -> ${peer} ${to}`),
    ...report.peers.flatMap(peer => ['', ...peerLines(peer, paint)]),
  ]
  return `${lines.join('\n')}\n`
}

function peerLines(peer: PeerStatus, paint: Paint): string[] {
  const style: Style = peer.state === 'stable' ? 'green' : peer.state === 'idle' ? 'dim' : 'yellow'
  const lines = [`${paint('bold', peer.name)}  ${paint(style, peer.state)}  epoch ${peer.epoch}  ${paint('dim', peer.peerId)}`]
  const { lastFailure } = peer
  if (lastFailure !== null) lines.push(`  ${paint('red', lastFailure.code)} ${lastFailure.message} (${lastFailure.at})`)
  lines.push(...section('paths', ['', 'local', 'remote', 'scheme', 'dialed by', 'RTT'], pathRows(peer)))
  const shown = peer.sessions.slice(0, SESSIONS_SHOWN)
  const headings = ['session', 'side', 'state', 'client', 'to', 'sent', 'received', 'unacked']
  lines.push(...section(`sessions (${peer.sessions.length})`, headings, shown.map(sessionRow)))
  const recent = peer.migrations.slice(-MIGRATIONS_SHOWN)
  lines.push(...section(`migrations (${peer.migrations.length})`, MIGRATION_HEADINGS, recent.map(migrationRow)))
  return lines
}

function pathRows(peer: PeerStatus): string[][] {
  return peer.paths.map(path => [
    path.role,
    path.local,
    path.remote,
    path.scheme,
    path.dialed ? 'us' : 'peer',
    path.rttMs === null ? '-' : `${path.rttMs} ms`,
  ])
}

function sessionRow(one: SessionStatus): string[] {
  const { sessionId, side, state, client, to } = one
  return [sessionId.slice(0, 8), side, state, client, to, bytes(one.sentBytes), bytes(one.receivedBytes), bytes(one.outboxBytes)]
}

const MIGRATION_HEADINGS = [
  'when',
  'epoch',
  'by',
  'reason',
  'to',
  'detected',
  'suspended',
  'announced',
  'acknowledged',
  'resumed',
  'replayed',
  'blackout',
]

function migrationRow(one: MigrationStatus): string[] {
  const steps = [one.detectedAt, one.suspendedAt, one.announcedAt, one.acknowledgedAt, one.resumedAt]
  const first = Math.min(...steps.filter(step => step !== null).map(step => Date.parse(step)))
  const relative = steps.map(step => (step === null ? '-' : `+${Date.parse(step) - first} ms`))
  const blackout = one.blackoutMs === null ? '-' : `${one.blackoutMs} ms`
  const when = new Date(first).toISOString().slice(11, 23)
  return [when, String(one.epoch), one.migrator, one.reason, one.to, ...relative, bytes(one.bytesReplayed), blackout]
}

function section(title: string, headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [`  ${title}: none`]
  const table = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...table.map(row => width(row[column] ?? ''))))
  const line = (row: readonly string[]) => row.map((cell, column) => cell + ' '.repeat(widths[column]! - width(cell))).join('  ')
  return [`  ${title}`, ...table.map(row => `    ${line(row).trimEnd()}`)]
}

function width(text: string): number {
  return stripVTControlCharacters(text).length
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

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
}
