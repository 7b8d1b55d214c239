import t from 'tap'
import type { HostPort } from '../../src/base/endpoint.ts'
import { formatHostPort } from '../../src/base/endpoint.ts'
import type { CapturedConnection } from '../../src/capture/capture.ts'
import type { RouteConfig } from '../../src/config/config.ts'
import type { ApplicationSocket } from '../../src/platform/application-socket.ts'
import type { Direct, Found } from '../../src/sidecar/direct.ts'
import { Near } from '../../src/sidecar/near.ts'
import type { Presence } from '../../src/sidecar/presence.ts'
import type { Pump } from '../../src/sidecar/pump.ts'
import { Routes } from '../../src/sidecar/routes.ts'
import { flushPromises } from '../support/manual-clock.ts'

const NAMES: Readonly<Record<string, readonly string[]>> = {
  'db.example': ['192.0.2.1', '10.1.1.1'],
  'web.example': ['192.0.2.2'],
}

/** Where connections went, in words. */
function setUp(...rules: (string | RouteConfig)[]) {
  const went: string[] = []
  const asked: string[] = []
  const pump = (name: string) =>
    ({
      applications: { open: ({ to }: CapturedConnection) => went.push(`${name} ${formatHostPort(to)}`) },
    }) as unknown as Pump
  const direct = {
    stop: () => went.push('stop'),
    open: async ({ to }: CapturedConnection, reason: string, found: Found = []) =>
      void went.push(`direct ${formatHostPort(to)} ${reason} ${found.toString()}`.trim()),
  }
  const asking: ((isAbsent: boolean) => void)[] = []
  const presence = { ask: (answer: (isAbsent: boolean) => void) => asking.push(answer) } as unknown as Presence
  const near = new Near({
    routes: new Routes(rules.map(rule => (typeof rule === 'string' ? { rules: [rule], peer: 'office' } : rule))),
    presenceOf: () => presence,
    pumpOf: name => (name === 'gone' ? undefined : pump(name)),
    lookUp: async name => {
      asked.push(name)
      return NAMES[name] ?? 'NAME_NOT_FOUND'
    },
    direct: direct as unknown as Direct,
  })
  const socket = { reset: () => went.push('reset') } as unknown as ApplicationSocket
  const take = async (to: HostPort, peer?: string, answer?: CapturedConnection['answer']) => {
    near.take({ socket, to, ...(answer === undefined ? {} : { answer }) }, peer)
    await flushPromises()
    return went.pop()
  }
  return { near, take, asked, went, asking }
}

t.test('a route decides, then the peer of the listener, else it goes directly', async t => {
  const { take, asked } = setUp('*.internal:*')
  t.equal(await take({ host: 'a.internal', port: 1 }), 'office a.internal:1')
  t.equal(await take({ host: 'a.internal', port: 1 }, 'home'), 'office a.internal:1')
  t.equal(await take({ host: 'a.example', port: 1 }, 'home'), 'home a.example:1')
  t.equal(await take({ host: 'a.example', port: 1 }), 'direct a.example:1 no_route')
  t.same(asked, [], 'no network has a route, so no name is looked up')
})

t.test('a name that stands for an address of a routed network goes there by that address', async t => {
  const { take, asked } = setUp('10.0.0.0/8:*')
  t.equal(await take({ host: 'db.example', port: 5432 }), 'office 10.1.1.1:5432')
  t.equal(
    await take({ host: 'web.example', port: 80 }),
    'direct web.example:80 no_route 192.0.2.2',
    'and is not looked up twice',
  )
  t.equal(
    await take({ host: 'nowhere.example', port: 80 }),
    'direct nowhere.example:80 no_route NAME_NOT_FOUND',
    'nor is one that has none',
  )
  t.equal(await take({ host: '192.0.2.1', port: 80 }), 'direct 192.0.2.1:80 no_route')
  t.equal(await take({ host: 'db.example', port: 80 }, 'home'), 'home db.example:80', 'that peer looks it up')
  t.same(asked, ['db.example', 'web.example', 'nowhere.example'])
})

t.test('a peer that is not there is told as unreachable, or as a reset', async t => {
  const { take } = setUp()
  const answers: unknown[] = []
  t.equal(await take({ host: 'a', port: 1 }, 'gone'), 'reset')
  t.equal(await take({ host: 'a', port: 1 }, 'gone', (...answer) => answers.push(answer)), undefined)
  t.same(answers, [['UNREACHABLE', '']])
})

t.test('after a stop, a connection whose name was being looked up goes nowhere', async t => {
  const { near, take, went } = setUp('10.0.0.0/8:*')
  const answers: unknown[] = []
  const taken = take({ host: 'db.example', port: 1 }, undefined, (...answer) => answers.push(answer))
  near.stop()
  t.same(answers, [['SHUTTING_DOWN', '']])
  t.equal(await taken, 'stop')
  t.same(went, [])
  t.equal(answers.length, 1)
})

const OPEN: RouteConfig = { rules: ['10.0.0.0/8:*', 'a.internal:*'], peer: 'office', withoutSidecar: 'direct' }

t.test(
  'where the route lets it, a connection waits to hear whether the peer runs a sidecar, and goes there',
  async t => {
    const { take, went, asking } = setUp(OPEN, '10.20.0.0/16:*')
    const to = { host: '10.1.1.1', port: 80 }
    for (const [isAbsent, there] of [
      [true, 'direct 10.1.1.1:80 no_sidecar'],
      [false, 'office 10.1.1.1:80'],
    ] as const) {
      t.equal(await take(to), undefined, 'it waits')
      asking.shift()!(isAbsent)
      t.same(went.splice(0), [there])
    }
    t.equal(await take({ host: '10.20.0.1', port: 80 }), 'office 10.20.0.1:80', 'another route has not said so')
    t.same(asking, [])
  },
)

t.test('what was asked for by name goes directly by that name, and is looked up once', async t => {
  const { take, went, asked, asking } = setUp(OPEN)
  await take({ host: 'db.example', port: 80 })
  asking.shift()!(true)
  t.same(went.splice(0), ['direct db.example:80 no_sidecar 192.0.2.1,10.1.1.1'])
  await take({ host: 'a.internal', port: 80 })
  asking.shift()!(true)
  t.same(went.splice(0), ['direct a.internal:80 no_sidecar'], 'one that the far side would look up is not, until here')
  t.same(asked, ['db.example'])
})

t.test('after a stop, a connection that waited to hear of the peer goes nowhere', async t => {
  const { near, take, went, asking } = setUp(OPEN)
  const answers: unknown[] = []
  await take({ host: '10.1.1.1', port: 1 }, undefined, (...answer) => answers.push(answer))
  near.stop()
  asking.shift()!(true)
  t.same(answers, [['SHUTTING_DOWN', '']])
  t.same(went, ['stop'])
})
