import t from 'tap'
import { type Endpoint, formatEndpoint, parseEndpoint } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import type { Carrier } from '../../src/carrier/carrier.ts'
import type { DialOptions } from '../../src/carrier/dial.ts'
import { DialError } from '../../src/carrier/dial-error.ts'
import { type DialFailure, DialRound } from '../../src/carrier/dial-round.ts'
import { memoryPair } from '../../src/carrier/memory.ts'
import { flushPromises, ManualClock } from '../support/manual-clock.ts'

interface Attempt {
  /** `address[ from local] @ms`, to compare order and times at a glance. */
  readonly label: string
  readonly signal: AbortSignal
  connect(): Carrier
  fail(): void
}

class Scene {
  readonly clock = new ManualClock()
  readonly attempts: Attempt[] = []
  readonly carriers: string[] = []
  readonly exhausted: (readonly DialFailure[])[] = []
  readonly known: Record<string, string[]> = {}
  readonly lookups = new Map<string, { answer(...addresses: string[]): void; fail(): void }>()
  readonly round: DialRound

  constructor(
    urls: string[],
    {
      localAddresses = [] as string[],
      known = {} as Record<string, string[]>,
      rttMs = undefined as number | undefined,
    } = {},
  ) {
    this.known = known
    this.round = new DialRound({
      endpoints: urls.map(url => parseEndpoint(url)!),
      localAddresses,
      rttMs,
      clock: this.clock,
      dial: (endpoint, options) => this.#dial(endpoint, options),
      objection: (_, address) =>
        address.startsWith('127.') ? new DialError('PEER_MISMATCH', `${address} is local`) : undefined,
      resolver: { known: name => this.known[name] ?? [], resolve: name => this.#resolve(name) },
      onCarrier: (_, { endpoint }) => this.carriers.push(formatEndpoint(endpoint)),
      onExhausted: failures => this.exhausted.push(failures),
    })
    this.round.start()
  }

  get labels(): string[] {
    return this.attempts.map(({ label }) => label)
  }

  attempt(address: string): Attempt {
    const found = this.attempts.find(({ label }) => label.startsWith(`${address} `))
    if (found === undefined) throw new Error(`${address} was not tried: ${this.labels.join(', ')}`)
    return found
  }

  #dial(_: Endpoint, { address, localAddress, signal }: DialOptions): Promise<Carrier> {
    return new Promise((resolve, reject) => {
      this.attempts.push({
        label: `${address}${localAddress === undefined ? '' : ` from ${localAddress}`} @${this.clock.nowMs}`,
        signal: signal!,
        connect: () => {
          const [carrier] = memoryPair().carriers
          resolve(carrier)
          return carrier
        },
        fail: () => reject(new DialError('REFUSED', `${address} refused`)),
      })
    })
  }

  #resolve(name: string): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      this.lookups.set(name, {
        answer: (...addresses) => resolve(addresses),
        fail: () => reject(new DialError('NAME_NOT_FOUND', `no ${name}`)),
      })
    })
  }
}

t.test('starts attempts one after the other, IPv6 and IPv4 in turn', async t => {
  const scene = new Scene(['tcp://192.0.2.1:1', 'tcp://192.0.2.2:1', 'tcp://[2001:db8::1]:1', 'tcp://[2001:db8::2]:1'])
  await scene.clock.advance(2_000)
  t.same(scene.labels, ['192.0.2.1 @0', '2001:db8::1 @250', '192.0.2.2 @500', '2001:db8::2 @750'])
  scene.round.settle()
})

t.test('starts the next attempt at once when one has failed', async t => {
  const scene = new Scene(['tcp://192.0.2.1:1', 'tcp://192.0.2.2:1', 'tcp://192.0.2.3:1'])
  await scene.clock.advance(100)
  scene.attempt('192.0.2.1').fail()
  await scene.clock.advance(1_000)
  t.same(scene.labels, ['192.0.2.1 @0', '192.0.2.2 @100', '192.0.2.3 @350'])
  scene.round.settle()
})

t.test('goes on after a connection until it is told that there is a winner', async t => {
  const scene = new Scene(['tcp://192.0.2.1:1', 'tcp://192.0.2.2:2', 'tcp://192.0.2.3:3'])
  await scene.clock.advance(0)
  scene.attempt('192.0.2.1').connect()
  await scene.clock.advance(250)
  t.same(scene.carriers, ['tcp://192.0.2.1:1'])
  t.same(scene.labels, ['192.0.2.1 @0', '192.0.2.2 @250'], 'it may be somebody else who answered')
  scene.round.settle()
  t.ok(scene.round.isOver)
  t.equal(scene.attempt('192.0.2.2').signal.aborted, true)
  const late = scene.attempt('192.0.2.2').connect()
  await scene.clock.advance(10_000)
  t.same(scene.carriers, ['tcp://192.0.2.1:1'], 'a carrier that comes too late is not handed on')
  t.equal(late.send([]), false, 'but destroyed')
  t.equal(scene.attempts.length, 2)
  t.equal(scene.clock.pending, 0)
  t.same(scene.exhausted, [])
})

t.test('hurries when a carrier that was handed over came to nothing', async t => {
  const scene = new Scene(['tcp://192.0.2.1:1', 'tcp://192.0.2.2:2'])
  scene.attempt('192.0.2.1').connect()
  await scene.clock.advance(10)
  scene.round.hurry()
  t.same(scene.labels, ['192.0.2.1 @0', '192.0.2.2 @10'])
  scene.round.settle()
})

t.test('repeats an attempt once where that is wanted, before the others and beside those under way', async t => {
  const scene = new Scene(['tcp://192.0.2.1:1', 'tcp://192.0.2.2:2', 'tcp://192.0.2.3:3'])
  const first = { endpoint: parseEndpoint('tcp://192.0.2.1:1')!, address: '192.0.2.1' }
  await scene.clock.advance(250)
  scene.attempt('192.0.2.1').connect()
  await flushPromises()
  t.ok(scene.round.again(first))
  t.notOk(scene.round.again(first))
  t.same(scene.labels, ['192.0.2.1 @0', '192.0.2.2 @250', '192.0.2.1 @250'])
  t.equal(scene.attempt('192.0.2.2').signal.aborted, false)
  await scene.clock.advance(250)
  t.same(scene.labels.slice(3), ['192.0.2.3 @500'])
  scene.round.settle()
})

t.test('goes on where an attempt is repeated after the last, and is exhausted once more', async t => {
  const scene = new Scene(['tcp://192.0.2.1:1'])
  scene.attempt('192.0.2.1').connect()
  await flushPromises()
  t.equal(scene.exhausted.length, 1)
  t.ok(scene.round.again({ endpoint: parseEndpoint('tcp://192.0.2.1:1')!, address: '192.0.2.1' }))
  t.equal(scene.attempts.length, 2)
  scene.attempts[1]!.fail()
  await flushPromises()
  t.equal(scene.exhausted.length, 2)
  t.equal(scene.clock.pending, 0)
  scene.round.settle()
  t.notOk(scene.round.again({ endpoint: parseEndpoint('tcp://192.0.2.2:1')!, address: '192.0.2.2' }))
})

t.test('is exhausted once, with every failure, when nothing is left', async t => {
  const scene = new Scene(['tcp://192.0.2.1:1', 'tcp://a.example:1'])
  scene.attempt('192.0.2.1').fail()
  await flushPromises()
  t.same(scene.exhausted, [], 'the lookup is under way')
  scene.lookups.get('a.example')?.answer('192.0.2.2')
  await scene.clock.advance(250)
  scene.attempt('192.0.2.2').fail()
  await flushPromises()
  t.equal(scene.exhausted.length, 1)
  t.match(scene.exhausted[0], [
    { endpoint: { host: '192.0.2.1' }, candidate: { address: '192.0.2.1' }, error: { code: 'REFUSED' } },
    { endpoint: { host: 'a.example' }, candidate: { address: '192.0.2.2' }, error: { code: 'REFUSED' } },
  ])
  t.equal(scene.clock.pending, 0)
  scene.round.hurry()
  t.equal(scene.attempts.length, 2)
})

t.test('is exhausted, and not silent, when there is nothing to try or no name resolves', async t => {
  const empty = new Scene([])
  t.same(empty.exhausted, [], 'not from within start')
  await flushPromises()
  t.same(empty.exhausted, [[]])
  const nameless = new Scene(['tcp://a.example:1', 'ws://a.example:2/x'])
  nameless.lookups.get('a.example')?.fail()
  await flushPromises()
  t.match(nameless.exhausted, [[{ error: { code: 'NAME_NOT_FOUND' } }, { error: { code: 'NAME_NOT_FOUND' } }]])
})

t.test('is exhausted also when the last attempt connected: its carrier may still win', async t => {
  const scene = new Scene(['tcp://192.0.2.1:1'])
  scene.attempt('192.0.2.1').connect()
  await flushPromises()
  t.equal(scene.carriers.length, 1)
  t.same(scene.exhausted, [[]])
})

t.test('tries what is known of a name first and puts a changed address to the front', async t => {
  const scene = new Scene(['tcp://a.example:1', 'tcp://192.0.2.50:1'], {
    known: { 'a.example': ['192.0.2.1', '192.0.2.2'] },
  })
  t.same(scene.labels, ['192.0.2.1 @0'], 'without waiting for the lookup')
  await scene.clock.advance(100)
  scene.lookups.get('a.example')?.answer('192.0.2.9', '192.0.2.1')
  await scene.clock.advance(2_000)
  t.same(
    scene.labels,
    ['192.0.2.1 @0', '192.0.2.9 @250', '192.0.2.50 @500', '192.0.2.2 @750'],
    'new, then as before, then what the name no longer says; none twice',
  )
  scene.round.settle()
})

t.test('waits less for an attempt where the last path had a short round trip, within bounds', async t => {
  const starts = async (rttMs: number | undefined) => {
    const scene = new Scene(['tcp://192.0.2.1:1', 'tcp://192.0.2.2:1'], { rttMs })
    await scene.clock.advance(LIMITS.dialStaggerMs)
    scene.round.settle()
    return scene.labels.at(-1)
  }
  t.equal(await starts(0.2), `192.0.2.2 @${LIMITS.dialStaggerMinMs}`)
  t.equal(await starts(60), '192.0.2.2 @180')
  t.equal(await starts(400), `192.0.2.2 @${LIMITS.dialStaggerMs}`)
  t.equal(await starts(undefined), `192.0.2.2 @${LIMITS.dialStaggerMs}`)
})

t.test('judges every address before it is dialed: written, remembered, or looked up', async t => {
  const scene = new Scene(['tcp://127.0.0.1:1', 'tcp://a.example:1'], { known: { 'a.example': ['127.0.0.2'] } })
  scene.lookups.get('a.example')?.answer('127.0.0.3', '192.0.2.1')
  await scene.clock.advance(LIMITS.dialStaggerMs)
  t.same(scene.labels, ['192.0.2.1 @0'])
  scene.attempt('192.0.2.1').fail()
  await flushPromises()
  t.same(
    scene.exhausted[0]?.map(({ candidate, error }) => `${candidate?.address} ${error.code}`),
    ['127.0.0.1 PEER_MISMATCH', '127.0.0.2 PEER_MISMATCH', '127.0.0.3 PEER_MISMATCH', '192.0.2.1 REFUSED'],
  )
})

t.test('begins at once when the first answer comes and nothing else could be tried', async t => {
  const scene = new Scene(['wss://a.example/x', 'tcp://a.example:7'])
  t.equal(scene.attempts.length, 0)
  await scene.clock.advance(3_000)
  scene.lookups.get('a.example')?.answer('192.0.2.1')
  await scene.clock.advance(1_000)
  t.same(scene.labels, ['192.0.2.1 @3000', '192.0.2.1 @3250'], 'one lookup serves both endpoints of the name')
  scene.round.settle()
})

t.test('an answer after the end changes nothing', async t => {
  const scene = new Scene(['tcp://a.example:1'])
  scene.round.settle()
  scene.lookups.get('a.example')?.answer('192.0.2.1')
  await scene.clock.advance(1_000)
  t.same([scene.attempts.length, scene.exhausted.length], [0, 0])
})

t.test('tries local addresses of the same family after the kernel has had its choice', async t => {
  const scene = new Scene(['tcp://192.0.2.1:1', 'tcp://[2001:db8::1]:1'], {
    localAddresses: ['198.51.100.7', '198.51.100.8', '2001:db8::7'],
  })
  await scene.clock.advance(5_000)
  t.same(scene.labels, [
    '192.0.2.1 @0',
    '2001:db8::1 @250',
    '192.0.2.1 from 198.51.100.7 @500',
    '2001:db8::1 from 2001:db8::7 @750',
    '192.0.2.1 from 198.51.100.8 @1000',
  ])
  scene.round.settle()
})

t.test('tries a local address that has come since, in its turn or at once when nothing else is waited for', async t => {
  const scene = new Scene(['tcp://192.0.2.1:1'], { localAddresses: ['198.51.100.1'] })
  await scene.clock.advance(10)
  scene.round.handleLocalAddresses(['198.51.100.1', '198.51.100.2', '2001:db8::9'])
  await scene.clock.advance(990)
  const inTurn = ['192.0.2.1 @0', '192.0.2.1 from 198.51.100.1 @250', '192.0.2.1 from 198.51.100.2 @500']
  t.same(scene.labels, inTurn)
  scene.round.handleLocalAddresses(['198.51.100.3'])
  t.same(scene.labels, [...inTurn, '192.0.2.1 from 198.51.100.3 @1000'])
  scene.round.settle()
})

t.test('keeps its bounds of open attempts and of candidates', async t => {
  const urls = Array.from({ length: 100 }, (_, i) => `tcp://192.0.2.${i + 1}:1`)
  const scene = new Scene(urls)
  await scene.clock.advance(60_000)
  t.equal(scene.attempts.length, LIMITS.dialAttemptsMax)
  scene.attempts[0]!.connect()
  await scene.clock.advance(LIMITS.dialStaggerMs - 1)
  t.equal(scene.attempts.length, LIMITS.dialAttemptsMax, 'the one that connected gets its chance')
  await scene.clock.advance(1)
  t.equal(scene.attempts.length, LIMITS.dialAttemptsMax + 1)
  for (let i = 1; i < scene.attempts.length; i++) {
    scene.attempts[i]!.fail()
    await flushPromises()
  }
  t.equal(scene.attempts.length, LIMITS.dialCandidatesMax)
  t.equal(scene.exhausted.length, 1)
})

t.test('many local addresses take no room from other endpoints, nor from a name that is looked up', async t => {
  const localAddresses = Array.from({ length: 100 }, (_, i) => `10.0.0.${i + 1}`)
  const scene = new Scene(['tcp://192.0.2.1:1', 'tcp://192.0.2.2:1', 'tcp://a.example:1'], { localAddresses })
  scene.lookups.get('a.example')?.answer('192.0.2.9')
  await scene.clock.advance(3 * LIMITS.dialStaggerMs)
  t.same(scene.labels, ['192.0.2.1 @0', '192.0.2.9 @250', '192.0.2.2 @500', '192.0.2.1 from 10.0.0.1 @750'])
  for (let i = 0; i < scene.attempts.length; i++) {
    scene.attempts[i]!.fail()
    await flushPromises()
  }
  t.equal(scene.attempts.length, 3 + LIMITS.dialCandidatesMax)
})

t.test('reports an error that is none of dialing as INTERNAL', async t => {
  const clock = new ManualClock()
  const failures = await new Promise<readonly DialFailure[]>(resolve => {
    new DialRound({
      endpoints: [parseEndpoint('tcp://192.0.2.1:1')!],
      clock,
      dial: () => Promise.reject(new TypeError('oops')),
      resolver: { known: () => [], resolve: () => Promise.resolve([]) },
      onCarrier: () => undefined,
      onExhausted: resolve,
    }).start()
  })
  t.match(failures, [{ error: { code: 'INTERNAL', message: /tcp:\/\/192\.0\.2\.1:1 failed: oops/ } }])
})
