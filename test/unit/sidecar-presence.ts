import t from 'tap'
import type { Code } from '../../src/base/codes.ts'
import { parseEndpoint } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { DialError, fromSystemError } from '../../src/carrier/dial-error.ts'
import type { DialFailure } from '../../src/carrier/dial-round.ts'
import { Presence } from '../../src/sidecar/presence.ts'
import { ManualClock } from '../support/manual-clock.ts'

const endpoint = parseEndpoint('tcp://192.0.2.1:7700')!
const candidate = { endpoint, address: '192.0.2.1' }

function setUp() {
  const clock = new ManualClock()
  const told = { count: 0 }
  const presence = new Presence({ clock, onPassedBy: () => void told.count++ })
  const answers: boolean[] = []
  const ask = () => presence.ask(isAbsent => answers.push(isAbsent))
  const fail = (...failures: DialFailure[]) => presence.handleRoundFailed({ failures, lost: [] })
  return { clock, presence, answers, told, ask, fail }
}

const failed = (code: Code): DialFailure => ({ endpoint, candidate, error: new DialError(code, 'it failed') })
const bySystem = (errno: string): DialFailure => {
  const cause = Object.assign(new Error(errno), { code: errno })
  return { endpoint, candidate, error: fromSystemError(cause, 'it') }
}

t.test('who asks waits for the round; what it finds is the answer, and stays so for those who ask later', async t => {
  const { clock, answers, told, ask, fail } = setUp()
  ask()
  ask()
  t.same(answers, [])
  fail(bySystem('ECONNREFUSED'))
  t.same(answers, [true, true])
  ask()
  t.same(answers, [true, true, true])
  t.equal(clock.pending, 0)
  t.equal(told.count, 1, 'the operator is told once')
})

t.test('a round shows that nobody is there when somebody was asked, and nobody spoke as a sidecar', async t => {
  const refused = failed('REFUSED')
  const unresolved: DialFailure = { endpoint, error: new DialError('TIMED_OUT', 'no name server') }
  for (const [what, isAbsent, ...failures] of [
    ['refused', true, refused],
    ['silent', true, failed('TIMED_OUT')],
    ['a web server', true, failed('UPGRADE_REFUSED')],
    ['no WebSocket', true, failed('FRAME_MALFORMED')],
    ['no TLS', true, failed('HANDSHAKE_FAILED')],
    ['said to be unreachable', true, bySystem('EHOSTUNREACH')],
    ['no network here', false, bySystem('ENETUNREACH')],
    ['no such address here', false, bySystem('EADDRNOTAVAIL')],
    ['not dialed', false, failed('PEER_MISMATCH')],
    ['no name', false, unresolved],
    ['one of two could be asked', true, bySystem('ENETUNREACH'), refused],
    ['too many connections', false, refused, failed('TOO_MANY_CONNECTIONS')],
    ['a wrong certificate', false, refused, failed('CERTIFICATE_UNTRUSTED')],
  ] as const) {
    const { answers, ask, fail } = setUp()
    fail(...failures)
    ask()
    t.same(answers, isAbsent ? [true] : [], what)
  }
})

t.test('what answered and spoke no frame is no sidecar; what spoke one is', async t => {
  for (const hasFrame of [false, true]) {
    const { presence, answers, ask } = setUp()
    presence.handleRoundFailed({ failures: [failed('REFUSED')], lost: [{ hasFrame: false }, { hasFrame }] })
    ask()
    t.same(answers, hasFrame ? [] : [true])
  }
})

t.test('a peer that was met once is held for good, also those that wait', async t => {
  const { clock, presence, answers, ask, fail, told } = setUp()
  ask()
  presence.handleMet()
  t.same(answers, [false])
  for (let round = 0; round < 3; round++) fail(failed('REFUSED'))
  presence.handleMoved()
  ask()
  t.same(answers, [false, false])
  t.same([clock.pending, told.count], [0, 0])
})

t.test('what was known ends with an address of this host, and with a round that could ask nobody', async t => {
  const { presence, answers, ask, fail, told } = setUp()
  for (const forget of [() => presence.handleMoved(), () => fail(bySystem('ENETUNREACH'))]) {
    fail(failed('REFUSED'))
    ask()
    t.same(answers.splice(0), [true])
    forget()
    ask()
    t.same(answers, [], 'it waits')
    fail(failed('TIMED_OUT'))
    t.same(answers.splice(0), [true])
  }
  t.equal(told.count, 3, 'and is told anew when it is found anew')
})

t.test('presenceMs: who waits that long is held', async t => {
  const { clock, answers, ask } = setUp()
  ask()
  await clock.advance(LIMITS.presenceMs - 1)
  t.same(answers, [])
  await clock.advance(1)
  t.same(answers, [false])
})

t.test('presenceAskersMax: so many wait, one more is held at once', async t => {
  const { answers, ask, fail } = setUp()
  for (let i = 0; i < LIMITS.presenceAskersMax; i++) ask()
  t.same(answers, [])
  ask()
  t.same(answers, [false])
  fail(failed('REFUSED'))
  t.equal(answers.filter(isAbsent => isAbsent).length, LIMITS.presenceAskersMax)
})

t.test('after a stop nobody is answered', async t => {
  const { clock, presence, answers, ask, fail } = setUp()
  ask()
  presence.stop()
  t.equal(clock.pending, 0)
  fail(failed('REFUSED'))
  t.same(answers, [])
})
