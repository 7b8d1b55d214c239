/**
 * A peer with a pinned key that breaks the rules of sessions on purpose. Every row has a session of another peer beside it, out
 * of the same budget, which must not notice.
 */
import t, { type Test } from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Budget } from '../../src/session/budget.ts'
import { concatBytes } from '../../src/wire/bytes.ts'
import { encodeOpenRequest, SESSION_ID_BYTES } from '../../src/wire/control.ts'
import { ackFrame, dataHeader, FLAG_OPEN, goneFrame, OFFSET_MAX } from '../../src/wire/inner-frame.ts'
import { EnginePair } from '../support/engine-pair.ts'
import { control } from '../support/frame-text.ts'

const FLOOR = LIMITS.windowFloorBytes
const FRAMES_A_RECORD = 500
const REQUEST = { sessionId: new Uint8Array(SESSION_ID_BYTES).fill(7), host: 'db.example', port: 22, client: '' }

function openFrame(ref: number): Uint8Array {
  const request = encodeOpenRequest(REQUEST)
  return concatBytes([dataHeader(ref, 0, FLAG_OPEN, request.length), request])
}

/** b is attacked by what claims to be a, which hears nothing of it; `check` shows that another peer of b's is served. */
function attacked(budgetBytes: number = LIMITS.budgetBytes) {
  const budget = new Budget(budgetBytes)
  const bystander = EnginePair.met({}, { budget })
  const other = bystander.a.open()
  bystander.advance(200)
  const pair = EnginePair.met({}, { budget, sessionsMax: LIMITS.sessionsPerPeerMax })
  const wire = pair.wires[0]!
  wire.passes.b = 0
  const atRest = budget.usedBytes
  const flood = (frames: readonly Uint8Array[]) => {
    for (let at = 0; at < frames.length; at += FRAMES_A_RECORD) {
      pair.inject(pair.b, wire, ...frames.slice(at, at + FRAMES_A_RECORD))
    }
  }
  const check = (t: Test) => {
    bystander.a.write(other, 'unharmed')
    bystander.advance(200)
    t.equal(bystander.b.received.get(other), 'unharmed', 'the session of another peer goes on')
    t.ok(budget.usedBytes <= budgetBytes, `${budget.usedBytes} bytes of the budget`)
  }
  return { pair, victim: pair.b, budget, atRest, flood, check }
}

/** Refs as side a counts them. */
function refs(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 2 * (i + 1))
}

function refused(sent: readonly string[]): number {
  return sent.filter(text => /: RESET \d+ OVERLOADED/.test(text)).length
}

t.test('20,001 opens: the last one is refused as OVERLOADED', async t => {
  const { victim, flood, check } = attacked(4 * LIMITS.sessionsPerPeerMax * FLOOR)
  flood(refs(LIMITS.sessionsPerPeerMax - 1).map(openFrame))
  t.equal(refused(victim.sent), 0)
  t.equal(victim.all('open').length, LIMITS.sessionsPerPeerMax - 1, 'one below')
  flood([openFrame(2 * LIMITS.sessionsPerPeerMax)])
  t.equal(victim.all('open').length, LIMITS.sessionsPerPeerMax, 'at the limit')
  flood([openFrame(2 * LIMITS.sessionsPerPeerMax + 2)])
  t.equal(victim.all('open').length, LIMITS.sessionsPerPeerMax, 'one above')
  t.equal(refused(victim.sent), 1)
  check(t)
})

t.test('opens beyond the budget are refused before it is used up', async t => {
  const sessions = 64
  const { victim, budget, flood, check } = attacked(sessions * FLOOR)
  flood(refs(2 * sessions).map(openFrame))
  t.ok(victim.all('open').length < sessions)
  t.ok(refused(victim.sent) > sessions)
  t.ok(budget.usedBytes <= sessions * FLOOR)
  check(t)
})

t.test(
  'bytes up to every limit are kept, one more ends that session, and the budget gets all back when it is answered',
  async t => {
    const { victim, budget, atRest, flood, check } = attacked()
    victim.isConsuming = false
    const many = refs(100)
    flood(many.map(openFrame))
    const full = new Uint8Array(FLOOR)
    flood(many.map(ref => concatBytes([dataHeader(ref, 1, 0, full.length), full])))
    t.same(
      many.map(ref => victim.outcome(ref)),
      many.map(() => undefined),
    )
    flood(many.map(ref => concatBytes([dataHeader(ref, 1 + FLOOR, 0, 1), Uint8Array.of(1)])))
    t.same(
      many.map(ref => victim.outcome(ref)),
      many.map(() => 'LIMIT_EXCEEDED'),
    )
    flood(many.map(goneFrame))
    t.equal(budget.usedBytes, atRest)
    check(t)
  },
)

t.test('an open under a ref of the other side’s own range opens nothing', async t => {
  const { victim, flood, check } = attacked()
  flood([3, 5, 2 ** 48 - 1].map(openFrame))
  t.same(victim.all('open'), [])
  t.same(victim.faults, [])
  check(t)
})

t.test('bytes for a session that was never opened open nothing, and are answered', async t => {
  const { victim, flood, check } = attacked()
  flood([concatBytes([dataHeader(8, 1, 0, 1), Uint8Array.of(1)])])
  t.same(victim.all('open'), [])
  t.equal(victim.sent.at(-1), '1: GONE 8')
  check(t)
})

t.test('a flood of proposals that reads no answers closes the carrier, and no record is too large', async t => {
  const { pair, victim, flood, check } = attacked()
  const migrate = control({ type: 'migrate', epoch: 1, reason: 'first', endpoints: [] })
  victim.do(b => b.handleCarrierBlocked(1, true))
  flood(Array.from({ length: FRAMES_A_RECORD }, () => migrate))
  t.same(victim.faults, ['PROTOCOL_VIOLATION'])
  pair.advance(0)
  check(t)
})

t.test('a thousand epochs among 15,000 sessions are one switch, once anything is sent', async t => {
  const { pair, victim, flood } = attacked(4 * LIMITS.sessionsPerPeerMax * FLOOR)
  flood(refs(15_000).map(openFrame))
  const cpuMs = (epochs: number, from: number) => {
    const before = process.cpuUsage()
    for (let epoch = from; epoch < from + epochs; epoch++) {
      const frame = control({ type: 'migrate', epoch, reason: 'gone', endpoints: [] })
      pair.b.association.handleRecord(1, [frame], pair.now)
    }
    victim.drain()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  }
  const [one, many] = [cpuMs(1, 10), cpuMs(25, 20)]
  t.ok(many < 8 * one, `${many} ms for 25 epochs, ${one} ms for one`)
  t.equal(victim.association.epoch, 44)
})

t.test('a window of single bytes behind a gap costs a few times its size, and is handed over whole', async t => {
  const { pair, victim, flood, check } = attacked()
  flood([openFrame(2)])
  const bytes = FLOOR - 1
  flood(Array.from({ length: bytes }, (_, i) => concatBytes([dataHeader(2, 2 + i, 0, 1), Uint8Array.of(0x61)])))
  pair.inject(victim, pair.wires[0]!, concatBytes([dataHeader(2, 1, 0, 1), Uint8Array.of(0x61)]))
  t.equal(victim.received.get(2), 'a'.repeat(bytes + 1))
  const parts = victim.all('data').flatMap(event => event.parts)
  t.ok(parts.length < 20, `${parts.length} parts`)
  check(t)
})

t.test('floods of acknowledgements, ends and pings leave nothing behind and get bounded answers', async t => {
  const { victim, budget, atRest, flood, check } = attacked()
  const before = victim.sent.length
  const count = 20_000
  flood(refs(count).map(ref => ackFrame(ref, OFFSET_MAX, OFFSET_MAX)))
  flood(refs(count).map(goneFrame))
  t.equal(victim.sent.length, before, 'what means nothing is not answered')
  victim.do(b => b.handleCarrierBlocked(1, true))
  victim.sent.length = 0
  flood(Array.from({ length: LIMITS.controlQueueMax }, () => control({ type: 'ping', id: 1 })))
  t.same(victim.faults, [])
  flood([control({ type: 'ping', id: 1 })])
  t.same(victim.faults, ['PROTOCOL_VIOLATION'], 'who reads no answers gets no more')
  t.equal(budget.usedBytes, atRest)
  check(t)
})
