import t from 'tap'
import { wireOf } from '../../src/base/codes.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { Association } from '../../src/session/association.ts'
import { Budget } from '../../src/session/budget.ts'
import { readInnerFrames } from '../../src/wire/inner-frame.ts'

const FLOOR = LIMITS.windowFloorBytes

/** An association whose peer never answers, and `count` sessions, each with so many bytes more than the last. */
function lonely(count: number) {
  const budget = new Budget(16 * 2 ** 20)
  const association = new Association(
    {
      isGreaterPeer: false,
      incarnation: new Uint8Array(16).fill(1),
      holdMs: 1_000_000,
      sessionsMax: 100,
      budget,
      endpoints: () => [],
    },
    0,
  )
  const refs = Array.from({ length: count }, (_, i) => {
    const ref = association.open({ sessionId: new Uint8Array(16).fill(i), host: 'h', port: 1, client: 'c' }, 0)
    association.write(ref, new Uint8Array(1_000 * (i + 1)))
    return ref
  })
  return { association, budget, refs }
}

function transmitOn(association: Association, carrier: number, now: number): void {
  association.handleCarrierReady(
    { id: carrier, isDialed: true, isResumed: true, handshakeFrom: undefined, rttMs: 1 },
    now,
  )
  while (association.pollTransmit(now) !== undefined);
}

function resetsTold(association: Association): { ref: number; code: string }[] {
  const told: { ref: number; code: string }[] = []
  for (let event = association.pollEvent(); event !== undefined; event = association.pollEvent()) {
    if (event.type === 'reset') told.push({ ref: event.ref, code: event.code })
  }
  return told
}

t.test('ends the largest sessions first, and no more than it takes', async t => {
  const { association, budget, refs } = lonely(3)
  const before = budget.usedBytes
  t.equal(association.relieve(1), FLOOR + 3_000)
  t.equal(budget.usedBytes, before - FLOOR - 3_000)
  t.same(resetsTold(association), [{ ref: refs[2], code: 'BUDGET_EXHAUSTED' }])
  t.equal(association.relieve(2 ** 20), 2 * FLOOR + 3_000, 'all there is')
  t.equal(budget.usedBytes, 0)
})

t.test('holds nothing of a session whose bytes were sent, and tells the peer when there is a path again', async t => {
  const { association, budget, refs } = lonely(1)
  transmitOn(association, 1, 0)
  t.equal(association.relieve(1), 0, 'while a path is tried, nobody is reset')
  association.handleCarrierLost(1, 1)
  t.equal(association.relieve(1), FLOOR + 1_000)
  t.equal(budget.usedBytes, 0)
  t.equal(association.relieve(1), 0, 'nobody is reset twice')

  association.handleCarrierReady({ id: 2, isDialed: true, isResumed: true, handshakeFrom: undefined, rttMs: 1 }, 2)
  const seen: [number, number, number][] = []
  const other = () => undefined
  for (let sent = association.pollTransmit(2); sent !== undefined; sent = association.pollTransmit(2)) {
    readInnerFrames(sent.parts, {
      onData: () => t.fail('nothing of it is sent again'),
      onAck: other,
      onReset: (ref, code, finalOffset) => seen.push([ref, code, finalOffset]),
      onGone: other,
      onControl: other,
    })
  }
  t.same(seen, [[refs[0], wireOf('BUDGET_EXHAUSTED'), 1_001]])
})
