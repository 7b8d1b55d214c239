import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { ackFrame, controlFrame, dataHeader, goneFrame, resetFrame } from '../../src/wire/inner-frame.ts'
import { DELAY_MS, EnginePair } from '../support/engine-pair.ts'
import { control } from '../support/frame-text.ts'

const ROUND_MS = 2 * DELAY_MS
const PING = control({ type: 'ping', id: 9 })

function hello(incarnationByte: number, holdSeconds = 86_400): Uint8Array {
  return control({
    type: 'hello',
    incarnation: new Uint8Array(16).fill(incarnationByte),
    knownIncarnation: new Uint8Array(0),
    sessionsMax: 1_000,
    holdSeconds,
    features: 0,
    endpoints: [],
  })
}

t.test('nothing is accepted before Hello, and Hello only once', async t => {
  const migrate = control({ type: 'migrate', epoch: 1, reason: 'first', endpoints: [] })
  const before = [dataHeader(3, 1, 0, 0), ackFrame(3, 1, 1), resetFrame(3, 1, 1), goneFrame(3), PING, migrate]
  for (const frame of [...before, controlFrame(Uint8Array.of(0xff))]) {
    const pair = new EnginePair()
    const wire = pair.connect('b')
    pair.inject(pair.a, wire, frame)
    t.same(pair.a.faults, ['PROTOCOL_VIOLATION'])
  }
  const pair = new EnginePair()
  pair.inject(pair.a, pair.connect('b'), hello(0xbb), hello(0xbb))
  t.same(pair.a.faults, ['PROTOCOL_VIOLATION'])
})

t.test('messages and frames of a newer version are skipped, before Hello and after', async t => {
  const newer = [controlFrame(Uint8Array.of(0x4a, 0)), Uint8Array.of(0x7f, 0, 0, 1, 0xff)]
  const pair = new EnginePair()
  const wire = pair.connect('b')
  pair.inject(pair.a, wire, ...newer, hello(0xbb), ...newer, PING)
  t.same(pair.a.faults, [])
  t.equal(pair.a.sentOn(wire).at(-1), 'PONG 9')
})

t.test('records, losses and blocks of carriers that are gone are ignored', async t => {
  const pair = EnginePair.met()
  pair.a.do((a, now) => {
    a.handleRecord(77, [PING], now)
    a.handleCarrierLost(77, now)
    a.handleCarrierBlocked(77, true)
    a.handleCarrierConfirmed(77)
  })
  t.equal(pair.a.association.state, 'stable')
  t.equal(pair.a.association.rttMs(77), undefined)
  t.notOk(pair.a.association.isAcquainted(77))
})

t.test('what is known of the peer and of the carrier can be asked', async t => {
  const pair = new EnginePair()
  t.equal(pair.a.association.peerIncarnation, undefined)
  const wire = pair.connect()
  t.notOk(pair.a.association.isAcquainted(wire.id))
  pair.advance(100)
  t.ok(pair.a.association.isAcquainted(wire.id))
  t.same(pair.a.association.peerIncarnation, new Uint8Array(16).fill(0xbb))
  t.equal(pair.a.association.rttMs(wire.id), ROUND_MS)
  t.equal(pair.b.association.rttMs(wire.id), ROUND_MS, 'measured by a ping')
})

t.test('the peer learns our endpoints from Hello, Migrate and EndpointUpdate', async t => {
  const pair = EnginePair.met()
  t.same(
    pair.b.all('endpoints').map(event => event.endpoints),
    [['tcp://a.example:7000'], ['tcp://a.example:7000']],
  )
  pair.a.endpoints = ['tcp://moved.example:7000']
  pair.a.do(a => a.handleEndpointsChanged())
  pair.advance(100)
  t.same(pair.b.all('endpoints').at(-1)?.endpoints, ['tcp://moved.example:7000'])
  pair.wires[0]!.cut()
  pair.a.do(a => a.handleEndpointsChanged())
  t.equal(pair.a.sent.filter(text => text.includes('ENDPOINTS')).length, 1, 'nobody is there to be told')
})

t.test('a blocked carrier is not written to until it takes more', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.a.do(a => a.handleCarrierBlocked(1, true))
  const sent = pair.a.sent.length
  pair.a.write(ref, 'waits')
  pair.a.do(a => a.handleEndpointsChanged())
  t.equal(pair.a.sent.length, sent)
  pair.a.do(a => a.handleCarrierBlocked(1, false))
  pair.advance(100)
  t.equal(pair.b.received.get(ref), 'waits')
})

t.test('more pings than a peer may have waiting are not answered', async t => {
  const pair = EnginePair.met()
  pair.a.do(a => a.handleCarrierBlocked(1, true))
  pair.a.sent.length = 0
  pair.inject(pair.a, pair.wires[0]!, ...new Array<Uint8Array>(LIMITS.controlQueueMax + 9).fill(PING))
  pair.a.do(a => a.handleCarrierBlocked(1, false))
  t.equal(pair.a.sent.filter(text => text === '1: PONG 9').length, LIMITS.controlQueueMax)
})

t.test('a new process of the peer ends all sessions with it at once, and is told nothing of them', async t => {
  const pair = EnginePair.met()
  const [ref, waiting] = [pair.a.open(), pair.a.open()]
  pair.a.write(ref, 'bytes')
  pair.advance(100)
  pair.wires[0]!.cut()
  pair.b.restart(0xbc)
  pair.a.write(waiting, 'to the old process')
  const wire = pair.connect('a', { isResumed: false })
  t.same(pair.a.sentOn(wire), ['HELLO', 'PING 1'], 'no session frame before its Hello')
  pair.advance(100)
  t.equal(pair.a.outcome(ref), 'PEER_RESTARTED')
  t.equal(pair.a.outcome(waiting), 'PEER_RESTARTED')
  t.equal(pair.a.all('peerRestarted').length, 1)
  t.notOk(pair.a.sentOn(wire).some(text => text.startsWith('DATA')))
  const fresh = pair.a.open()
  pair.a.write(fresh, 'to the new one')
  pair.advance(500)
  t.equal(pair.b.received.get(fresh), 'to the new one')
  t.equal(pair.b.all('reset').length, 0)
})

t.test('a peer that restarted opens sessions under refs it used before', async t => {
  const pair = EnginePair.met()
  const before = pair.b.open()
  pair.advance(100)
  pair.wires[0]!.cut()
  pair.b.restart(0xbc)
  pair.connect('b', { isResumed: false })
  pair.advance(500)
  t.equal(pair.a.outcome(before), 'PEER_RESTARTED')
  const after = pair.b.open()
  t.equal(after, before)
  pair.b.write(after, 'hello')
  pair.advance(500)
  t.equal(pair.a.received.get(after), 'hello')
})

t.test('a second process with the peer’s key is refused while the first answers', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  const intruder = pair.connect('b', { isResumed: false })
  intruder.blackhole()
  const others = [dataHeader(3, 1, 0, 0), ackFrame(3, 1, 1), resetFrame(3, 1, 1), goneFrame(3)]
  pair.inject(pair.a, intruder, hello(0xcc), PING, ...others)
  t.same(pair.a.faults, [], 'what it says is held, not judged')
  t.notOk(pair.a.sentOn(intruder).includes('PONG 9'))
  pair.advance(ROUND_MS)
  t.same(pair.a.closes, [`${intruder.id} DUPLICATE_IDENTITY`])
  pair.a.write(ref, 'unharmed')
  pair.advance(100)
  t.equal(pair.b.received.get(ref), 'unharmed')
  t.equal(pair.a.all('peerRestarted').length, 0)
})

t.test('a second process takes the place of a first that does not answer for 1 s', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.b.isBlocked = true
  const second = pair.connect('b', { isResumed: false })
  second.blackhole()
  pair.inject(pair.a, second, hello(0xcc))
  pair.inject(pair.a, second, PING)
  pair.advance(LIMITS.duplicateIdentityMs - 1)
  t.equal(pair.a.outcome(ref), undefined)
  pair.advance(1)
  t.equal(pair.a.outcome(ref), 'PEER_RESTARTED')
  t.ok(pair.a.sentOn(second).includes('PONG 9'), 'what was held is carried out')
  t.same(pair.a.association.peerIncarnation, new Uint8Array(16).fill(0xcc))
  t.match(pair.a.closes, ['1 SUPERSEDED'])
})

t.test('a second process takes its place at once when the first’s carrier is lost', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.b.isBlocked = true
  const second = pair.connect('b', { isResumed: false })
  second.blackhole()
  pair.inject(pair.a, second, hello(0xcc))
  pair.wires[0]!.cut()
  t.equal(pair.a.outcome(ref), 'PEER_RESTARTED')
})

t.test('held records that break the protocol close their carrier', async t => {
  const pair = EnginePair.met()
  pair.b.isBlocked = true
  const second = pair.connect('b', { isResumed: false })
  second.blackhole()
  pair.inject(pair.a, second, hello(0xcc), hello(0xcc))
  pair.advance(LIMITS.duplicateIdentityMs)
  t.ok(pair.a.closes.includes(`${second.id} PROTOCOL_VIOLATION`))
})

t.test('a second process that is lost while it waits is forgotten', async t => {
  const pair = EnginePair.met()
  pair.b.isBlocked = true
  const second = pair.connect('b', { isResumed: false })
  second.blackhole()
  pair.inject(pair.a, second, hello(0xcc))
  second.cut()
  pair.advance(5_000)
  t.equal(pair.a.all('peerRestarted').length, 0)
})

t.test('a third process, or one that says too much while it waits, is refused', async t => {
  const pair = EnginePair.met()
  pair.b.isBlocked = true
  const [second, third] = [pair.connect('b', { isResumed: false }), pair.connect('b', { isResumed: false })]
  second.blackhole()
  third.blackhole()
  pair.inject(pair.a, second, hello(0xcc))
  pair.inject(pair.a, third, hello(0xcd))
  t.same(pair.a.faults, ['DUPLICATE_IDENTITY'])
  const costBytes = 32
  const kept = LIMITS.earlyBytesMax - hello(0xcc).length - 2 * costBytes
  pair.inject(pair.a, second, new Uint8Array(kept))
  t.same(pair.a.faults, ['DUPLICATE_IDENTITY'])
  pair.inject(pair.a, second)
  t.same(pair.a.faults, ['DUPLICATE_IDENTITY', 'DUPLICATE_IDENTITY'], 'empty records cost something, too')
})

t.test('sessions without a path for the hold time are reset on both sides; the smaller hold counts', async t => {
  const pair = EnginePair.met({ holdMs: 60_000 }, { holdMs: 3_600_000 })
  const ref = pair.a.open()
  pair.advance(100)
  const cutAt = pair.now
  pair.wires[0]!.cut()
  pair.advance(59_999)
  t.equal(pair.a.association.suspendedAt, cutAt)
  t.same([pair.a.outcome(ref), pair.b.outcome(ref)], [undefined, undefined])
  pair.advance(1)
  t.same([pair.a.outcome(ref), pair.b.outcome(ref)], ['HOLD_EXPIRED', 'HOLD_EXPIRED'])
  t.same([pair.a.all('expired').length, pair.b.all('expired').length], [1, 1])
  pair.advance(100_000)
  t.equal(pair.a.all('expired').length, 1, 'told once')
})

t.test('time slept counts towards the hold', async t => {
  const pair = EnginePair.met({ holdMs: 60_000 })
  const ref = pair.a.open()
  pair.advance(100)
  pair.wires[0]!.cut()
  pair.advance(10_000)
  pair.a.do((a, now) => a.handleDoubt(now, 49_999))
  pair.advance(0)
  t.equal(pair.a.outcome(ref), undefined)
  pair.advance(1)
  t.equal(pair.a.outcome(ref), 'HOLD_EXPIRED')
})

t.test('an association without sessions waits for ever', async t => {
  const pair = EnginePair.met({ holdMs: 60_000 })
  pair.wires[0]!.cut()
  pair.advance(600_000)
  t.same(pair.a.all('expired'), [])
})

t.test('goodbye ends all sessions on both sides', async t => {
  const pair = EnginePair.met()
  const [ours, theirs] = [pair.a.open(), pair.b.open()]
  pair.advance(100)
  pair.a.do(a => a.goodbye())
  t.same([pair.a.outcome(ours), pair.a.outcome(theirs)], ['SHUTTING_DOWN', 'SHUTTING_DOWN'])
  pair.advance(100)
  t.same([pair.b.outcome(ours), pair.b.outcome(theirs)], ['SHUTTING_DOWN', 'SHUTTING_DOWN'])
  t.same([pair.a.budget.usedBytes, pair.b.budget.usedBytes], [0, 0])
  t.equal(pair.b.association.peerIncarnation, undefined, 'whoever comes next is welcome')
  const alone = new EnginePair()
  const ref = alone.a.open()
  alone.a.do(a => a.goodbye())
  t.equal(alone.a.outcome(ref), 'SHUTTING_DOWN', 'also without a path')
})

t.test('a peer that drains takes no further sessions; those open go on', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.inject(pair.a, pair.wires[0]!, control({ type: 'drain' }))
  t.throws(() => pair.a.open(), { code: 'SHUTTING_DOWN' })
  pair.a.write(ref, 'goes on')
  pair.advance(100)
  t.equal(pair.b.received.get(ref), 'goes on')
})

t.test('an idle carrier is asked every 15 s whether it lives', async t => {
  const pair = EnginePair.met()
  const pings = () => pair.a.sent.filter(text => text.includes('PING')).length
  const before = pings()
  pair.advance(LIMITS.heartbeatMs - 600)
  t.equal(pings(), before)
  pair.advance(601)
  t.equal(pings(), before + 1)
  pair.advance(10 * LIMITS.heartbeatMs)
  t.ok(pings() <= before + 11)
  t.equal(pair.a.association.wantsPath, undefined, 'and it does')
})

t.test('a heartbeat without answer for 1 s is doubt, and another ping', async t => {
  const pair = EnginePair.met()
  pair.wires[0]!.blackhole()
  const due = pair.a.association.nextTimeout() - pair.now
  pair.advance(due)
  const sent = pair.a.sent.length
  pair.advance(LIMITS.heartbeatAnswerMs - 1)
  t.equal(pair.a.association.wantsPath, undefined)
  pair.advance(1)
  t.equal(pair.a.association.wantsPath, 'doubt')
  t.match(pair.a.sent.slice(sent), [/PING/])
})

t.test('a pure receiver asks when bytes stop coming, and so notices a dead path as a sender does', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.a.write(ref, 'bytes')
  pair.advance(DELAY_MS)
  pair.wires[0]!.blackhole()
  pair.advance(2 * LIMITS.doubtMs + ROUND_MS)
  t.equal(pair.b.association.wantsPath, 'doubt')
})

t.test('a receiver whose sender merely pauses asks once, and is content', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.a.write(ref, 'bytes')
  pair.advance(1_000)
  t.equal(pair.b.association.wantsPath, undefined)
  const pings = pair.b.sent.filter(text => text.includes('PING')).length
  pair.advance(5_000)
  t.equal(pair.b.sent.filter(text => text.includes('PING')).length, pings)
})

t.test('time in which our own loop was blocked is no silence of the peer', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.a.write(ref, 'bytes')
  pair.a.isBlocked = true
  pair.advance(2_000)
  pair.a.isBlocked = false
  pair.a.do((a, now) => a.handleTimeout(now))
  t.equal(pair.a.association.wantsPath, undefined, 'its answer is there, but not read yet')
  pair.advance(1_000)
  t.equal(pair.a.association.wantsPath, undefined)
})

t.test('an accepted carrier on which nothing proves the peer is closed after 1 s, or four round trips', async t => {
  const pair = EnginePair.met()
  pair.a.do((a, now) => a.migrate('command', now))
  pair.connect('a', { isNeverConfirmed: true }).blackhole()
  pair.advance(LIMITS.confirmMs - 1)
  t.same(pair.b.closes, [])
  pair.advance(1)
  t.same(pair.b.closes, ['2 NOT_CONFIRMED'])
  const slow = new EnginePair()
  const wire = slow.connect('a', { delayMs: 200, isNeverConfirmed: true })
  slow.advance(1_599)
  t.same(slow.b.closes, [], 'four round trips of 400 ms')
  slow.advance(1)
  t.same(slow.b.closes, [`${wire.id} NOT_CONFIRMED`])
})

t.test('keys are renewed each hour by the side that dialed, and tried again if nothing comes of it', async t => {
  const pair = EnginePair.met()
  pair.advance(LIMITS.rekeyMs - 501)
  t.equal(pair.a.association.wantsPath, undefined)
  pair.advance(1)
  t.equal(pair.a.association.wantsPath, 'rekey')
  t.equal(pair.b.association.wantsPath, undefined)
  pair.a.do(a => a.handleDialFailed())
  pair.advance(LIMITS.rekeyRetryMs)
  t.equal(pair.a.association.wantsPath, 'rekey')
  pair.connect('a', { isResumed: false })
  pair.advance(1_000)
  t.equal(pair.a.association.activeCarrier, 2)
  pair.advance(LIMITS.rekeyMs - 2_000)
  t.equal(pair.a.association.wantsPath, undefined, 'an hour from the new handshake')
})
