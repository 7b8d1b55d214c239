import t from 'tap'
import { parseEndpoint } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import type { Carrier } from '../../src/carrier/carrier.ts'
import { Resolver } from '../../src/carrier/resolver.ts'
import { Dialing } from '../../src/sidecar/dialing.ts'
import { ManualClock } from '../support/manual-clock.ts'

/** Dialing to one endpoint that never answers. */
class Scene {
  readonly clock = new ManualClock()
  readonly attempts: AbortSignal[] = []
  readonly dialing = new Dialing({
    resolver: new Resolver(),
    clock: this.clock,
    dial: (_, { signal }) => {
      this.attempts.push(signal!)
      return new Promise<Carrier>(() => {})
    },
    endpoints: () => [parseEndpoint('tcp://192.0.2.1:7700')!],
    localAddresses: () => ['198.51.100.7'],
    makePath: () => {
      throw new Error('nothing connects here')
    },
    onFailed: () => {},
  })

  /** Whether each attempt was given up, in order. */
  get givenUp(): readonly boolean[] {
    return this.attempts.map(({ aborted }) => aborted)
  }
}

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

t.test('an attempt without an answer gets company, also from a host with one address', async t => {
  const scene = new Scene()
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
