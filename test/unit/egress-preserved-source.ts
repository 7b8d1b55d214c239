import t from 'tap'
import { holderOf, type Network, parseNetwork } from '../../src/base/network.ts'
import { preservedSource } from '../../src/egress/preserved-source.ts'

const OWN = new Set(['10.78.1.1', 'fd78:1::1'])
const everybody = ['0.0.0.0/0', '::/0']

function source(client: string | undefined, { to = '10.80.1.2', clients = everybody } = {}) {
  const holders = clients.map(text => holderOf(parseNetwork(text) as Network))
  return preservedSource(client, to, holders, address => OWN.has(address))
}

t.test('a client of a network of the rule is the source, with its port', async t => {
  const clients = ['10.79.0.0/16', 'fd79::/16']
  t.same(source('10.79.1.2:5000', { clients }), { host: '10.79.1.2', port: 5000 })
  t.same(source('[fd79:1::2]:5000', { clients, to: 'fd80::2' }), { host: 'fd79:1::2', port: 5000 })
  t.same(source('[::ffff:10.79.1.2]:5000', { clients }), { host: '10.79.1.2', port: 5000 }, 'as IPv4')
})

t.test('a peer may name nobody whom the rule does not list, and by default nobody', async t => {
  const why = 'no `clients` of the rule hold the client’s address 10.81.0.1'
  t.equal(source('10.81.0.1:1', { clients: ['10.79.0.0/16', '10.80.0.0/16', '::/0'] }), why)
  t.equal(source('10.81.0.1:1', { clients: [] }), why)
})

t.test('this host, its destination, and what means another host here are nobody’s to name', async t => {
  const own = (text: string) => `the client’s address ${text} is one of this host`
  t.equal(source('10.78.1.1:1'), own('10.78.1.1'))
  t.equal(source('[::ffff:10.78.1.1]:1'), own('10.78.1.1'))
  t.equal(source('[fd78:1::1]:1', { to: 'fd80::2' }), own('fd78:1::1'))
  const same = 'the client’s address FD80:0::2 is that of the destination'
  t.equal(source('[FD80:0::2]:1', { to: 'fd80::2' }), same)
  const elsewhere = ['127.0.0.1', '127.9.9.9', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255']
  for (const text of elsewhere)
    t.equal(source(`${text}:1`), `the client’s address ${text} means something else on this host`)
  for (const text of ['::1', '::', 'fe80::1', 'ff02::1']) {
    t.match(source(`[${text}]:1`, { to: 'fd80::2' }), /means something else on this host$/, text)
  }
  t.match(source('[fe80::1%eth0]:1', { to: 'fd80::2' }), /^the client’s address fe80::1 means something else/)
})

t.test('an address of another family than the destination cannot be its source', async t => {
  t.equal(
    source('10.79.1.2:1', { to: 'fd80::2' }),
    'the client’s address 10.79.1.2 is IPv4, and the destination fd80::2 is not',
  )
  t.equal(source('[fd79::2]:1'), 'the client’s address fd79::2 is IPv6, and the destination 10.80.1.2 is not')
})

t.test('a client that is absent or no address has no source', async t => {
  const absent = [
    undefined,
    '',
    'client',
    'client:80',
    '10.79.1.2',
    '10.79.1:80',
    '10.79.1.2:99999',
    'a\r\nb:1',
    '[::1:1',
  ]
  for (const client of absent) {
    t.equal(source(client), 'the peer does not say at which address the client is', JSON.stringify(client))
  }
})
