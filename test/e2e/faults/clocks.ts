/**
 * Clocks that jump. A step of the wall clock is none of the product's business: it shows in what is written, and nothing else
 * happens. A sleep, and a virtual machine that stood still, put the path in doubt; the session goes on, at most on another carrier.
 */
import assert from 'node:assert/strict'
import type { MigrationStatus } from '../../../src/sidecar/status.ts'
import type { Jump } from '../lab/false-clocks.ts'
import { monotonicMs } from '../programs/agent-protocol.ts'
import { COLD, DOUBT } from '../scenarios/bounds.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import type { Stand } from '../scenarios/stand.ts'
import type { Sidecar } from '../sidecar.ts'
import { until } from '../wait.ts'
import { faultOf, newConnection, type Side } from './fault.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const SLEPT_MS = 10 * MINUTE_MS
/** How far what is read may be from what was set: the reading takes time, too. */
const SLACK_MS = MINUTE_MS
const DEADLINE_MS = 15_000
const PROGRAMS = { faketime: 'faketime' }

export const forwardNear = stepped('near', HOUR_MS, 'forward', 'an hour forward')
export const forwardFar = stepped('far', HOUR_MS, 'forward', 'an hour forward')
export const backNear = stepped('near', -DAY_MS, 'back', 'a day back')
export const backFar = stepped('far', -DAY_MS, 'back', 'a day back')
export const sleptNear = woken('near', 'sleep', 'the machine of the near sidecar has slept for 10 minutes')
export const sleptFar = woken('far', 'sleep', 'the machine of the far sidecar has slept for 10 minutes')
export const standstillNear = woken('near', 'standstill', standstillOf('near'))
export const standstillFar = woken('far', 'standstill', standstillOf('far'))

/** Twice the hold time, by the wall clock. */
export const pastTheHold = faultOf(
  'clock-hold',
  'no path for a moment, in which the wall clocks of both sidecars step two days forward',
  async stand => {
    const { lab, near, far } = stand
    await stand.fault({ what: 'the outage with the step', bound: COLD, countsFrom: 'path' }, async () => {
      await lab.uplinkDown('a')
      await lab.uplinkDown('b')
      await until('suspension', { deadlineMs: DEADLINE_MS }, async () => {
        const states = await Promise.all([near, far].map(async side => (await side.status()).peers[0]?.state))
        // The far side alone hears nothing.
        return states[0] === 'suspended' ? true : undefined
      })
      for (const side of [near, far]) {
        await side.jumpClocks(2 * DAY_MS)
        await stepSeen(stand, side, 2 * DAY_MS)
      }
      await lab.uplinkUp('a')
    })
    await moveInOrder(stand, 2 * DAY_MS, [near, far])
  },
  { programs: PROGRAMS, stand: () => ({ clocks: { near: 'step', far: 'step' } }) },
)

function stepped(side: Side, ms: number, way: string, words: string): Scenario {
  const title = `the wall clock of the ${side} sidecar steps ${words}`
  const play = async (stand: Stand) => {
    const sidecar = stand[side]
    const before = await stateOf(stand)
    await stand.fault({ what: 'the step', bound: COLD }, async () => {
      await sidecar.jumpClocks(ms)
      await stepSeen(stand, sidecar, ms)
    })
    assert.deepEqual(await stateOf(stand), before, 'carriers and epochs')
    await moveInOrder(stand, ms, [sidecar])
    // Full handshakes between clocks so far apart.
    await stand.finish()
    stand.forgetLoad()
    await sidecar.kill()
    await sidecar.start()
    await newConnection(stand, 'afterwards')
  }
  return faultOf(`clock-${way}-${side}`, title, play, {
    programs: PROGRAMS,
    stand: () => ({ clocks: { [side]: 'step' } }),
  })
}

function woken(side: Side, jump: Jump, title: string): Scenario {
  const play = async (stand: Stand) => {
    const sidecar = stand[side]
    const before = await sidecar.status()
    const beforeMs = monotonicMs()
    await stand.fault({ what: `the ${jump}`, bound: DOUBT }, async () => {
      await sidecar.jumpClocks(SLEPT_MS)
      const sleptMs = await until('a line of the log that it woke', { deadlineMs: DEADLINE_MS }, () =>
        sidecar.lastSaid(/woke from sleep sleptMs=(\d+)/g)?.at(1),
      )
      mustBeNear(Number(sleptMs), jump === 'sleep' ? SLEPT_MS : 0, 'what it slept beyond its clock')
      stand.notes.push(`its log: woke from sleep sleptMs=${sleptMs}`)
    })
    await stepSeen(stand, sidecar, SLEPT_MS)
    const after = await sidecar.status()
    const uncountedMs = (after.uptimeSeconds - before.uptimeSeconds) * 1_000 - (monotonicMs() - beforeMs)
    mustBeNear(uncountedMs, jump === 'sleep' ? 0 : SLEPT_MS, 'what its monotonic clock went on')
    const moves = after.peers[0]!.epoch - before.peers[0]!.epoch
    assert.ok(moves <= 1, `${moves} moves`)
    stand.notes.push(`${moves} moves to another carrier`)
    await newConnection(stand, 'afterwards')
  }
  return faultOf(`clock-${jump}-${side}`, title, play, {
    programs: PROGRAMS,
    stand: () => ({ clocks: { [side]: jump } }),
  })
}

function standstillOf(side: Side): string {
  return `the virtual machine of the ${side} sidecar was stopped, and its clocks went on for 10 minutes`
}

/** What a step must leave alone. */
async function stateOf(stand: Stand) {
  const reports = await Promise.all([stand.near, stand.far].map(side => side.status()))
  return { carriers: await stand.carriers(), epochs: reports.map(({ peers }) => peers[0]?.epoch) }
}

/** Proves the step: the sidecar itself takes it for another time. */
async function stepSeen(stand: Stand, sidecar: Sidecar, ms: number): Promise<void> {
  const seenMs = await until('the step, as the sidecar sees it', { deadlineMs: DEADLINE_MS }, async () => {
    const aheadMs = (await sidecar.wallMs()) - Date.now()
    return Math.abs(aheadMs - ms) < SLACK_MS ? aheadMs : undefined
  })
  stand.notes.push(`the Date of its answers: ${Math.round(seenMs / 1_000)} s off`)
}

/** Moves to another carrier, and proves of the sidecars that their timelines are on their clocks, and in order. */
async function moveInOrder(stand: Stand, ms: number, sidecars: readonly Sidecar[]): Promise<void> {
  const counts = await Promise.all(sidecars.map(async side => (await migrationsOf(side)).length))
  await stand.near.migrate()
  for (const [index, sidecar] of sidecars.entries()) {
    const rows = await until('another migration', { deadlineMs: DEADLINE_MS }, async () => {
      const all = await migrationsOf(sidecar)
      return all.length > counts[index]! ? all : undefined
    })
    for (const row of rows) mustBeInOrder(row)
    const resumedAt = rows.at(-1)!.resumedAt
    mustBeNear(Date.parse(resumedAt ?? '') - Date.now(), ms, 'the time of the last migration')
    stand.notes.push(`a move at ${resumedAt} by its clock`)
  }
}

async function migrationsOf(sidecar: Sidecar): Promise<readonly MigrationStatus[]> {
  return (await sidecar.status()).peers[0]?.migrations ?? []
}

function mustBeInOrder(row: MigrationStatus): void {
  const times = [row.detectedAt, row.suspendedAt, row.announcedAt, row.acknowledgedAt, row.resumedAt]
  const known = times.filter(time => time !== null)
  assert.deepEqual([...known].sort(), known, `the times of epoch ${row.epoch}`)
  assert.ok((row.blackoutMs ?? 0) >= 0, `a blackout of ${row.blackoutMs} ms`)
}

function mustBeNear(ms: number, expectedMs: number, what: string): void {
  assert.ok(Math.abs(ms - expectedMs) < SLACK_MS, `${what}: ${Math.round(ms)} ms, not ${expectedMs} ms`)
}
