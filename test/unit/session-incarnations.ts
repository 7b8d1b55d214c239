/** Processes of a peer that follow one another, and speak late: two engines that must get over it. */
import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Incarnations } from '../../src/session/incarnations.ts'
import type { Link } from '../../src/session/link.ts'
import type { Migration } from '../../src/session/migration.ts'
import type { Sessions } from '../../src/session/sessions.ts'
import { encodeOpenRequest } from '../../src/wire/control.ts'
import { dataHeader, FLAG_OPEN } from '../../src/wire/inner-frame.ts'
import { EnginePair } from '../support/engine-pair.ts'
import { control } from '../support/frame-text.ts'

const HELLO = {
  type: 'hello',
  knownIncarnation: new Uint8Array(0),
  sessionsMax: 1,
  holdSeconds: 60,
  features: 0,
  endpoints: [],
} as const

t.test('what a stopped process had under way opens nothing, and meets no session of the next process', async t => {
  const pair = EnginePair.met()
  const [old] = pair.wires
  old!.passes.a = 0
  const ref = pair.a.open()
  pair.a.write(ref, 'of the first process')
  pair.advance(30)
  pair.a.do((a, now) => a.handleDoubt(now))
  pair.connect()
  pair.advance(70)
  pair.a.do(a => a.goodbye())
  pair.advance(11)
  t.equal(pair.b.all('peerStopped').length, 1)
  old!.heal()
  pair.advance(15)
  t.equal(pair.b.all('open').length, 1, 'dialed once')
  for (const wire of pair.wires) wire.close()
  pair.advance(10)
  pair.b.received.clear()
  pair.a.restart(0xcc)
  const other = pair.a.open('other.example')
  pair.a.write(other, 'of the second process')
  pair.connect('a', { isResumed: false })
  pair.advance(500)
  t.same([...pair.b.received.values()], ['of the second process'])
  t.equal(pair.b.all('open').at(-1)?.request.host, 'other.example')
})

t.test('a dead process whose Hello comes late does not take the association back', async t => {
  const pair = EnginePair.met()
  pair.wires[0]!.cut()
  const late = pair.connect()
  late.passes.a = 0
  pair.advance(15)
  pair.a.carriers.delete(late.id)
  pair.a.restart(0xcc)
  const living = pair.connect('a', { isResumed: false })
  pair.advance(600)
  const ref = pair.a.open()
  pair.a.write(ref, 'one ')
  pair.advance(300)
  living.cut()
  late.heal()
  pair.advance(15)
  pair.a.write(ref, 'two')
  pair.connect()
  pair.advance(500)
  t.equal(pair.b.received.get(ref), 'one two')
  t.same(pair.b.faults, [])
})

t.test('a dead process that nobody had heard of does not take the place of the living one', async t => {
  const pair = new EnginePair()
  const late = pair.connect()
  late.passes.a = 0
  pair.advance(15)
  pair.a.carriers.delete(late.id)
  pair.a.restart(0xcc)
  const living = pair.connect('a', { isResumed: false })
  pair.advance(300)
  const ref = pair.a.open()
  pair.a.write(ref, 'one ')
  pair.advance(300)
  living.cut()
  late.heal()
  pair.advance(500)
  t.ok(pair.b.sentOn(late).includes('PING 2'), 'its Hello has come, and it is asked')
  pair.connect()
  pair.a.write(ref, 'two')
  pair.advance(500)
  t.equal(pair.b.received.get(ref), 'one two')
  t.same([...pair.b.all('peerRestarted'), ...pair.b.all('reset'), ...pair.b.faults], [])
  t.equal(pair.b.all('open').length, 1)
})

t.test(
  'a living process whose carrier is older than what is known of the peer is heard as soon as it answers',
  async t => {
    const pair = new EnginePair()
    const [stale, living] = [pair.connect(), pair.connect()]
    living.passes.a = 0
    pair.inject(pair.b, stale, control({ ...HELLO, incarnation: new Uint8Array(16).fill(0x11) }))
    stale.cut()
    pair.advance(15)
    pair.inject(pair.b, living, control({ ...HELLO, incarnation: new Uint8Array(16).fill(0xaa) }))
    const asked = pair.b.sentOn(living).at(-1)
    t.equal(asked, 'PING 2', 'the first was sent before')
    pair.inject(pair.b, living, control({ type: 'ping', id: 1 }), control({ type: 'pong', id: 99 }))
    t.equal(pair.b.all('peerRestarted').length, 0)
    t.notOk(pair.b.sentOn(living).includes('PONG 1'))
    pair.inject(pair.b, living, control({ type: 'pong', id: 2 }))
    t.equal(pair.b.all('peerRestarted').length, 1)
    t.ok(pair.b.sentOn(living).includes('PONG 1'), 'what was held is carried out')
  },
)

t.test('a session that was opened since is not told of on a carrier whose process has not said who it is', async t => {
  const pair = EnginePair.met()
  pair.wires[0]!.cut()
  const silent = pair.connect('b', { isResumed: false })
  silent.passes.a = 0
  pair.advance(15)
  t.same(pair.b.sentOn(silent), ['HELLO', 'PING 1', 'MIGRATE 2 gone'], 'nothing was shared when it was proposed')
  const late = pair.connect('a', { isResumed: false })
  late.passes.a = 0
  const open = encodeOpenRequest({ sessionId: new Uint8Array(16).fill(7), host: 'db', port: 1, client: 'c:1' })
  const hello = control({ ...HELLO, incarnation: new Uint8Array(16).fill(0xaa) })
  pair.inject(pair.b, late, hello, dataHeader(2, 0, FLAG_OPEN, open.length), open)
  pair.advance(50)
  t.equal(pair.b.all('open').length, 1)
  t.same(pair.b.sentOn(silent).slice(3), [], 'neither its acknowledgement nor its answer')
  pair.inject(pair.b, silent, hello)
  pair.advance(50)
  t.same(pair.b.sentOn(silent).slice(3), ['ACK 2 1/16385'], 'it is the same process')
})

t.test('an answer to what was asked before yet another process came proves nothing', async t => {
  const pair = new EnginePair()
  const [first, second, third] = [pair.connect(), pair.connect(), pair.connect()]
  for (const wire of [first, second, third]) wire.passes.a = 0
  const hello = (byte: number) => control({ ...HELLO, incarnation: new Uint8Array(16).fill(byte) })
  pair.inject(pair.b, first, hello(0x11))
  first.cut()
  pair.advance(15)
  pair.inject(pair.b, second, hello(0x22))
  pair.inject(pair.b, third, hello(0x33))
  pair.advance(15)
  pair.inject(pair.b, third, control({ type: 'pong', id: 2 }))
  t.equal(pair.b.association.peerIncarnation?.[0], 0x33)
  third.cut()
  pair.advance(1)
  pair.inject(pair.b, second, control({ type: 'pong', id: 2 }))
  t.equal(pair.b.association.peerIncarnation?.[0], 0x33, 'the second may have died before the third came')
  pair.advance(15)
  pair.inject(pair.b, second, control({ type: 'pong', id: 3 }))
  t.equal(pair.b.association.peerIncarnation?.[0], 0x22, 'it has answered since')
})

t.test('a process that has said goodbye is not heard any more, and the next one is at once', async t => {
  const pair = EnginePair.met()
  const late = pair.connect()
  late.passes.a = 0
  pair.advance(15)
  pair.a.do(a => a.goodbye())
  pair.advance(15)
  t.equal(pair.b.all('peerStopped').length, 1)
  pair.inject(pair.b, late, control({ ...HELLO, incarnation: new Uint8Array(16).fill(0xaa) }))
  t.same(pair.b.faults, ['GOODBYE'])
  pair.a.carriers.clear()
  pair.a.restart(0xcc)
  pair.connect('a', { isResumed: false })
  pair.advance(11)
  t.equal(pair.b.association.peerIncarnation?.[0], 0xcc)
  t.equal(pair.b.all('peerRestarted').length, 0)
})

t.test('a second process that waits takes the place of a first that says goodbye', async t => {
  const pair = EnginePair.met()
  const second = pair.connect('a', { isResumed: false })
  second.passes.a = 0
  pair.b.do(b => b.handleCarrierBlocked(1, true))
  pair.inject(pair.b, second, control({ ...HELLO, incarnation: new Uint8Array(16).fill(0x22) }))
  pair.inject(pair.b, pair.wires[0]!, control({ type: 'goodbye' }))
  t.equal(pair.b.association.peerIncarnation?.[0], 0x22)
  t.same(pair.b.closes, ['1 GOODBYE'])
})

t.test('a process that restarts takes up the epoch of a peer that has counted far', async t => {
  const pair = EnginePair.met()
  const far = LIMITS.epochJumpMax - 1
  for (const epoch of [far, 2 * far]) {
    pair.inject(pair.b, pair.wires[0]!, control({ type: 'migrate', epoch, reason: 'gone', endpoints: [] }))
  }
  t.equal(pair.b.association.epoch, 2 * far)
  pair.wires[0]!.cut()
  pair.a.restart(0xcc)
  pair.connect('a', { isResumed: false })
  pair.advance(1_000)
  t.equal(pair.a.association.state, 'stable')
  t.equal(pair.b.association.state, 'stable')
  t.same([...pair.a.faults, ...pair.b.faults], [])
})

t.test('a process that died before it said who it is has no session of ours, and the next one dials once', async t => {
  const pair = new EnginePair()
  const ref = pair.a.open()
  pair.a.write(ref, 'once')
  const first = pair.connect()
  first.passes.b = 0
  pair.advance(15)
  t.same(pair.b.all('open'), [], 'it was told nothing')
  first.close()
  pair.advance(1)
  pair.b.restart(0xcc)
  pair.connect('a', { isResumed: false })
  pair.advance(500)
  t.equal(pair.b.all('open').length, 1)
  t.equal(pair.b.received.get(ref), 'once')
})

t.test('a session that the peer never heard of outlives its restart', async t => {
  const pair = EnginePair.met()
  pair.wires[0]!.cut()
  pair.b.restart(0xcc)
  const ref = pair.a.open()
  pair.a.write(ref, 'new')
  pair.connect('a', { isResumed: false })
  pair.advance(500)
  t.equal(pair.b.received.get(ref), 'new')
})

t.test('a peer that drained and was started anew takes sessions again', async t => {
  const pair = EnginePair.met()
  pair.inject(pair.a, pair.wires[0]!, control({ type: 'drain' }))
  t.throws(() => pair.a.open(), { code: 'SHUTTING_DOWN' })
  pair.wires[0]!.cut()
  pair.b.restart(0xcc)
  pair.connect('a', { isResumed: false })
  pair.advance(500)
  t.doesNotThrow(() => pair.a.open())
})

t.test(
  'a second process waits as long as the first may answer, not counting what our own loop was blocked',
  async t => {
    const pair = EnginePair.met()
    pair.b.isBlocked = true
    const second = pair.connect('b', { isResumed: false })
    second.blackhole()
    pair.inject(pair.a, second, control({ ...HELLO, incarnation: new Uint8Array(16).fill(0xcc) }))
    pair.a.isBlocked = true
    pair.advance(5 * LIMITS.duplicateIdentityMs)
    pair.a.isBlocked = false
    pair.advance(LIMITS.duplicateIdentityMs / 2)
    t.equal(pair.a.all('peerRestarted').length, 0)
    pair.advance(LIMITS.duplicateIdentityMs)
    t.equal(pair.a.all('peerRestarted').length, 1)
  },
)

t.test('a bug that shows while held records are read is no fault of the peer', async t => {
  const link = { id: 2, held: undefined, isHelloReceived: false, aliveAfter: 1 } as unknown as Link
  const active = { id: 1, ping: () => {} } as unknown as Link
  const migration = { active, links: new Map(), forget: () => {} } as unknown as Migration
  const sessions = { dropAll: () => {}, forget: () => {} } as unknown as Sessions
  const handleRecord = () => {
    throw new TypeError('a bug')
  }
  const incarnations = new Incarnations({ migration, sessions, emit: () => {}, close: () => {}, handleRecord })
  const hello = (byte: number) => ({ ...HELLO, incarnation: new Uint8Array(16).fill(byte) })
  t.equal(incarnations.handleHello(active, hello(0), [new Uint8Array(1)], 0), true)
  t.equal(incarnations.handleHello(link, hello(1), [new Uint8Array(1)], 0), false)
  t.throws(() => incarnations.handleTimeout(LIMITS.duplicateIdentityMs), { message: 'a bug' })
})
