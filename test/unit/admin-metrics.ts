import t from 'tap'
import { renderMetrics } from '../../src/admin/metrics.ts'
import type { Sidecar } from '../../src/sidecar/sidecar-api.ts'
import type { MigrationStatus, StatusReport } from '../../src/sidecar/status.ts'
import { TotalsCounter } from '../../src/sidecar/totals.ts'

function sidecarOf(totals: TotalsCounter): Sidecar {
  const report: Partial<StatusReport> = { version: '1.2.3', uptimeSeconds: 7, peers: [] }
  return { status: () => report, totals: () => totals.read() } as unknown as Sidecar
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
