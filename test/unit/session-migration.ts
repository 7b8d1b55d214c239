import t, { type Test } from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { DELAY_MS, EnginePair, type Wire } from '../support/engine-pair.ts'
import { control } from '../support/frame-text.ts'

const ROUND_MS = 2 * DELAY_MS

/** Both sides are content with this carrier. */
function settledOn(pair: EnginePair, wire: Wire): boolean {
  return [pair.a, pair.b].every(({ association: one }) => one.state === 'stable' && one.activeCarrier === wire.id)
}

/** A session over which the pair talks; `check` shows that all bytes of both directions arrived, each once. */
function conversation(t: Test, pair: EnginePair) {
  const ref = pair.a.open()
  pair.advance(100)
  const said = { a: '', b: '' }
  return {
    ref,
    say: (text: string) => {
      for (const side of [pair.a, pair.b]) {
        side.write(ref, `${side.name}${text}`)
        said[side.name] += `${side.name}${text}`
      }
    },
    check: () => {
      t.equal(pair.b.received.get(ref), said.a)
      t.equal(pair.a.received.get(ref), said.b)
    },
  }
}

t.test('on first contact the dialer proposes epoch 1, and its open leaves after the peer’s Hello', async t => {
  const pair = new EnginePair()
  t.equal(pair.a.association.state, 'idle')
  t.equal(pair.a.association.wantsPath, 'first')
  const ref = pair.a.open()
  const wire = pair.connect()
  t.match(pair.a.sentOn(wire), ['HELLO', 'PING 1', 'MIGRATE 1 first'])
  t.same(pair.b.sentOn(wire), ['HELLO', 'PING 1'], 'the acceptor waits for it')
  pair.advance(ROUND_MS / 2)
  t.same(pair.a.sentOn(wire).slice(3), ['PONG 1', 'ACK 2 0/16385', 'DATA 2 @0 OPEN'])
  pair.advance(ROUND_MS)
  t.ok(settledOn(pair, wire))
  t.match(pair.b.all('open'), [{ ref }])
  const times = {
    detectedAt: undefined,
    suspendedAt: 1_000,
    announcedAt: 1_000,
    acknowledgedAt: 1_020,
    resumedAt: 1_020,
  }
  t.match(pair.a.all('migrated'), [
    { migration: { epoch: 1, migrator: 'local', reason: 'first', from: undefined, to: 1, ...times } },
  ])
  t.match(pair.b.all('migrated'), [
    { migration: { epoch: 1, migrator: 'peer', reason: 'first', to: 1, announcedAt: undefined } },
  ])
  t.equal(pair.a.association.wantsPath, undefined)
})

t.test('first contacts that cross settle on one carrier, that of the greater peer', async t => {
  const pair = new EnginePair()
  const refs = [pair.a.open(), pair.b.open()]
  const [one, other] = [pair.connect('a'), pair.connect('b')]
  pair.advance(2_000)
  t.ok(settledOn(pair, other))
  t.ok(one.isCut, 'the migrator closed the loser')
  t.same(pair.b.all('open').length + pair.a.all('open').length, 2)
  t.same([pair.a.all('opened')[0]?.ref, pair.b.all('opened')[0]?.ref], refs)
})

t.test('a carrier that comes too late to be of use is closed by its dialer', async t => {
  const pair = EnginePair.met()
  const late = pair.connect('a')
  pair.advance(2_000)
  t.same(pair.a.closes, ['2 SUPERSEDED'])
  t.same(pair.b.closes, [])
  t.ok(late.isCut)
  t.ok(settledOn(pair, pair.wires[0]!))
})

t.test('a planned move suspends nothing and repeats nothing; the migrator closes the old carrier', async t => {
  const pair = EnginePair.met()
  const { ref, say, check } = conversation(t, pair)
  say('before')
  pair.a.do((a, now) => t.ok(a.migrate('command', now)))
  t.equal(pair.a.association.wantsPath, 'command')
  t.equal(pair.a.association.state, 'stable')
  say('while dialing')
  const wire = pair.connect('a')
  t.equal(pair.a.association.state, 'announcing')
  t.equal(pair.a.association.wantsPath, undefined)
  say('while announcing')
  t.ok(pair.a.sentOn(pair.wires[0]!).at(-1)?.startsWith(`DATA ${ref}`), 'bytes stay on the old carrier')
  pair.advance(ROUND_MS)
  t.ok(settledOn(pair, wire))
  say('after')
  pair.advance(1_000)
  check()
  t.match(pair.a.all('migrated')[1], { migration: { reason: 'command', suspendedAt: undefined, from: 1, to: 2 } })
  t.same([pair.a.association.replayedBytes, pair.b.association.replayedBytes], [0, 0])
  t.same([pair.a.closes, pair.b.closes], [['1 SUPERSEDED'], []])
})

t.test('a planned move of which nothing comes changes nothing', async t => {
  const pair = EnginePair.met()
  pair.a.do((a, now) => t.ok(a.migrate('rekey', now)))
  pair.a.do(a => a.handleDialFailed())
  t.equal(pair.a.association.wantsPath, undefined)
  t.equal(pair.a.association.state, 'stable')
  pair.a.do(a => a.handleDialFailed())
  pair.a.do((a, now) => t.ok(a.migrate('rekey', now), 'and it may be tried again'))
  pair.a.do((a, now) => t.notOk(a.migrate('command', now), 'one at a time'))
})

t.test('a planned proposal that is not answered in 5 s is given up with its carrier', async t => {
  const pair = EnginePair.met()
  conversation(t, pair)
  pair.a.do((a, now) => a.migrate('command', now))
  const wire = pair.connect('a', { isResumed: false })
  wire.passes.a = 1
  pair.advance(DELAY_MS)
  t.match(pair.a.sentOn(wire), ['HELLO', 'PING 1', 'PONG 1', 'MIGRATE 2 command'], 'once the peer has said Hello')
  pair.advance(LIMITS.handshakeMs - 1)
  t.equal(pair.a.association.state, 'announcing')
  pair.advance(1)
  t.equal(pair.a.association.state, 'stable')
  t.same(pair.a.closes, ['2 SUPERSEDED'])
  t.equal(pair.a.association.activeCarrier, 1)
})

t.test('a planned move whose old carrier dies meanwhile becomes one that replays', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  pair.a.do((a, now) => a.migrate('command', now))
  const wire = pair.connect('a')
  say('lost with the old carrier')
  pair.wires[0]!.cut()
  t.equal(pair.a.association.state, 'announcing')
  pair.advance(1_000)
  t.ok(settledOn(pair, wire))
  check()
  t.ok(pair.a.association.replayedBytes > 0)
})

t.test('bytes that an old carrier still had when a planned move was done are replayed once it is gone', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  pair.wires[0]!.passes.a = 0
  pair.wires[0]!.passes.b = 0
  say('lost without a word')
  pair.a.do((a, now) => a.migrate('command', now))
  const wire = pair.connect('a')
  pair.advance(1_000)
  t.ok(settledOn(pair, wire))
  check()
})

t.test('a better path is taken at most once in 10 s, and only by the side that dialed', async t => {
  const pair = EnginePair.met()
  pair.b.do((b, now) => t.notOk(b.migrate('better', now), 'the acceptor'))
  pair.a.do((a, now) => t.ok(a.migrate('better', now)))
  pair.a.do(a => a.handleDialFailed())
  pair.advance(LIMITS.betterPathMs - 1)
  pair.a.do((a, now) => t.notOk(a.migrate('better', now)))
  pair.advance(1)
  pair.a.do((a, now) => t.ok(a.migrate('better', now)))
  pair.b.do((b, now) => t.ok(b.migrate('command', now), 'an operator may on either side'))
})

t.test('no move is planned while there is no path', async t => {
  const pair = new EnginePair()
  pair.a.do((a, now) => t.notOk(a.migrate('command', now)))
})

t.test('a lost carrier suspends; the next one is announced, replays and resumes', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  say('lost')
  const lostAt = pair.now
  pair.wires[0]!.cut()
  t.equal(pair.a.association.state, 'suspended')
  t.equal(pair.a.association.wantsPath, 'gone')
  say('taken up meanwhile')
  pair.advance(300)
  const wire = pair.connect('a', { isResumed: true })
  t.equal(pair.a.association.wantsPath, 'gone', 'until the answer')
  t.match(pair.a.sentOn(wire), ['HELLO', 'PING 1', 'MIGRATE 2 gone', /^ACK/, 'DATA 2 @1+5'])
  t.notOk(
    pair.a.sentOn(wire).some(text => text.includes('@6+')),
    'new bytes wait for the answer',
  )
  pair.advance(ROUND_MS)
  t.ok(settledOn(pair, wire))
  pair.advance(500)
  check()
  const { migration } = pair.a.all('migrated')[1]!
  t.match(migration, {
    epoch: 2,
    migrator: 'local',
    reason: 'gone',
    from: 1,
    to: 2,
    detectedAt: lostAt,
    suspendedAt: lostAt,
  })
  t.match(migration, { announcedAt: lostAt + 300, resumedAt: lostAt + 300 + ROUND_MS, bytesReplayed: 5 })
})

t.test('only one side has noticed: the peer’s proposal still replaces the old carrier', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  say('lost')
  pair.wires[0]!.cut(0, 100_000)
  const wire = pair.connect('a')
  pair.advance(500)
  t.ok(settledOn(pair, wire))
  check()
})

t.test('a doubt that heals closes the attempt beside it and moves nothing', async t => {
  const pair = EnginePair.met()
  pair.a.do((a, now) => a.handleDoubt(now))
  t.equal(pair.a.association.wantsPath, 'doubt')
  t.equal(pair.a.association.state, 'stable', 'the applications notice nothing')
  const attempt = pair.connect('a')
  pair.advance(1_000)
  t.equal(pair.a.association.wantsPath, undefined)
  t.ok(settledOn(pair, pair.wires[0]!))
  t.ok(attempt.isCut)
  t.same(pair.a.all('migrated').length, 1)
})

t.test('silence while bytes wait is doubt, and the first carrier that answers wins', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  pair.wires[0]!.blackhole()
  say('into the void')
  pair.advance(LIMITS.doubtMs - 1)
  t.equal(pair.a.association.wantsPath, undefined)
  pair.advance(1)
  t.equal(pair.a.association.wantsPath, 'doubt')
  const wire = pair.connect('a')
  pair.advance(100)
  t.ok(settledOn(pair, wire))
  check()
  t.match(pair.a.all('migrated')[1], { migration: { reason: 'doubt', from: 1, to: 2 } })
  pair.advance(1_000)
  t.ok(pair.wires[0]?.isCut, 'and the silent one is closed')
})

t.test('doubting twice is doubting once, and nothing is doubted without a carrier', async t => {
  const pair = new EnginePair()
  pair.a.do((a, now) => a.handleDoubt(now))
  t.equal(pair.a.association.wantsPath, 'first')
  pair.connect()
  pair.advance(500)
  pair.a.sent.length = 0
  pair.a.do((a, now) => a.handleDoubt(now))
  pair.a.do((a, now) => a.handleDoubt(now))
  t.same(pair.a.sent, ['1: PING 2'])
})

t.test('a proposal that is not answered gives way to the next candidate', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  say('lost')
  pair.wires[0]!.cut()
  const silent = pair.connect('a')
  silent.blackhole()
  pair.advance(LIMITS.announceMs - 1)
  const good = pair.connect('a')
  pair.advance(0)
  t.equal(pair.a.association.activeCarrier, undefined)
  pair.advance(1 + ROUND_MS)
  t.ok(settledOn(pair, good))
  t.ok(silent.isCut)
  pair.advance(500)
  check()
  t.match(pair.a.sentOn(good), ['HELLO', 'PING 1', 'MIGRATE 3 gone'])
})

t.test('without another candidate a proposal is waited for', async t => {
  const pair = EnginePair.met()
  pair.wires[0]!.cut()
  const slow = pair.connect('a', { delayMs: 400 })
  pair.advance(799)
  t.equal(pair.a.association.state, 'announcing')
  pair.advance(1)
  t.ok(settledOn(pair, slow))
})

t.test('a candidate that is lost before its answer leads back to where we were', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  pair.wires[0]!.cut()
  say('waiting')
  pair.connect('a').cut()
  t.equal(pair.a.association.state, 'suspended')
  pair.connect('a')
  pair.advance(500)
  check()
  pair.a.do((a, now) => a.migrate('command', now))
  pair.connect('a').cut()
  t.equal(pair.a.association.state, 'stable')
  say('on the old one')
  pair.advance(500)
  check()
})

t.test('a doubt’s proposal that is lost leads back to the active carrier, and everything goes there again', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  pair.wires[0]!.blackhole()
  say('into the void')
  pair.advance(200)
  const attempt = pair.connect('a')
  attempt.blackhole()
  pair.advance(100)
  t.equal(pair.a.association.state, 'announcing')
  pair.wires[0]!.heal()
  attempt.cut()
  t.equal(pair.a.association.state, 'stable')
  t.equal(pair.a.association.activeCarrier, 1)
  pair.advance(1_000)
  check()
})

t.test('when both ends propose at once the greater peer’s carrier wins on both', async t => {
  for (const first of ['a', 'b'] as const) {
    const pair = EnginePair.met()
    const { say, check } = conversation(t, pair)
    say('lost')
    pair.wires[0]!.cut()
    const wires = { a: undefined as Wire | undefined, b: undefined as Wire | undefined }
    wires[first] = pair.connect(first)
    const second = first === 'a' ? 'b' : 'a'
    wires[second] = pair.connect(second)
    t.same([pair.a.association.state, pair.b.association.state], ['announcing', 'announcing'])
    pair.advance(2_000)
    t.ok(settledOn(pair, wires.b!), `${first} was first`)
    t.match(pair.a.sent.join('\n'), /MIGRATE_ACK 2 yes/)
    t.match(pair.b.sent.join('\n'), /MIGRATE_ACK 2 no/)
    check()
  }
})

t.test('a refused side waits one announce time before it proposes again', async t => {
  const pair = EnginePair.met()
  conversation(t, pair)
  pair.wires[0]!.cut()
  const mine = pair.connect('a', { isResumed: false })
  const refusal = control({ type: 'migrateAck', epoch: 2, accepted: false, greatestEpoch: 9 })
  mine.passes.a = 1
  mine.passes.b = 1
  pair.advance(50)
  t.equal(pair.a.association.state, 'announcing')
  pair.inject(pair.a, mine, refusal)
  t.equal(pair.a.association.state, 'suspended')
  pair.advance(LIMITS.announceMs - 1)
  t.equal(pair.a.association.state, 'suspended')
  mine.heal()
  pair.advance(1)
  t.equal(pair.a.association.state, 'announcing')
  t.equal(
    pair.a
      .sentOn(mine)
      .filter(text => text.startsWith('MIGRATE'))
      .at(-1),
    'MIGRATE 10 gone',
    'above the greatest seen',
  )
  pair.advance(ROUND_MS)
  t.ok(settledOn(pair, mine))
})

t.test('an answer to anything but the pending proposal is late, and ignored', async t => {
  const answer = (epoch: number, accepted: boolean) =>
    control({ type: 'migrateAck', epoch, accepted, greatestEpoch: epoch })
  const pair = EnginePair.met()
  pair.inject(pair.a, pair.wires[0]!, answer(1, true))
  t.equal(pair.a.all('migrated').length, 1, 'none is pending')
  pair.wires[0]!.cut()
  const [pending, other] = [pair.connect('a'), pair.connect('a')]
  pending.blackhole()
  pair.advance(50)
  t.equal(pair.a.association.state, 'announcing')
  pair.inject(pair.a, pending, control(hello(0xbb)), answer(1, true))
  pair.inject(pair.a, pending, answer(1, false))
  pair.inject(pair.a, other, answer(2, true))
  t.equal(pair.a.association.state, 'announcing')
  t.equal(pair.a.association.activeCarrier, undefined)
  pair.inject(pair.a, pending, answer(2, true))
  t.equal(pair.a.association.activeCarrier, pending.id)
})

t.test('a smaller proposal is refused in every state, and its carrier stays', async t => {
  const migrate = (epoch: number) => control({ type: 'migrate', epoch, reason: 'gone', endpoints: [] })
  const stable = EnginePair.met()
  const standby = stable.connect('a')
  stable.advance(50)
  stable.inject(stable.b, standby, migrate(1))
  t.equal(stable.b.sentOn(standby).at(-1), 'MIGRATE_ACK 1 no 1', 'equal epochs go by peer ID')
  t.equal(stable.b.association.activeCarrier, 1)

  const suspended = EnginePair.met()
  suspended.wires[0]!.cut()
  const candidate = suspended.connect('b')
  candidate.passes.b = 1
  suspended.advance(50)
  t.equal(suspended.a.association.activeCarrier, 2)
  suspended.wires[1]!.cut()
  const next = suspended.connect('b')
  next.passes.b = 0
  t.equal(suspended.a.association.state, 'suspended')
  suspended.inject(suspended.a, next, control(hello(0xbb)), migrate(1))
  t.equal(suspended.a.sentOn(next).at(-1), 'MIGRATE_ACK 1 no 2')
  t.equal(suspended.a.association.state, 'suspended')

  const announcing = EnginePair.met()
  announcing.wires[0]!.cut()
  const [mine] = [announcing.connect('a')]
  mine!.blackhole()
  const theirs = announcing.connect('a')
  announcing.advance(50)
  t.equal(announcing.a.association.state, 'announcing')
  announcing.inject(announcing.a, theirs, migrate(1))
  t.equal(announcing.a.sentOn(theirs).at(-1), 'MIGRATE_ACK 1 no 2')
  t.equal(announcing.a.association.state, 'announcing')
})

t.test('an epoch may rise by 65,536 at once; more is a fault that closes the carrier', async t => {
  const migrate = (epoch: number) => control({ type: 'migrate', epoch, reason: 'command', endpoints: [] })
  const pair = EnginePair.met()
  const standby = pair.connect('b')
  pair.advance(50)
  pair.inject(pair.a, standby, migrate(1 + LIMITS.epochJumpMax))
  t.equal(pair.a.association.epoch, 65_537)
  const other = EnginePair.met()
  const bad = other.connect('b')
  other.advance(50)
  other.inject(other.a, bad, migrate(2 + LIMITS.epochJumpMax))
  t.same(other.a.faults, ['PROTOCOL_VIOLATION'])
  t.equal(other.a.association.epoch, 1)
  t.equal(other.a.association.activeCarrier, 1, 'the active carrier is not harmed')
})

t.test('of several candidates the next is used as soon as the first is lost', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  say('lost')
  pair.wires[0]!.cut()
  const [first, second] = [pair.connect('a'), pair.connect('a')]
  first.cut()
  t.equal(pair.a.association.state, 'announcing')
  pair.advance(ROUND_MS)
  t.ok(settledOn(pair, second))
  pair.advance(500)
  check()
})

t.test('records of an old carrier still count after a move, in either direction', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  const [old] = pair.wires
  old!.delayMs = 200
  say('late')
  old!.delayMs = DELAY_MS
  pair.a.do((a, now) => a.migrate('command', now))
  const wire = pair.connect('a')
  pair.advance(ROUND_MS + 10)
  t.ok(settledOn(pair, wire))
  say('early')
  pair.advance(1_000)
  check()
})

t.test('planned moves in quick succession lose nothing of any tail', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  for (const reason of ['command', 'rekey'] as const) {
    pair.wires.at(-1)!.passes.a = 0
    say('on a carrier that stalls')
    pair.a.do((a, now) => a.migrate(reason, now))
    pair.connect('a')
    pair.advance(ROUND_MS)
  }
  t.ok(settledOn(pair, pair.wires[2]!))
  pair.advance(1_000)
  check()
})

t.test('the peer may move back to the carrier whose tail is still awaited', async t => {
  const pair = EnginePair.met()
  const { say, check } = conversation(t, pair)
  pair.a.do((a, now) => a.migrate('command', now))
  pair.connect('a')
  pair.advance(ROUND_MS)
  say('on the new one')
  const back = control({ type: 'migrate', epoch: 3, reason: 'command', endpoints: [] })
  pair.inject(pair.b, pair.wires[0]!, back)
  t.equal(pair.b.association.activeCarrier, 1)
  pair.inject(pair.a, pair.wires[0]!, back)
  t.equal(pair.a.association.activeCarrier, 1)
  say('on the old one')
  pair.advance(2_000)
  check()
})

t.test('of several candidates the one heard last is proposed', async t => {
  for (const spoken of [0, 1]) {
    const pair = EnginePair.met()
    const { ref } = conversation(t, pair)
    pair.wires[0]!.cut()
    const pending = pair.connect('a')
    pending.passes.b = 0
    pending.passes.a = 0
    const two = [pair.connect('a'), pair.connect('a')]
    pair.advance(50)
    pair.inject(pair.a, two[spoken]!, control({ type: 'ping', id: 9 }))
    pending.cut()
    t.ok(pair.a.sentOn(two[spoken]!).includes('MIGRATE 3 gone'), `candidate ${spoken}`)
    pair.advance(500)
    t.equal(pair.a.outcome(ref), undefined)
  }
})

function hello(incarnationByte: number) {
  return {
    type: 'hello',
    incarnation: new Uint8Array(16).fill(incarnationByte),
    knownIncarnation: new Uint8Array(0),
    sessionsMax: 1_000,
    holdSeconds: 86_400,
    features: 0,
    endpoints: [],
  } as const
}
