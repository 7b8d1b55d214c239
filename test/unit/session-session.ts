import t from 'tap'
import { wireOf } from '../../src/base/codes.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { Budget } from '../../src/session/budget.ts'
import { Session } from '../../src/session/session.ts'
import { FIRST_LIMIT } from '../../src/session/window.ts'
import { OFFSET_MAX } from '../../src/wire/inner-frame.ts'
import { EnginePair } from '../support/engine-pair.ts'

const NO_BYTES = new Uint8Array(0)

/** A near session whose open was sent. */
function opening(): Session {
  const budget = new Budget()
  budget.reserveFloor(LIMITS.windowFloorBytes)
  const init = { ref: 2, side: 'near', sessionId: NO_BYTES, client: 'c:1', to: 'd:2', openedAt: 0, budget } as const
  const session = new Session(init)
  session.outbox.open(NO_BYTES)
  session.outbox.next(1, false)
  return session
}

/** Both opens were exchanged. */
function open(): Session {
  const session = opening()
  session.handleAck(1, FIRST_LIMIT)
  session.inbox.receiveOpen()
  return session
}

function send(session: Session): void {
  while (session.outbox.next(65_536, false)) session.flightBytes++
}

t.test('a session tells people its state', async t => {
  const session = opening()
  t.equal(session.state, 'opening', 'no answer yet')
  session.inbox.receiveOpen()
  t.equal(session.state, 'open')
  session.inbox.receive(1, [], true, 100)
  t.equal(session.state, 'half-closed (remote)')
  session.outbox.finish()
  t.equal(session.state, 'closing')
  const local = open()
  local.outbox.finish()
  t.equal(local.state, 'half-closed (local)')
  local.reset('APPLICATION_RESET')
  t.equal(local.state, 'resetting')
  const remote = open()
  remote.handleReset(1, 1, 0)
  t.equal(remote.state, 'resetting')
  const budget = new Budget()
  const far = new Session({ ref: 3, side: 'far', sessionId: NO_BYTES, client: '', to: '', openedAt: 0, budget })
  far.inbox.receiveOpen()
  t.equal(far.state, 'opening', 'not answered yet')
})

t.test('a session is done when both FINs are acknowledged and all bytes are taken', async t => {
  const session = open()
  session.inbox.receive(1, [new Uint8Array(5)], true, 100)
  session.outbox.finish()
  t.ok(session.isFinBoth)
  send(session)
  t.notOk(session.isDone, 'our FIN is not acknowledged')
  session.handleAck(2, FIRST_LIMIT)
  t.notOk(session.isDone, 'the application has not taken all')
  session.inbox.consumed += 5
  t.ok(session.isDone)
})

t.test('an acknowledgement raises what was acknowledged and the limit, and frees the flight', async t => {
  const session = open()
  session.outbox.append(new Uint8Array(10))
  session.outbox.next(100, false)
  session.flightBytes = 10
  t.equal(session.handleAck(5, FIRST_LIMIT + 7), 4)
  t.match(session, { flightBytes: 6, outbox: { acked: 5, limit: FIRST_LIMIT + 7 } })
})

t.test('smaller values than known are stale and ignored', async t => {
  const session = open()
  session.outbox.append(new Uint8Array(10))
  session.outbox.next(100, false)
  session.handleAck(8, FIRST_LIMIT + 7)
  t.equal(session.handleAck(5, FIRST_LIMIT), 0)
  t.match(session.outbox, { acked: 8, limit: FIRST_LIMIT + 7 })
  t.equal(session.handleAck(5, FIRST_LIMIT + 9), 0)
  t.equal(session.outbox.limit, FIRST_LIMIT + 9, 'each of the two by itself')
})

t.test('an acknowledgement above what was sent is a fault, and changes nothing', async t => {
  const session = open()
  session.outbox.append(new Uint8Array(10))
  t.equal(session.handleAck(2, FIRST_LIMIT + 7), 'ACK_BEYOND_SENT')
  t.match(session.outbox, { acked: 1, limit: FIRST_LIMIT })
})

t.test('after our reset a late acknowledgement of the forgotten FIN is no fault', async t => {
  const session = open()
  session.outbox.append(new Uint8Array(10))
  session.outbox.finish()
  send(session)
  session.reset('APPLICATION_RESET')
  t.equal(session.resetSent?.finalOffset, 11)
  t.equal(session.handleAck(12, FIRST_LIMIT), 10)
  t.equal(session.outbox.acked, 11)
})

t.test('the first reset counts, of ours as of the peer’s', async t => {
  const session = open()
  session.reset('APPLICATION_RESET')
  session.reset('INTERNAL')
  t.match(session.resetSent, { code: 'APPLICATION_RESET', finalOffset: 1 })
  const other = open()
  t.equal(other.handleReset(wireOf('REFUSED'), 1, 0), undefined)
  t.equal(other.handleReset(wireOf('TIMED_OUT'), 1, 9), undefined)
  t.match(other.resetReceived, { code: 'REFUSED', finalOffset: 1, dueAt: LIMITS.resetWaitMs })
})

t.test('a reset that contradicts the known end is a fault', async t => {
  const session = open()
  session.inbox.receive(1, [new Uint8Array(5)], false, 100)
  t.equal(session.handleReset(1, 5, 0), 'FINAL_OFFSET_CHANGED', 'below what came')
  t.equal(session.handleReset(1, 9, 0), undefined)
  t.equal(session.handleReset(1, 8, 0), 'FINAL_OFFSET_CHANGED', 'another end than before')
})

t.test('the peer’s reset is carried out when its bytes have come, or after 5 s', async t => {
  const session = open()
  t.notOk(session.isResetReady(0))
  session.handleReset(1, 6, 1_000)
  t.notOk(session.isResetReady(5_999))
  t.ok(session.isResetReady(6_000))
  session.inbox.receive(1, [new Uint8Array(5)], false, 100)
  t.ok(session.isResetReady(1_001))
})

t.test('an acknowledgement is worthwhile after half the window, in either direction', async t => {
  const session = open()
  t.notOk(session.isAckWorthwhile())
  session.unackedBytes = LIMITS.windowFloorBytes / 2 - 1
  t.notOk(session.isAckWorthwhile())
  session.unackedBytes++
  t.ok(session.isAckWorthwhile())
  t.same(session.takeAck(), { received: 1, limit: FIRST_LIMIT })
  t.notOk(session.isAckWorthwhile())
  session.inbox.consumed += LIMITS.windowFloorBytes / 2
  t.ok(session.isAckWorthwhile(), 'the application has taken as much')
  t.same(session.takeAck(), { received: 1, limit: FIRST_LIMIT + LIMITS.windowFloorBytes / 2 })
  session.window.bytes = LIMITS.windowBytesMax
  session.takeAck()
  session.unackedBytes = LIMITS.ackBytes
  t.ok(session.isAckWorthwhile(), 'and with a large window after 128 KiB')
  session.unackedBytes--
  t.notOk(session.isAckWorthwhile())
})

t.test('a session that would carry 2^53 bytes is reset', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  const { association } = pair.a
  const [session] = association.sessions()
  session!.outbox.end = OFFSET_MAX - 1
  t.ok(association.write(ref, new Uint8Array(1)), 'nothing waits for room')
  t.same(association.pollEvent(), { type: 'reset', ref, code: 'OFFSET_EXHAUSTED' })
  t.equal(session!.resetSent?.code, 'OFFSET_EXHAUSTED')
})
