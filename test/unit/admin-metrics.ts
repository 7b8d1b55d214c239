import t from 'tap'
import { renderMetrics } from '../../src/admin/metrics.ts'
import type { Sidecar } from '../../src/sidecar/sidecar-api.ts'
import type { MigrationStatus, StatusReport } from '../../src/sidecar/status.ts'
import { TotalsCounter } from '../../src/sidecar/totals.ts'

function sidecarOf(totals: TotalsCounter, counts: ReadonlyMap<string, number> = new Map()): Sidecar {
  const report: Partial<StatusReport> = { version: '1.2.3', uptimeSeconds: 7, peers: [] }
  const kernelCounts = async () => counts
  return { status: () => report, totals: () => totals.read(), kernelCounts } as unknown as Sidecar
}

t.test('a scrape of a sidecar in which nothing has happened', async t => {
  const { contentType, text } = await renderMetrics(sidecarOf(new TotalsCounter()))
  t.match(contentType, /^text\/plain/)
  t.match(text, 'holdfast_build_info{version="1.2.3"} 1\n')
  t.match(text, '# TYPE holdfast_migration_blackout_seconds histogram\n')
})

t.test('migrations are counted by reason and migrator, with their blackouts in buckets', async t => {
  const totals = new TotalsCounter()
  for (const blackoutMs of [4, 30, 700]) {
    const row: Partial<MigrationStatus> = { reason: 'gone', migrator: 'local', bytesReplayed: 10, blackoutMs }
    totals.countMigration(() => row as MigrationStatus)
  }
  const { text } = await renderMetrics(sidecarOf(totals))
  const labels = 'reason="gone",migrator="local"'
  const name = 'holdfast_migration_blackout_seconds'
  for (const line of [
    `holdfast_migrations_total{${labels}} 3`,
    `holdfast_replayed_bytes_total{${labels}} 30`,
    `${name}_bucket{le="0.005",${labels}} 1`,
    `${name}_bucket{le="0.05",${labels}} 2`,
    `${name}_bucket{le="+Inf",${labels}} 3`,
    `${name}_sum{${labels}} 0.734`,
    `${name}_count{${labels}} 3`,
  ]) {
    t.match(text, `${line}\n`)
  }
})

t.test('what was captured and suspended is counted here, and what the kernel made of it there', async t => {
  const totals = new TotalsCounter()
  totals.countCaptured('10.0.0.1')
  const before = (await renderMetrics(sidecarOf(totals))).text
  t.match(before, '# TYPE holdfast_firewall_connections_total counter\n')
  t.notMatch(
    before,
    /^holdfast_(firewall_connections|suspension_dropped|captured)\w+\{/m,
    'nothing is captured or read',
  )
  totals.beginCapture('tproxy')
  for (const host of ['10.0.0.1', '10.0.0.2', 'fd00::1']) totals.countCaptured(host)
  totals.suspensions = 4
  const counts = new Map(Object.entries({ own: 5, captured: 6, passed: 0, dropped_in: 7, dropped_out: 8, theirs: 9 }))
  const { text } = await renderMetrics(sidecarOf(totals, counts))
  for (const line of [
    'holdfast_captured_connections_total{mode="tproxy",family="ipv4"} 2',
    'holdfast_captured_connections_total{mode="tproxy",family="ipv6"} 1',
    'holdfast_suspensions_total 4',
    'holdfast_firewall_connections_total{verdict="own"} 5',
    'holdfast_firewall_connections_total{verdict="captured"} 6',
    'holdfast_firewall_connections_total{verdict="passed"} 0',
    'holdfast_suspension_dropped_packets_total{direction="in"} 7',
    'holdfast_suspension_dropped_packets_total{direction="out"} 8',
  ]) {
    t.match(text, `${line}\n`)
  }
})
