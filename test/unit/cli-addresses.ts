import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import t from 'tap'
import { reachableAt } from '../../src/cli/commands/serve.ts'
import { hostAddresses } from '../../src/cli/host-addresses.ts'
import { localAddresses, proxyAddress } from '../../src/cli/local-ports.ts'

function entry(address: string, internal = false): NetworkInterfaceInfo {
  return { address, internal } as NetworkInterfaceInfo
}

t.test('a host is reached at its addresses, without those that mean something else elsewhere', async t => {
  const lo = [entry('127.0.0.1', true), entry('::1', true)]
  const eth0 = [entry('192.0.2.1'), entry('2001:db8::1'), entry('fe80::1')]
  t.same(hostAddresses({ lo, eth0, none: undefined }), ['192.0.2.1', '2001:db8::1'])
  t.same(
    hostAddresses({ lo, eth0: [entry('169.254.1.1')] }),
    ['127.0.0.1', '::1'],
    'loopback where there is nothing else',
  )
  t.ok(Array.isArray(hostAddresses()))
})

t.test('a wildcard listener is reached at every address of its family', async t => {
  const at = (host: string) => ({ scheme: 'tcp' as const, host, port: 7700, path: '' })
  const addresses = ['192.0.2.1', '2001:db8::1']
  t.same(reachableAt(at('192.0.2.9'), addresses), [at('192.0.2.9')])
  t.same(reachableAt(at('::'), addresses), [at('192.0.2.1'), at('2001:db8::1')])
  t.same(reachableAt(at('0.0.0.0'), addresses), [at('192.0.2.1')])
  t.same(reachableAt(at('0.0.0.0'), []), [at('127.0.0.1')])
  t.equal(reachableAt(at('::'), Array(20).fill('192.0.2.1')).length, 16)
})

t.test('services get their own port where it is free, once each', async t => {
  const taken = createServer()
  await once(taken.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const free = createServer()
  await once(free.listen(0, '127.0.0.1'), 'listening')
  const freePort = (free.address() as AddressInfo).port
  await new Promise(resolve => free.close(resolve))
  const services = [
    { host: 'db', port },
    { host: 'web', port: freePort },
    { host: 'other', port: freePort },
  ]
  t.same(
    (await localAddresses(services, undefined)).map(one => one.port),
    [0, freePort, 0],
  )
  t.same(
    (await localAddresses(services, undefined, [freePort])).map(one => one.port),
    [0, 0, 0],
    'a capture listens there',
  )
  t.same(await proxyAddress(true, [1080]), { host: '127.0.0.1', port: 0 }, 'a service has that port')
})

t.test('services take the ports after the one that was asked for', async t => {
  const services = [1, 2, 3].map(port => ({ host: 'db', port }))
  t.same(
    await localAddresses(services, '[::1]:15432'),
    [15_432, 15_433, 15_434].map(port => ({ host: '::1', port })),
  )
  t.same(
    await localAddresses(services, '127.0.0.1:0'),
    [0, 0, 0].map(port => ({ host: '127.0.0.1', port })),
  )
  t.equal((await localAddresses(services, 'a:65533')).at(-1)?.port, 65_535)
  await t.rejects(localAddresses(services, 'a:65534'), {
    code: 'USAGE',
    message: 'a:65534 leaves too few ports for 3 services: write a smaller port',
  })
  await t.rejects(localAddresses(services, '15432'), {
    code: 'USAGE',
    message: '"15432" is no local address: write host:port, such as 127.0.0.1:15432',
  })
})
