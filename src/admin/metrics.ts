/**
 * Prometheus metrics, made from the status and the counters when they are asked for: the data path counts plain integers and
 * nothing else. No label has a session ID or an address. prom-client is loaded at the first scrape, since it costs memory that
 * a sidecar which nobody scrapes need not have; and not by import(), since Node remembers one that failed, so that a moment
 * without file descriptors would be the end of metrics.
 */
import { createRequire } from 'node:module'
import type * as Prom from 'prom-client'
import type { Counter, Gauge, Registry } from 'prom-client'
import { descriptorCounts } from '../platform/descriptors.ts'
import type { Sidecar } from '../sidecar/sidecar-api.ts'
import type { PeerStatus, StatusReport } from '../sidecar/status.ts'
import { BLACKOUT_BOUNDS_MS, type MigrationTotals, type Totals } from '../sidecar/totals.ts'

const require = createRequire(import.meta.url)
const prom = (): typeof Prom => require('prom-client')

const PEER_STATES: readonly PeerStatus['state'][] = ['idle', 'stable', 'suspended', 'announcing']

export async function renderMetrics(sidecar: Sidecar): Promise<{ contentType: string; text: string }> {
  const registry = new (prom().Registry)()
  const report = sidecar.status()
  addProcess(registry, report)
  addPeers(registry, report.peers)
  addTotals(registry, sidecar.totals())
  addKernelCounts(registry, await sidecar.kernelCounts())
  return { contentType: registry.contentType, text: await registry.metrics() }
}

function addProcess(registry: Registry, { version, uptimeSeconds }: StatusReport): void {
  gauge(registry, 'holdfast_build_info', 'Always 1; the version is in the label.', ['version']).set({ version }, 1)
  gauge(registry, 'holdfast_uptime_seconds', 'Seconds since the sidecar started.').set(uptimeSeconds)
  gauge(registry, 'process_resident_memory_bytes', 'Resident memory.').set(process.memoryUsage.rss())
  const { user, system } = process.cpuUsage()
  counter(registry, 'process_cpu_seconds_total', 'User and system CPU time.').inc((user + system) / 1e6)
  const descriptors = descriptorCounts()
  if (descriptors === undefined) return
  gauge(registry, 'process_open_fds', 'File descriptors in use.').set(descriptors.open)
  gauge(registry, 'process_max_fds', 'File descriptors that may be in use.').set(descriptors.max)
}

function addPeers(registry: Registry, peers: readonly PeerStatus[]): void {
  const states = gauge(registry, 'holdfast_peer_state', '1 for the state a peer is in.', ['peer', 'state'])
  const epochs = gauge(registry, 'holdfast_peer_epoch', 'Epoch in force.', ['peer'])
  const sessions = gauge(registry, 'holdfast_sessions', 'Sessions open now.', ['peer', 'side'])
  const carriers = gauge(registry, 'holdfast_carriers', 'Carriers open now.', ['peer', 'scheme', 'role'])
  const rtt = gauge(registry, 'holdfast_path_rtt_seconds', 'Smoothed round-trip time of the active path.', ['peer'])
  const outbox = gauge(registry, 'holdfast_outbox_bytes', 'Bytes taken from applications, not acknowledged.', ['peer'])
  for (const { name: peer, state, epoch, paths, sessions: open } of peers) {
    for (const one of PEER_STATES) states.set({ peer, state: one }, one === state ? 1 : 0)
    epochs.set({ peer }, epoch)
    for (const side of ['near', 'far'] as const) {
      sessions.set({ peer, side }, open.filter(session => session.side === side).length)
    }
    for (const { scheme, role } of paths) carriers.inc({ peer, scheme, role })
    outbox.set(
      { peer },
      open.reduce((bytes, session) => bytes + session.outboxBytes, 0),
    )
    const rttMs = paths.find(path => path.role === 'active')?.rttMs
    if (rttMs != null) rtt.set({ peer }, rttMs / 1_000)
  }
}

function addTotals(registry: Registry, totals: Totals): void {
  const { sessionsOpened, directConnections, capturedConnections, suspensions, proxyRefusals } = totals
  const { sentBytes, receivedBytes, resets, migrations } = totals
  const reset = counter(registry, 'holdfast_session_resets_total', 'Sessions reset, by code.', ['code'])
  for (const [code, count] of resets) reset.inc({ code }, count)
  const opened = counter(registry, 'holdfast_sessions_opened_total', 'Sessions opened.', ['side'])
  opened.inc({ side: 'near' }, sessionsOpened.near)
  opened.inc({ side: 'far' }, sessionsOpened.far)
  const direct = counter(registry, 'holdfast_direct_connections_total', 'Connections past every peer.', ['reason'])
  for (const [reason, count] of Object.entries(directConnections)) direct.inc({ reason }, count)
  const captured = counter(registry, 'holdfast_captured_connections_total', 'Connections captured.', ['mode', 'family'])
  for (const { mode, family, count } of capturedConnections) captured.inc({ mode, family }, count)
  const suspended = 'Lost carriers whose packets the kernel was told to drop.'
  counter(registry, 'holdfast_suspensions_total', suspended).inc(suspensions)
  const refused = counter(registry, 'holdfast_proxy_refusals_total', 'Connections turned away by proxies.', ['reason'])
  for (const [reason, count] of proxyRefusals) refused.inc({ reason }, count)
  counter(registry, 'holdfast_sent_bytes_total', 'Bytes taken from applications.').inc(sentBytes)
  counter(registry, 'holdfast_received_bytes_total', 'Bytes handed to applications.').inc(receivedBytes)
  const labels = ['reason', 'migrator']
  const moved = counter(registry, 'holdfast_migrations_total', 'Migrations, by reason and by who proposed.', labels)
  const replayed = counter(registry, 'holdfast_replayed_bytes_total', 'Bytes sent again after migrations.', labels)
  for (const { reason, migrator, count, replayedBytes } of migrations) {
    moved.inc({ reason, migrator }, count)
    replayed.inc({ reason, migrator }, replayedBytes)
  }
  registry.registerMetric(blackoutHistogram(migrations))
}

/** They begin anew where the rules were applied anew, and have no sample where they cannot be read. */
function addKernelCounts(registry: Registry, counts: ReadonlyMap<string, number>): void {
  const judged = 'Connections that met the rules of a capture, counted by the kernel.'
  const verdicts = counter(registry, 'holdfast_firewall_connections_total', judged, ['verdict'])
  for (const verdict of ['own', 'captured', 'passed']) {
    const count = counts.get(verdict)
    if (count !== undefined) verdicts.inc({ verdict }, count)
  }
  const lost = 'Packets of lost carriers that the kernel dropped.'
  const dropped = counter(registry, 'holdfast_suspension_dropped_packets_total', lost, ['direction'])
  for (const direction of ['in', 'out']) {
    const count = counts.get(`dropped_${direction}`)
    if (count !== undefined) dropped.inc({ direction }, count)
  }
}

const BLACKOUT = 'holdfast_migration_blackout_seconds'
const BLACKOUT_HELP = 'From detection to resumption of each migration.'

/** A histogram that was counted elsewhere. */
function blackoutHistogram(rows: readonly MigrationTotals[]) {
  const { Histogram } = prom()
  const empty = new Histogram({
    name: BLACKOUT,
    help: BLACKOUT_HELP,
    labelNames: ['reason', 'migrator'],
    registers: [],
  })
  // What a Registry asks for, and what `get` is made of: it must not call that.
  return Object.assign(empty, {
    getForPromString: async () => ({
      name: BLACKOUT,
      help: BLACKOUT_HELP,
      type: 'histogram',
      values: rows.flatMap(valuesOf),
    }),
  })
}

function valuesOf({ reason, migrator, blackout }: MigrationTotals) {
  const row = (suffix: string, value: number, le?: string) => ({
    metricName: `${BLACKOUT}_${suffix}`,
    labels: { ...(le === undefined ? {} : { le }), reason, migrator },
    sharedLabels: {},
    value,
  })
  return [
    ...blackout.atMost.map((count, i) => row('bucket', count, String(BLACKOUT_BOUNDS_MS[i]! / 1_000))),
    row('bucket', blackout.count, '+Inf'),
    row('sum', blackout.sumMs / 1_000),
    row('count', blackout.count),
  ]
}

function gauge(registry: Registry, name: string, help: string, labelNames: string[] = []): Gauge {
  return new (prom().Gauge)({ name, help, labelNames, registers: [registry] })
}

function counter(registry: Registry, name: string, help: string, labelNames: string[] = []): Counter {
  return new (prom().Counter)({ name, help, labelNames, registers: [registry] })
}
