/** Paths that die at a bad moment: two engines that must get over it. */
import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Budget } from '../../src/session/budget.ts'
import { goneFrame } from '../../src/wire/inner-frame.ts'
import { DELAY_MS, EnginePair, NEVER } from '../support/engine-pair.ts'

/** A pair with one session that has carried a byte. */
function busy() {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.a.write(ref, '.')
  pair.advance(200)
  return { pair, ref, old: pair.wires[0]! }
}

t.test('heartbeats that nobody answers come at their pace, however long', async t => {
  const { pair, old } = busy()
  old.blackhole()
  const before = pair.a.sent.length
  pair.advance(600_000)
  const most = 600_000 / LIMITS.heartbeatMs + 10
  t.ok(pair.a.sent.length - before < most, `${pair.a.sent.length - before} frames in ten minutes`)
})

t.test(
  'bytes on the old carrier of a planned move arrive, though who accepted it never hears that it died',
  async t => {
    const { pair, ref, old } = busy()
    pair.a.do((a, now) => a.migrate('better', now))
    pair.connect()
    pair.advance(5)
    pair.b.write(ref, 'before the move ')
    old.blackhole()
    old.close = () => pair.after(0, () => pair.a.handleLost(old.id))
    pair.advance(300)
    pair.b.write(ref, 'after it')
    pair.advance(1_000)
    t.equal(pair.a.received.get(ref), 'before the move after it')
  },
)

t.test('a planned proposal that is not answered gives way when the old carrier is lost', async t => {
  const { pair, ref, old } = busy()
  pair.a.do((a, now) => a.migrate('command', now))
  pair.connect().blackhole()
  pair.advance(30)
  old.cut(0, NEVER)
  pair.a.write(ref, 'hello')
  pair.connect()
  pair.advance(LIMITS.announceMs + 100)
  t.equal(pair.b.received.get(ref), '.hello')
})

t.test('a path is wanted when the old carrier falls silent during a planned proposal', async t => {
  const { pair, ref, old } = busy()
  pair.a.do((a, now) => a.migrate('better', now))
  pair.connect().blackhole()
  pair.advance(30)
  old.blackhole()
  pair.a.write(ref, 'hello')
  pair.advance(2 * LIMITS.doubtMs)
  t.equal(pair.a.association.wantsPath, 'doubt')
  pair.connect()
  pair.advance(LIMITS.announceMs + 200)
  t.equal(pair.b.received.get(ref), '.hello')
})

t.test('a doubted carrier that speaks again is used again, when what was proposed beside it is dead', async t => {
  const { pair, ref, old } = busy()
  old.passes.b = 0
  pair.a.do((a, now) => a.handleDoubt(now))
  const beside = pair.connect()
  beside.blackhole()
  beside.close = () => pair.after(0, () => pair.a.handleLost(beside.id))
  pair.advance(60)
  t.equal(pair.a.association.state, 'announcing')
  old.heal()
  pair.a.write(ref, 'hello')
  pair.advance(LIMITS.announceMs + 100)
  t.equal(pair.a.association.state, 'stable')
  t.equal(pair.b.received.get(ref), '.hello')
})

t.test('attempts that came too late are closed by their dialer, whoever has moved', async t => {
  const { pair, old } = busy()
  old.cut()
  pair.connect('b')
  pair.advance(1)
  for (const dialer of ['a', 'b', 'a', 'b'] as const) pair.connect(dialer)
  pair.advance(60_000)
  t.ok(pair.a.carriers.size <= 2, `${pair.a.carriers.size} carriers are left`)
})

t.test('sessions that their application has reset give their memory back, too', async t => {
  const budget = new Budget(4 * 2 ** 20)
  const pair = EnginePair.met({ budget })
  const ref = pair.a.open()
  pair.a.write(ref, '.')
  pair.advance(100)
  const [session] = pair.a.association.sessions()
  session!.outbox.limit = 8 * 2 ** 20
  pair.wires[0]!.cut()
  for (let i = 0; i < 40; i++) pair.a.write(ref, new Uint8Array(65_536))
  pair.a.do(a => a.reset(ref, 'APPLICATION_RESET'))
  t.ok(budget.usedBytes > 2 * 2 ** 20, 'kept for the peer')
  pair.a.do(a => a.relieve(2 ** 20))
  t.equal(budget.usedBytes, 0)
  t.same(pair.a.all('reset'), [], 'the application knows')
})

t.test('an open whose acknowledgement overtakes its repetition goes out once', async t => {
  const pair = EnginePair.met()
  const [old] = pair.wires
  const ref = pair.a.open()
  old!.passes.b = 0
  pair.advance(15)
  pair.a.do((a, now) => a.migrate('command', now))
  const next = pair.connect()
  pair.a.do(a => a.handleCarrierBlocked(next.id, true))
  pair.advance(100)
  old!.heal()
  pair.advance(20)
  pair.a.do(a => a.handleCarrierBlocked(next.id, false))
  pair.advance(200)
  t.equal(pair.b.all('open').length, 1)
  t.ok(
    pair.a.sentOn(next).every(frame => !frame.includes('OPEN')),
    pair.a.sentOn(next).join(', '),
  )
  t.equal(pair.a.all('opened')[0]?.ref, ref)
})

t.test('what was opened before there was a path is opened in order, in as many records as it takes', async t => {
  const pair = new EnginePair()
  const refs = Array.from({ length: 900 }, () => pair.a.open())
  pair.connect()
  pair.advance(500)
  t.same(
    pair.b.all('open').map(({ ref }) => ref),
    refs,
  )
})

t.test('a session that ends while its bytes wait for a turn is skipped', async t => {
  const pair = EnginePair.met()
  const refs = [pair.a.open(), pair.a.open()] as const
  pair.advance(100)
  pair.a.do(a => a.handleCarrierBlocked(1, true))
  for (const ref of refs) pair.a.write(ref, 'bytes')
  pair.inject(pair.a, pair.wires[0]!, goneFrame(refs[0]))
  pair.a.do(a => a.handleCarrierBlocked(1, false))
  pair.advance(100)
  t.equal(pair.a.outcome(refs[0]), 'SESSION_GONE')
  t.equal(pair.b.received.get(refs[0]), undefined)
  t.equal(pair.b.received.get(refs[1]), 'bytes')
})

t.test('sessions that end before there was a path leave nothing in memory', async t => {
  const budget = new Budget()
  const pair = new EnginePair({ budget })
  const refs = Array.from({ length: 500 }, () => pair.a.open())
  for (const ref of refs) pair.a.write(ref, new Uint8Array(1_000))
  const last = pair.a.open()
  for (const ref of refs) pair.a.do(a => a.reset(ref, 'APPLICATION_RESET'))
  t.equal(budget.usedBytes, LIMITS.windowFloorBytes)
  pair.connect()
  pair.advance(500)
  t.same(pair.a.sent.filter(text => text.includes('OPEN')).length, 1)
  t.equal(pair.b.all('open')[0]?.ref, last)
})

t.test('8,000 sessions that are reset at once are all answered, though nothing leaves in between', async t => {
  const count = 8_000
  const pair = EnginePair.met({ sessionsMax: count }, { sessionsMax: count })
  for (let n = 0; n < count; n++) pair.a.open()
  pair.advance(2_000)
  pair.b.do(b => b.handleCarrierBlocked(1, true))
  pair.a.do(a => {
    for (const { ref } of [...a.sessions()]) a.reset(ref, 'APPLICATION_RESET')
  })
  pair.advance(100)
  pair.b.do(b => b.handleCarrierBlocked(1, false))
  pair.advance(2_000)
  t.same([...pair.a.association.sessions(), ...pair.b.association.sessions()], [])
  t.equal(pair.a.budget.usedBytes, 0)
})

t.test('an open that was repeated on another carrier is in flight once', async t => {
  const pair = EnginePair.met()
  const [old] = pair.wires
  pair.a.do((a, now) => a.migrate('command', now))
  pair.connect()
  pair.advance(15)
  old!.passes.a = 0
  const ref = pair.a.open()
  pair.a.write(ref, 'abc')
  pair.advance(12)
  old!.close()
  pair.advance(1_000)
  const before = pair.a.sent.length
  t.equal(pair.b.received.get(ref), 'abc')
  pair.advance(10_000)
  t.equal(pair.a.association.wantsPath, undefined)
  t.equal(pair.a.sent.length, before, 'nothing is in doubt while nothing is said')
})

t.test('a lost tail goes again, though what followed it fills the flight and waits for it', async t => {
  const pair = EnginePair.met()
  const refs = Array.from({ length: 2 * Math.ceil(LIMITS.flightBytesMin / LIMITS.windowFloorBytes) }, () =>
    pair.a.open(),
  )
  pair.advance(200)
  pair.a.do((a, now) => a.migrate('better', now))
  pair.wires[0]!.blackhole()
  pair.connect()
  for (const ref of refs) pair.a.write(ref, 'tail')
  pair.advance(2 * DELAY_MS + 5)
  t.equal(pair.a.association.activeCarrier, 2)
  const after = 'x'.repeat(LIMITS.windowFloorBytes - 10)
  for (const ref of refs) pair.a.write(ref, after)
  pair.advance(30_000)
  for (const ref of refs) t.equal(pair.b.received.get(ref), `tail${after}`)
})

/** A proposal beside a carrier that is doubted and lives. */
function tentative(delayMs?: number) {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(200)
  pair.a.finish(ref)
  pair.advance(200)
  pair.wires[0]!.passes.b = 0
  pair.a.do((a, now) => a.handleDoubt(now))
  const beside = pair.connect('a', delayMs === undefined ? {} : { delayMs })
  if (delayMs === undefined) beside.blackhole()
  pair.advance(60)
  return { pair, ref, isTentative: pair.a.association.state === 'announcing' }
}

t.test('what a proposal that is given up would have taken with it is said on the carrier that lives', async t => {
  for (const end of ['APPLICATION_RESET', 'closed'] as const) {
    const { pair, ref, isTentative } = tentative()
    t.ok(isTentative)
    if (end === 'closed') pair.b.finish(ref)
    else pair.b.do(b => b.reset(ref, end))
    pair.wires[0]!.heal()
    pair.advance(LIMITS.announceMs + 100)
    t.equal(pair.a.association.activeCarrier, 1, 'the proposal was given up')
    t.same([...pair.a.association.sessions(), ...pair.b.association.sessions()], [], end)
    t.equal(pair.a.outcome(ref), end)
  }
})

t.test('a session that ends while a proposal waits is over once it is accepted', async t => {
  const { pair, ref, isTentative } = tentative(150)
  t.ok(isTentative)
  pair.b.finish(ref)
  pair.wires[0]!.heal()
  pair.advance(30)
  t.equal(pair.a.outcome(ref), undefined)
  pair.advance(1_000)
  t.equal(pair.a.association.activeCarrier, 2)
  t.same([pair.a.outcome(ref), pair.b.outcome(ref)], ['closed', 'closed'])
})

t.test('a session whose last word is in the record of the proposal is over once that is accepted', async t => {
  const { pair, ref, old } = busy()
  pair.a.finish(ref)
  pair.advance(200)
  pair.a.do(a => a.handleCarrierBlocked(old.id, true))
  pair.b.finish(ref)
  pair.advance(15)
  pair.a.do((a, now) => a.handleDoubt(now))
  const next = pair.connect()
  pair.advance(1_000)
  t.match(pair.a.sentOn(next).join(), 'MIGRATE 2 doubt,ACK 2 ')
  t.same([pair.a.outcome(ref), pair.b.outcome(ref)], ['closed', 'closed'])
})
