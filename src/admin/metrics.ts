/**
 * Prometheus metrics, computed from the status when they are asked for: the data path counts plain integers and nothing else.
 * No label has a session ID or an address. docs/metrics.md lists them, and a test keeps both equal.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import type { Sidecar } from '../sidecar/sidecar-api.ts'
import type { PeerStatus } from '../sidecar/status.ts'

export async function renderMetrics(sidecar: Sidecar): Promise<{ contentType: string; text: string }> {
  const registry = new Registry()
  const { peers, uptimeSeconds, version } = sidecar.status()
  const gauge = (name: string, help: string, labelNames: string[]) => new Gauge({ name, help, labelNames, registers: [registry] })
  gauge('holdfast_build_info', 'Always 1; the version is in the label.', ['version']).set({ version }, 1)
  gauge('holdfast_uptime_seconds', 'Seconds since the sidecar started.', []).set(uptimeSeconds)
  const states = gauge('holdfast_peer_state', '1 for the state a peer is in.', ['peer', 'state'])
  const epochs = gauge('holdfast_peer_epoch', 'Epoch in force.', ['peer'])
  const sessions = gauge('holdfast_sessions', 'Sessions open now.', ['peer', 'side'])
  const carriers = gauge('holdfast_carriers', 'Carriers open now.', ['peer', 'scheme', 'role'])
  const rtt = gauge('holdfast_path_rtt_seconds', 'Smoothed round-trip time of the active path.', ['peer'])
  const outbox = gauge('holdfast_outbox_bytes', 'Bytes taken from applications and not acknowledged.', ['peer'])
  const blackout = gauge('holdfast_last_blackout_seconds', 'Suspension of the last migration.', ['peer', 'reason'])
  const resets = new Counter({
    name: 'holdfast_session_resets_total',
    help: 'Sessions reset, by code.',
    labelNames: ['code'],
    registers: [registry],
  })
  for (const peer of peers) {
    states.set({ peer: peer.name, state: peer.state }, 1)
    epochs.set({ peer: peer.name }, peer.epoch)
    for (const { side } of peer.sessions) sessions.inc({ peer: peer.name, side })
    for (const { scheme, role } of peer.paths) carriers.inc({ peer: peer.name, scheme, role })
    outbox.set({ peer: peer.name }, sum(peer))
    const active = peer.paths.find(path => path.role === 'active')
    if (active?.rttMs != null) rtt.set({ peer: peer.name }, active.rttMs / 1000)
    const last = peer.migrations.at(-1)
    if (last?.blackoutMs != null) blackout.set({ peer: peer.name, reason: last.reason }, last.blackoutMs / 1000)
  }
  for (const [code, count] of sidecar.resets()) resets.inc({ code }, count)
  return { contentType: registry.contentType, text: await registry.metrics() }
}

function sum(peer: PeerStatus): number {
  return peer.sessions.reduce((bytes, session) => bytes + session.outboxBytes, 0)
}
