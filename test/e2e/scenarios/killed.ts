/** One sidecar is killed without a word: its sessions are lost, and every application must hear of it as a reset. */
import assert from 'node:assert/strict'
import type { Agent } from '../programs/agent-driver.ts'
import { type FlowReport, monotonicMs } from '../programs/agent-protocol.ts'
import { lasting, until } from '../wait.ts'
import { TOGETHER } from './addresses.ts'
import type { Scenario } from './scenario.ts'
import type { Stand } from './stand.ts'

/** The kernel resets at once; the rest is the time to look. */
const AT_ONCE_MS = 500
const AFTER_RETURN_MS = 5_000
const AWAY_MS = 2_000

export const nearKilled: Scenario = {
  name: '11a-near-killed',
  title: 'SIGKILL of the near sidecar, and its return',
  runs: TOGETHER,
  play: stand => killAndReturn(stand, 'near'),
}

export const farKilled: Scenario = {
  name: '11b-far-killed',
  title: 'SIGKILL of the far sidecar, and its return',
  runs: TOGETHER,
  play: stand => killAndReturn(stand, 'far'),
}

async function killAndReturn(stand: Stand, side: 'near' | 'far'): Promise<void> {
  const [killed, here, there] =
    side === 'near' ? [stand.near, stand.nearAgent, stand.farAgent] : [stand.far, stand.farAgent, stand.nearAgent]
  const ids = stand.directions.flatMap(direction => [`${direction}-bytes`, `${direction}-ticks`])
  const killedAtMs = monotonicMs()
  await killed.kill()
  const hereMs = await resetsOf(here, ids, killedAtMs, AT_ONCE_MS)
  await lasting(AWAY_MS)
  for (const id of ids) {
    const report = await there.report(id)
    assert.deepEqual([report?.state, report?.receivedSha256], ['open', null], `${id} on the other side, meanwhile`)
  }
  await killed.start()
  const thereMs = await resetsOf(there, ids, monotonicMs(), AFTER_RETURN_MS)
  stand.notes.push(`reset ${hereMs.toFixed(0)} ms after the kill, and ${thereMs.toFixed(0)} ms after the return`)
  for (const id of ids) {
    const accepted = await stand.farAgent.report(id)
    assert.equal(accepted?.accepts, 1, `${id}: connections the server accepted`)
  }
  stand.forgetLoad()
  stand.open({ id: 'afterwards', kind: 'bytes', up: true, down: true, mbits: 10 })
  await until('bytes of a new connection', { deadlineMs: AFTER_RETURN_MS }, async () => {
    const reports = await Promise.all([stand.nearAgent, stand.farAgent].map(agent => agent.report('afterwards')))
    return reports.every(report => (report?.receivedBytes ?? 0) > 100_000) ? true : undefined
  })
  await stand.settleBoth('afterwards')
}

/** Waits for a reset of each, after a true prefix and without a clean end. @returns when the last came, since `sinceMs` */
async function resetsOf(agent: Agent, ids: readonly string[], sinceMs: number, deadlineMs: number): Promise<number> {
  const reports: FlowReport[] = []
  for (const id of ids) {
    const leftMs = Math.max(0, sinceMs + deadlineMs - monotonicMs())
    const report = await until(`the reset of ${id}`, { deadlineMs: leftMs }, async () => {
      const seen = await agent.report(id)
      return seen !== null && seen.state !== 'open' ? seen : undefined
    })
    assert.equal(report.receivedSha256, null, `${id} seems to have ended cleanly`)
    assert.equal(report.state, 'failed', `${id} ended without an error`)
    assert.match(report.error ?? '', /^(ECONNRESET|EPIPE)$/, `${id} failed`)
    assert.equal(report.wrongAt, null, `${id}: first wrong byte or tick`)
    reports.push(report)
  }
  return Math.max(...reports.map(report => (report.failedAtMs ?? 0) - sinceMs))
}
