import t from 'tap'
import { formatEndpoint, parseEndpoint } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import type { Carrier } from '../../src/carrier/carrier.ts'
import { DialError } from '../../src/carrier/dial-error.ts'
import type { DialFailure } from '../../src/carrier/dial-round.ts'
import { memoryPair } from '../../src/carrier/memory.ts'
import { Resolver } from '../../src/carrier/resolver.ts'
import { Dialing, type Handshake } from '../../src/sidecar/dialing.ts'
import type { Path } from '../../src/sidecar/path.ts'
import type { FailedRound } from '../../src/sidecar/presence.ts'
import { flushPromises, ManualClock } from '../support/manual-clock.ts'

const LONELY = 'tcp://192.0.2.1:7700'

/** Dialing whose attempts and paths do what the test says; until then nothing answers. */
class Scene {
  readonly clock = new ManualClock()
  readonly attempts: {
    readonly url: string
    readonly signal: AbortSignal
    readonly connect: () => void
    readonly fail: (error: DialError) => void
  }[] = []
  readonly paths: { readonly url: string; readonly handshake: Handshake; readonly path: Path }[] = []
  readonly failed: (readonly DialFailure[])[] = []
  readonly rounds: (FailedRound | undefined)[] = []
  canResume = true
  readonly dialing: Dialing

  constructor({ endpoints = [LONELY], localAddresses = [] as string[] } = {}) {
    this.dialing = new Dialing({
      resolver: new Resolver(),
      clock: this.clock,
      dial: (endpoint, { signal }) =>
        new Promise<Carrier>((resolve, fail) => {
          const connect = () => resolve(memoryPair().carriers[0])
          this.attempts.push({ url: formatEndpoint(endpoint), signal: signal!, connect, fail })
        }),
      endpoints: () => endpoints.map(url => parseEndpoint(url)!),
      objection: () => undefined,
      localAddresses: () => localAddresses,
      rttMs: () => undefined,
      makePath: (_, endpoint, handshake) => {
        const channel = { isReady: false }
        const destroy = () => this.dialing.handleLost(path)
        const path = { endpoint, hasRecord: false, channel, start: () => {}, destroy } as unknown as Path
        this.paths.push({ url: formatEndpoint(endpoint), handshake, path })
        return path
      },
      canResume: () => this.canResume,
      onFailed: (failures, round) => {
        this.failed.push(failures)
        this.rounds.push(round)
      },
    })
  }

  /** Whether each attempt was given up, in order. */
  get givenUp(): readonly boolean[] {
    return this.attempts.map(({ signal }) => signal.aborted)
  }

  get handshakes(): readonly Handshake[] {
    return this.paths.map(({ handshake }) => handshake)
  }

  /** The newest attempt connects, and what it reached brings no record. */
  async connectAndLose(): Promise<void> {
    this.attempts.at(-1)!.connect()
    await flushPromises()
    this.dialing.handleLost(this.paths.at(-1)!.path)
    await flushPromises()
  }
}

t.test('a connection without a record is followed at once by the other handshake, and then by a pause', async t => {
  const scene = new Scene()
  scene.dialing.wish('gone')
  await scene.connectAndLose()
  await scene.connectAndLose()
  t.same(scene.handshakes, ['resumption', 'full'])
  t.equal(scene.attempts.length, 2, 'each once in a round')
  t.same(scene.failed, [[]], 'then the round has come to nothing')
  await scene.clock.advance(2 * LIMITS.backoffMinMs)
  await scene.connectAndLose()
  await scene.connectAndLose()
  t.same(scene.handshakes, ['resumption', 'full', 'resumption', 'full'], 'and so on in turn')
  scene.dialing.stop()
  t.equal(scene.clock.pending, 0)
})

t.test('an endpoint that connects and fails at once does not disturb the attempts at the others', async t => {
  const wrong = Array.from({ length: 6 }, (_, i) => `tcp://192.0.2.${i + 1}:1`)
  const right = 'tcp://198.51.100.1:1'
  const scene = new Scene({ endpoints: [...wrong, right] })
  scene.dialing.wish('gone')
  while (!scene.attempts.some(({ url }) => url === right)) await scene.connectAndLose()
  t.equal(scene.attempts.length, 2 * wrong.length + 1, 'two handshakes at each wrong one')
  const slow = scene.attempts.at(-1)!
  await scene.clock.advance(LIMITS.connectMs - 1)
  t.notOk(slow.signal.aborted, 'a slow answer is waited for')
  slow.connect()
  await flushPromises()
  t.equal(scene.paths.at(-1)?.url, right)
  scene.dialing.stop()
})

t.test('without keys there is no other handshake, so a lost connection is followed by a pause', async t => {
  const scene = new Scene()
  scene.canResume = false
  scene.dialing.wish('first')
  await scene.connectAndLose()
  t.same(scene.handshakes, ['full'])
  t.equal(scene.attempts.length, 1)
  await scene.clock.advance(2 * LIMITS.backoffMinMs)
  t.equal(scene.attempts.length, 2)
  scene.dialing.stop()
})

t.test('keys are renewed by full handshakes alone', async t => {
  const scene = new Scene()
  scene.dialing.wish('rekey')
  await scene.connectAndLose()
  t.same(scene.handshakes, ['full'])
  t.same(scene.failed, [[]])
  scene.dialing.stop()
})

t.test('the next round waits for a connection that may still be answered, but not for ever', async t => {
  const scene = new Scene()
  scene.dialing.wish('command')
  scene.attempts[0]!.connect()
  await scene.clock.advance(LIMITS.heartbeatAnswerMs - 1)
  t.equal(scene.attempts.length, 1)
  await scene.clock.advance(1)
  t.equal(scene.attempts.length, 2)
  t.same(scene.failed, [], 'it may still come')
  scene.dialing.handleLost(scene.paths[0]!.path)
  t.same(scene.failed, [[]])
  t.same(scene.givenUp, [false, false])
  scene.dialing.stop()
})

t.test('a stop ends the handshakes under way; what is ready belongs to the pump', async t => {
  const scene = new Scene({ endpoints: [LONELY, 'tcp://192.0.2.2:7700'] })
  scene.dialing.wish('gone')
  await scene.clock.advance(LIMITS.dialStaggerMs)
  for (const { connect } of scene.attempts) connect()
  await flushPromises()
  const ended: number[] = []
  const paths = scene.paths.map(({ path }) => path)
  for (const [i, path] of paths.entries()) path.destroy = () => ended.push(i)
  Object.assign(paths[0]!.channel, { isReady: true })
  scene.dialing.stop()
  t.same(ended, [1])
  t.equal(scene.clock.pending, 0)
})

t.test('a round that came to nothing tells all that it met, also what was lost before the last', async t => {
  const scene = new Scene({ endpoints: [LONELY, 'tcp://192.0.2.2:7700'] })
  scene.canResume = false
  scene.dialing.wish('first')
  await scene.clock.advance(LIMITS.dialStaggerMs)
  const [first, second] = scene.attempts
  first!.connect()
  second!.fail(new DialError('REFUSED', 'refused'))
  await flushPromises()
  t.same(scene.rounds, [], 'the connection may still be answered')
  scene.dialing.handleLost(scene.paths[0]!.path)
  const [round] = scene.rounds
  t.same(
    round!.failures.map(({ error }) => error.code),
    ['REFUSED'],
  )
  t.same(round!.lost, [scene.paths[0]!.path])
  t.same(scene.failed, [[]], 'what is told to the operator is the loss')
  scene.dialing.stop()
})

t.test('who knows no endpoint has failed at once', async t => {
  const scene = new Scene({ endpoints: [] })
  scene.dialing.wish('command')
  t.same(scene.failed, [[]])
  t.same(scene.rounds, [undefined], 'and nothing is known of the peer')
  t.equal(scene.clock.pending, 0)
})

t.test('an address that is gone gives up even an attempt just begun, which may have it as its source', async t => {
  const scene = new Scene()
  const { dialing } = scene
  dialing.wish('gone')
  dialing.hurry(performance.now(), true)
  dialing.hurry(performance.now(), true)
  t.same(scene.givenUp, [true, true, false])
  dialing.stop()
})

t.test('an address that came, or a link event, leaves an attempt just begun alone', async t => {
  const scene = new Scene()
  const { dialing } = scene
  dialing.wish('gone')
  dialing.hurry(performance.now())
  t.same(scene.givenUp, [false])
  dialing.stop()
})

t.test('an address that came while an attempt is young is tried as a source beside it', async t => {
  const localAddresses: string[] = []
  const scene = new Scene({ localAddresses })
  const { dialing } = scene
  dialing.wish('gone')
  localAddresses.push('192.0.2.9')
  dialing.hurry(performance.now())
  await scene.clock.advance(LIMITS.dialStaggerMs)
  t.same(scene.givenUp, [false, false])
  dialing.stop()
})

t.test('an attempt without an answer gets company, also from a host with one address', async t => {
  const scene = new Scene({ localAddresses: ['198.51.100.7'] })
  scene.dialing.wish('gone')
  await scene.clock.advance(LIMITS.dialStaggerMs)
  t.same(scene.givenUp, [false, false])
  scene.dialing.stop()
})

t.test('nothing is dialed for an address that is gone when no path is wished for', async t => {
  const scene = new Scene()
  const { dialing } = scene
  dialing.hurry(performance.now(), true)
  t.same(scene.givenUp, [])
  dialing.stop()
})
