import { networkInterfaces } from 'node:os'
import t from 'tap'
import { type Interfaces, isOwnAddress } from '../../src/platform/own-address.ts'

function host(...cidrs: readonly string[]): Interfaces {
  const list = cidrs.map(cidr => ({ address: cidr.replace(/\/.*/, ''), cidr }))
  return { eth0: list as unknown as NonNullable<Interfaces[string]> }
}

t.test('what this host has on its links is its own, however it is written', async t => {
  for (const list of Object.values(networkInterfaces())) {
    for (const { address } of list ?? []) t.ok(isOwnAddress(address), address)
  }
  const interfaces = host('10.78.1.1/24', 'fd78:1::1/64', 'fe80::7%eth0/64')
  for (const text of ['10.78.1.1', '::ffff:10.78.1.1', 'FD78:0001::1', 'fe80::7', 'fe80::7%eth0']) {
    t.ok(isOwnAddress(text, interfaces), text)
  }
  for (const text of ['10.78.1.2', 'fd78:1::2', 'fe80::8', 'host', '']) t.notOk(isOwnAddress(text, interfaces), text)
})

t.test('what goes to everybody on an IPv4 link goes to this host, too', async t => {
  const interfaces = host('10.78.1.17/28', '192.0.2.1/31', '198.51.100.1/32', 'fd78:1::1/64')
  for (const text of ['10.78.1.16', '10.78.1.31']) t.ok(isOwnAddress(text, interfaces), text)
  for (const text of ['10.78.1.15', '10.78.1.32', '10.78.1.30', '192.0.2.0', '198.51.100.0', 'fd78:1::']) {
    t.notOk(isOwnAddress(text, interfaces), text)
  }
  t.ok(isOwnAddress('255.255.255.255', host('1.2.3.4/0')))
})
