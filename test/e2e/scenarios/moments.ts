/**
 * Address changes at the awkward moments of a connection: while it opens, while it is half closed, while its reader is
 * slow. The router swallows what must not arrive before the change, so none of these moments is left to luck.
 */
import assert from 'node:assert/strict'
import { ADDRESS } from '../lab/lab.ts'
import type { Agent } from '../programs/agent-driver.ts'
import { type FlowReport, monotonicMs } from '../programs/agent-protocol.ts'
import { lasting, until } from '../wait.ts'
import { TOGETHER } from './addresses.ts'
import { COLD } from './bounds.ts'
import type { Direction, Scenario } from './scenario.ts'
import type { Stand } from './stand.ts'
import { proxyOf, type Way } from './ways.ts'

const OLD = ADDRESS.a.v4
const FRESH = '10.1.0.3'
const SOON = { deadlineMs: 2_000, everyMs: 2 }
const STOPPED_MS = 10_000
const STALLED_MS = 700
const STALL_DEADLINE_MS = 60_000
/** Both sides' windows and outboxes, and what four kernels' buffers take. */
const PILED_UP_BYTES_MAX = 96 * 1024 * 1024

export const connecting: Scenario = {
  name: '9a-connect',
  title: 'renumbering while connections open: before the server has heard of them, and before it was heard',
  runs: TOGETHER,
  // So little that without acknowledgements the path still takes what opens.
  stand: () => ({ loadMbits: 8 }),
  async play(stand) {
    const { lab, farAgent } = stand
    // A proxy says yes when the far side has: its clients are in neither state.
    const ways = stand.ways.filter(way => proxyOf(way) === undefined)
    const [asked, answered] = [ids('asked', 4), ids('answered', 4)]
    const nearAgentOf = (id: string) => stand.ends('upload', id)[0]
    let changedMs = { from: 0, to: 0 }
    await onePathOnly(stand)
    await stand.fault({ what: 'renumbering while connections open', bound: COLD }, async () => {
      await lab.router.blackholeTo(OLD)
      openBothWays(stand, answered, ways)
      await all(answered, id => reported(farAgent, id, () => true))
      await lab.router.blackholeFrom(OLD)
      openBothWays(stand, asked, ways)
      await all(asked, id => reported(nearAgentOf(id), id, ({ state }) => state === 'open'))
      const early = await Promise.all(answered.map(id => nearAgentOf(id).report(id)))
      for (const report of early) assert.equal(report?.receivedBytes, 0, `${report?.id} was answered before the change`)
      const fromMs = monotonicMs()
      await lab.renumber('a', OLD, FRESH)
      changedMs = { from: fromMs, to: monotonicMs() }
    })
    await stand.proveMoved([OLD], [FRESH])
    for (const id of answered) {
      const far = await reported(farAgent, id, () => true)
      assert.ok((far.openedAtMs ?? Number.MAX_VALUE) < changedMs.from, `${id} was accepted after the change`)
    }
    for (const id of asked) {
      const far = await reported(farAgent, id, () => true)
      assert.ok((far.openedAtMs ?? 0) > changedMs.to, `${id} was accepted before the change`)
    }
    await all([...asked, ...answered], id => stand.settleBoth(id))
    const counts = `${answered.length} accepted before it but not answered, and ${asked.length} after it`
    stand.notes.push(`connections opened before the change: ${counts}, each once`)
  },
}

export const halfClosing: Scenario = {
  name: '9b-half-close',
  title: 'renumbering while connections are half closed, and while the half-close is under way',
  runs: TOGETHER,
  async play(stand) {
    const { lab, directions, ways } = stand
    const named = (word: string) =>
      directions.flatMap(direction => ways.map(way => ({ direction, id: `${direction}-${word}-${way}` })))
    const [closed, closing] = [named('half-closed'), named('half-closing')]
    const both = [...closed, ...closing]
    await onePathOnly(stand)
    openBothWays(
      stand,
      both.map(({ id }) => id),
      ways,
    )
    await all(both, ({ direction, id }) => received(stand, direction, id, 50_000))
    await all(both, ({ direction, id }) => received(stand, other(direction), id, 50_000))
    await all(closed, ({ direction, id }) => endOneWay(stand, direction, id))
    await stand.fault({ what: 'renumbering while connections are half closed', bound: COLD }, async () => {
      await lab.router.blackholeFrom(OLD)
      await lab.router.blackholeTo(OLD)
      for (const { direction, id } of closing) stand.ends(direction, id)[0].stop(id)
      await all(closing, ({ direction, id }) =>
        reported(stand.ends(direction, id)[0], id, ({ sentSha256 }) => sentSha256 !== null),
      )
      await lab.renumber('a', OLD, FRESH)
      for (const { direction, id } of closing) {
        const report = await stand.ends(direction, id)[1].report(id)
        assert.equal(report?.receivedSha256, null, `the end of ${id} arrived before the change`)
      }
    })
    await stand.proveMoved([OLD], [FRESH])
    await all(closing, ({ direction, id }) => endOneWay(stand, direction, id))
    for (const { direction, id } of both) {
      const before = (await stand.ends(other(direction), id)[1].report(id))?.receivedBytes ?? 0
      await received(stand, other(direction), id, before + 50_000)
    }
    await all(both, ({ id }) => stand.settleBoth(id))
    stand.notes.push(`${both.length} half-closed connections carried on in the other direction`)
  },
}

export const stoppedReader: Scenario = {
  name: '9c-backpressure',
  title: 'renumbering while the reader has stopped for 10 s',
  runs: TOGETHER,
  async play(stand) {
    const { lab, directions } = stand
    await onePathOnly(stand)
    const idOf = (direction: Direction) => `${direction}-stopped`
    for (const direction of directions) {
      stand.open({ id: idOf(direction), kind: 'bytes', up: direction === 'upload', down: direction === 'download' })
      await received(stand, direction, idOf(direction), 1)
      stand.ends(direction)[1].pause(idOf(direction))
    }
    const stoppedAtMs = monotonicMs()
    const read = new Map<Direction, number>()
    const sent = new Map<Direction, number>()
    for (const direction of directions) {
      sent.set(direction, await stalled(stand.ends(direction)[0], idOf(direction)))
      read.set(direction, (await stand.ends(direction)[1].report(idOf(direction)))?.receivedBytes ?? 0)
    }
    await stand.fault({ what: 'renumbering while a reader is stopped', bound: COLD }, () =>
      lab.renumber('a', OLD, FRESH),
    )
    await stand.proveMoved([OLD], [FRESH])
    await lasting(Math.max(0, stoppedAtMs + STOPPED_MS - monotonicMs()))
    for (const direction of directions) {
      const id = idOf(direction)
      const [sender, receiver] = stand.ends(direction)
      const [atSender, atReceiver] = await Promise.all([sender.report(id), receiver.report(id)])
      assert.equal(atReceiver?.receivedBytes, read.get(direction), `${id}: the stopped reader read`)
      const piledUp = (atSender?.sentBytes ?? 0) - (atReceiver?.receivedBytes ?? 0)
      assert.ok(piledUp < PILED_UP_BYTES_MAX, `${id}: ${piledUp} bytes were taken from the sender`)
      stand.notes.push(`${id}: the sender stalled after ${sent.get(direction)} bytes, ${piledUp} at the end`)
      receiver.resume(id)
      await received(stand, direction, id, (atSender?.sentBytes ?? 0) + 50_000)
    }
    await all(directions, direction => stand.settle(idOf(direction), direction))
  },
}

/** So that it is the renumbering that moves them, and to where it says. */
async function onePathOnly(stand: Stand): Promise<void> {
  await stand.lab.uplinkDown('b')
  await stand.lab.removeAddress('a', ADDRESS.a.v6)
  await stand.progress('traffic over one path', monotonicMs())
}

function ids(word: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${word}-${index}`)
}

function other(direction: Direction): Direction {
  return direction === 'upload' ? 'download' : 'upload'
}

/** By one way after the other. */
function openBothWays(stand: Stand, ids: readonly string[], ways: readonly Way[]): void {
  for (const [index, id] of ids.entries())
    stand.open({ id, kind: 'bytes', up: true, down: true, mbits: 2 }, ways[index % ways.length])
}

async function all<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  await Promise.all(items.map(act))
}

/** Waits until a side says this of a connection. */
function reported(agent: Agent, id: string, isTrue: (report: FlowReport) => boolean): Promise<FlowReport> {
  return until(`news of ${id}`, SOON, async () => {
    const report = await agent.report(id)
    return report !== null && isTrue(report) ? report : undefined
  })
}

function received(stand: Stand, direction: Direction, id: string, bytes: number): Promise<FlowReport> {
  // Nothing is judged by this: a machine that is busy with other things takes its time.
  const deadline = { deadlineMs: 60_000 }
  return until(`${bytes} bytes of ${id}`, deadline, async () => {
    const report = await stand.ends(direction, id)[1].report(id)
    return report !== null && report.receivedBytes >= bytes ? report : undefined
  })
}

/** The sender ends its direction, and the other side hears of it while it goes on itself. */
async function endOneWay(stand: Stand, direction: Direction, id: string): Promise<void> {
  const [sender, receiver] = stand.ends(direction, id)
  sender.stop(id)
  const report = await reported(receiver, id, ({ receivedSha256 }) => receivedSha256 !== null)
  assert.deepEqual([report.state, report.sentSha256], ['open', null], `${id} is not half closed`)
}

/** Returns when nothing more is taken from the sender. @returns how much it was */
async function stalled(sender: Agent, id: string): Promise<number> {
  let sentBytes = Number.NaN
  return until(`a stall of ${id}`, { deadlineMs: STALL_DEADLINE_MS, everyMs: STALLED_MS }, async () => {
    const before = sentBytes
    sentBytes = (await sender.report(id))?.sentBytes ?? 0
    return sentBytes === before ? sentBytes : undefined
  })
}
