import t from 'tap'
import { addressGroup, Places } from '../../src/base/places.ts'

t.test('counts an IPv6 address by its /64 and an IPv4 address by itself', async t => {
  const rows: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['::1:2:3:4:5:192.0.2.1', '0:1:2:3::/64'],
  ]
  for (const [address, group] of rows) t.equal(addressGroup(address), group, address)
})

t.test('places are bounded for each address and in all, and come back when they are released', async t => {
  const places = new Places({ inAllMax: 3, perAddressMax: 2 })
  const first = places.take('192.0.2.1')
  t.ok(first)
  t.ok(places.take('192.0.2.1'))
  t.equal(places.take('192.0.2.1'), undefined, 'as many as one address may hold')
  const last = places.take('192.0.2.2')
  t.ok(last)
  t.equal(places.take('192.0.2.3'), undefined, 'as many as there are')
  last?.release()
  last?.release()
  t.equal(places.held, 2, 'released once')
  first?.release()
  t.ok(places.take('192.0.2.1'))
})
