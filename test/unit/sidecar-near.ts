import t from 'tap'
import type { HostPort } from '../../src/base/endpoint.ts'
import { formatHostPort } from '../../src/base/endpoint.ts'
import type { CapturedConnection } from '../../src/capture/capture.ts'
import type { ApplicationSocket } from '../../src/platform/application-socket.ts'
import type { Direct, Found } from '../../src/sidecar/direct.ts'
import { Near } from '../../src/sidecar/near.ts'
import type { Pump } from '../../src/sidecar/pump.ts'
import { Routes } from '../../src/sidecar/routes.ts'
import { flushPromises } from '../support/manual-clock.ts'

const NAMES: Readonly<Record<string, readonly string[]>> = {
  'db.example': ['192.0.2.1', '10.1.1.1'],
  'web.example': ['192.0.2.2'],
}

/** Where connections went, in words. */
function setUp(...rules: string[]) {
  const went: string[] = []
  const asked: string[] = []
  const pump = (name: string) =>
    ({
      applications: { open: ({ to }: CapturedConnection) => went.push(`${name} ${formatHostPort(to)}`) },
    }) as unknown as Pump
  const direct = {
    stop: () => went.push('stop'),
    open: async ({ to }: CapturedConnection, found: Found = []) =>
      void went.push(`direct ${formatHostPort(to)} ${found.toString()}`.trim()),
  }
  const near = new Near({
    routes: new Routes(rules.map(rule => ({ rules: [rule], peer: 'office' }))),
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
  return { near, take, asked, went }
}

t.test('a route decides, then the peer of the listener, else it goes directly', async t => {
  const { take, asked } = setUp('*.internal:*')
  t.equal(await take({ host: 'a.internal', port: 1 }), 'office a.internal:1')
  t.equal(await take({ host: 'a.internal', port: 1 }, 'home'), 'office a.internal:1')
  t.equal(await take({ host: 'a.example', port: 1 }, 'home'), 'home a.example:1')
  t.equal(await take({ host: 'a.example', port: 1 }), 'direct a.example:1')
  t.same(asked, [], 'no network has a route, so no name is looked up')
})

t.test('a name that stands for an address of a routed network goes there by that address', async t => {
  const { take, asked } = setUp('10.0.0.0/8:*')
  t.equal(await take({ host: 'db.example', port: 5432 }), 'office 10.1.1.1:5432')
  t.equal(
    await take({ host: 'web.example', port: 80 }),
    'direct web.example:80 192.0.2.2',
    'and is not looked up twice',
  )
  t.equal(
    await take({ host: 'nowhere.example', port: 80 }),
    'direct nowhere.example:80 NAME_NOT_FOUND',
    'nor is one that has none',
  )
  t.equal(await take({ host: '192.0.2.1', port: 80 }), 'direct 192.0.2.1:80')
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
