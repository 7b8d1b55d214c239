import t from 'tap'
import { pollSnapshot } from '../../src/watch/poll.ts'
import {
  ADDRESS_DAD_FAILED,
  ADDRESS_DEPRECATED,
  ADDRESS_OPTIMISTIC,
  ADDRESS_TEMPORARY,
  ADDRESS_TENTATIVE,
  type AddressMessage,
  LINK_LOWER_UP,
  LINK_RUNNING,
  LINK_UP,
  type LinkMessage,
  type RouteMessage,
} from '../../src/watch/rtnetlink.ts'
import { AddressTable, advertisable, difference } from '../../src/watch/snapshot.ts'

const RUNNING = LINK_UP | LINK_RUNNING | LINK_LOWER_UP

function link(index: number, flags = RUNNING, isGone = false): LinkMessage {
  return { type: 'link', isGone, index, flags, name: `eth${index}` }
}

function address(text: string, { index = 1, flags = 0x80, isGone = false, bits = 24 } = {}): AddressMessage {
  const family = text.includes(':') ? 6 : 4
  return { type: 'address', isGone, index, family, address: text, prefix: `${text}/${bits}`, flags }
}

function route(destination: string, prefixBits: number, change: Partial<RouteMessage> = {}): RouteMessage {
  const family = destination.includes(':') ? 6 : 4
  return { type: 'route', family, table: 254, prefixBits, destination, isClone: false, ...change }
}

function tableOf(...messages: Parameters<AddressTable['handle']>[0][]): AddressTable {
  const table = new AddressTable()
  for (const message of messages) table.handle(message)
  table.takeSnapshot()
  return table
}

t.test('difference names what is gone and what was added', async t => {
  const before = new Map([['a', 'stable'] as const, ['b', 'stable'] as const])
  const after = new Map([['b', 'deprecated'] as const, ['c', 'stable'] as const])
  t.same(difference(before, after), { gone: ['a'], added: ['c'] })
  t.same(difference(before, before), { gone: [], added: [] })
})

t.test('advertisable puts stable addresses first and leaves link-local ones out', async t => {
  const qualities = { a: 'deprecated', b: 'temporary', 'fe80::1%eth0': 'stable', c: 'stable' } as const
  t.same(advertisable(new Map(Object.entries(qualities))), ['c', 'b', 'a'])
})

t.test('an address counts while its link is up and running', async t => {
  const table = tableOf(address('192.0.2.1'))
  t.same([...table.takeSnapshot()], [], 'the link is not known')
  for (const [flags, count] of [
    [RUNNING, 1],
    [LINK_UP | LINK_LOWER_UP, 0],
    [LINK_UP | LINK_RUNNING, 1],
    [LINK_RUNNING, 0],
  ] as const) {
    table.handle(link(1, flags))
    t.equal(table.takeSnapshot().size, count)
  }
})

t.test('an address counts when duplicate detection lets it', async t => {
  const qualityOf = (text: string, flags: number) => tableOf(link(1), address(text, { flags })).takeSnapshot().get(text)
  t.equal(qualityOf('2001:db8::1', ADDRESS_TENTATIVE), undefined)
  t.equal(qualityOf('2001:db8::1', ADDRESS_TENTATIVE | ADDRESS_OPTIMISTIC), 'stable')
  t.equal(qualityOf('2001:db8::1', ADDRESS_TENTATIVE | ADDRESS_DAD_FAILED), undefined)
  t.equal(qualityOf('2001:db8::1', ADDRESS_DAD_FAILED | ADDRESS_OPTIMISTIC), undefined)
  t.equal(qualityOf('2001:db8::1', ADDRESS_TEMPORARY), 'temporary')
  t.equal(qualityOf('2001:db8::1', ADDRESS_TEMPORARY | ADDRESS_DEPRECATED), 'deprecated')
  t.equal(qualityOf('192.0.2.1', ADDRESS_TEMPORARY), 'stable', 'a secondary IPv4 address')
})

t.test('loopback addresses count, but for those that every host has', async t => {
  const loopback = ['127.0.0.1', '::1', '127.0.0.2'].map(text => address(text))
  t.same(
    [
      ...tableOf(link(1), ...loopback)
        .takeSnapshot()
        .keys(),
    ],
    ['127.0.0.2'],
  )
})

t.test('link-local addresses are written with their link', async t => {
  const table = tableOf(link(1), link(2), address('fe80::1'), address('fe80::1', { index: 2 }))
  t.same([...table.takeSnapshot().keys()], ['fe80::1%eth1', 'fe80::1%eth2'])
})

t.test('an address on two links is gone when both have lost it, and as good as the better one', async t => {
  const table = tableOf(link(1), link(2), address('2001:db8::1'), address('2001:db8::1', { index: 2, flags: 0x20 }))
  t.same([...table.takeSnapshot()], [['2001:db8::1', 'stable']])
  table.handle(address('2001:db8::1', { isGone: true }))
  t.same([...table.takeSnapshot()], [['2001:db8::1', 'deprecated']])
  table.handle(address('2001:db8::1', { index: 2, isGone: true }))
  t.same([...table.takeSnapshot()], [])
})

t.test('an address with two prefixes is gone when both are', async t => {
  const table = tableOf(link(1), address('192.0.2.1', { bits: 24 }), address('192.0.2.1', { bits: 16 }))
  t.same([...table.takeSnapshot().keys()], ['192.0.2.1'])
  t.equal(table.handle(address('192.0.2.1', { bits: 24, isGone: true })), 'look')
  t.same([...table.takeSnapshot().keys()], ['192.0.2.1'])
  t.equal(table.handle(address('192.0.2.1', { bits: 16, isGone: true })), 'look')
  t.equal(table.handle(address('192.0.2.1', { bits: 20 })), 'link', 'it was away, for however short a time')
  table.handle(address('192.0.2.1', { bits: 20, isGone: true }))
  t.same([...table.takeSnapshot().keys()], [])
})

t.test('a link takes its addresses with it', async t => {
  const table = tableOf(link(1), link(2), address('192.0.2.1'), address('192.0.2.2', { index: 2 }))
  t.equal(table.handle(link(1, 0, true)), 'link')
  table.handle(link(1))
  t.same([...table.takeSnapshot().keys()], ['192.0.2.2'])
})

t.test('clear forgets everything', async t => {
  const table = tableOf(link(1), address('192.0.2.1'))
  table.clear()
  t.equal(table.takeSnapshot().size, 0)
})

t.test('a change of state of a link that carries addresses is a link event', async t => {
  const table = tableOf(link(1), link(2), address('192.0.2.1'), address('fe80::1', { index: 2 }))
  t.equal(table.handle(link(1)), 'nothing', 'the same again')
  t.equal(table.handle(link(1, RUNNING | 0x100)), 'nothing', 'a flag that is no state')
  t.equal(table.handle(link(1, LINK_UP)), 'link')
  t.equal(table.handle(link(1)), 'link')
  t.equal(table.handle(link(2, LINK_UP)), 'nothing', 'it has only a link-local address')
  t.equal(table.handle(link(3)), 'nothing', 'a new link without addresses')
  t.equal(tableOf(address('192.0.2.1')).handle(link(1)), 'link', 'a new link, its addresses known before')
})

t.test('addresses that come, go or change their flags are worth a look', async t => {
  const table = tableOf(link(1))
  t.equal(table.handle(address('192.0.2.1')), 'look')
  t.equal(table.handle(address('192.0.2.1')), 'nothing', 'only its lifetime was renewed')
  t.equal(table.handle(address('192.0.2.1', { flags: ADDRESS_DEPRECATED })), 'look')
  t.equal(table.handle(address('192.0.2.1', { isGone: true })), 'look')
  t.equal(table.handle(address('192.0.2.9', { isGone: true })), 'nothing', 'never heard of')
})

t.test('an address that comes back the same within one burst is a link event', async t => {
  const table = tableOf(link(1), address('192.0.2.1'), address('fe80::1'))
  for (const text of ['192.0.2.1', 'fe80::1']) table.handle(address(text, { isGone: true }))
  t.equal(table.handle(address('192.0.2.1')), 'link')
  t.equal(table.handle(address('fe80::1')), 'look', 'nothing far away runs over it')
  table.handle(address('192.0.2.1', { isGone: true }))
  table.takeSnapshot()
  t.equal(table.handle(address('192.0.2.1')), 'look', 'in a later burst it is simply new')
})

t.test('routes to networks are link events, routes to one host worth a look, local ones nothing', async t => {
  const table = tableOf(link(1))
  t.equal(table.handle(route('', 0)), 'link')
  t.equal(table.handle(route('', 0, { family: 6 })), 'link')
  t.equal(table.handle(route('10.0.0.0', 8)), 'link')
  t.equal(table.handle(route('2001:db8::', 32)), 'link')
  t.equal(table.handle(route('10.0.0.1', 32)), 'look')
  t.equal(table.handle(route('2001:db8::1', 128)), 'look')
  t.equal(table.handle(route('10.0.0.1', 32, { table: 255 })), 'nothing')
  t.equal(table.handle(route('2001:db8::1', 128, { isClone: true })), 'nothing')
  t.equal(table.handle(route('ff00::', 8)), 'nothing')
  t.equal(table.handle(route('fe80::', 64)), 'nothing')
  t.equal(table.handle(route('224.0.0.0', 4)), 'nothing')
  t.equal(table.handle({ type: 'done' }), 'nothing')
})

t.test('polling counts the same addresses', async t => {
  const interfaces = {
    lo: [{ address: '127.0.0.1' }, { address: '::1' }, { address: '127.0.0.2' }],
    eth0: [{ address: '192.0.2.1' }, { address: 'fe80::1' }],
    eth1: undefined,
  }
  t.same([...pollSnapshot(interfaces).keys()], ['127.0.0.2', '192.0.2.1', 'fe80::1%eth0'])
  t.notOk(pollSnapshot().has('127.0.0.1'), 'this host can be asked')
})
