import { BlockList } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { addressBytes, addressOfBytes, formatIpv6, parseIpAddress } from '../../src/base/ip-address.ts'
import { holderOf, type Network, parseNetwork } from '../../src/base/network.ts'
import { holds as checkProperty } from '../support/property.ts'

const bytesOf = (text: string) => addressBytes(parseIpAddress(text)!)
const holds = (network: string, address: string) => holderOf(parseNetwork(network) as Network)(bytesOf(address))

t.test('reads an address or a network, and an IPv4-mapped one as IPv4', async t => {
  t.same(parseNetwork('10.1.2.3'), { family: 4, address: '10.1.2.3', prefixBits: 32 })
  t.same(parseNetwork('10.0.0.0/8'), { family: 4, address: '10.0.0.0', prefixBits: 8 })
  t.same(parseNetwork('fd00::/8'), { family: 6, address: 'fd00::', prefixBits: 8 })
  t.same(parseNetwork('::ffff:10.0.0.0/104'), { family: 4, address: '10.0.0.0', prefixBits: 8 })
  t.match(parseNetwork('10.0.0.0/33'), /^\/33 is longer than an IPv4 address has bits$/)
  t.match(parseNetwork('::ffff:10.0.0.0/95'), /mixes IPv4 and IPv6/)
  for (const text of ['', 'db', '[::1]', '10.1', '10.0.0.0/', '10.0.0.0/8/8', 'fe80::1%eth0', '10.0.0.0/-1'])
    t.match(parseNetwork(text), /is no address and no network/, text)
})

t.test('holds what has its prefix, in its family', async t => {
  t.ok(holds('10.0.0.0/8', '10.255.0.1'))
  t.notOk(holds('10.0.0.0/8', '11.0.0.0'))
  t.ok(holds('10.9.9.9/15', '10.8.0.0'), 'bits beyond the prefix do not count')
  t.ok(holds('0.0.0.0/0', '255.1.2.3'))
  t.notOk(holds('0.0.0.0/0', '::1'))
  t.notOk(holds('::/0', '1.2.3.4'))
  t.ok(holds('fd00::/127', 'fd00::1'))
  t.notOk(holds('fd00::/127', 'fd00::2'))
})

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const networks = fc.oneof(
  fc.record({ a: bytes(4), b: bytes(4), common: fc.nat(32), bits: fc.nat(32) }),
  fc.record({ a: bytes(16), b: bytes(16), common: fc.nat(128), bits: fc.nat(128) }),
)

t.test('holds what the BlockList of Node holds', async t => {
  await checkProperty(
    t,
    fc.property(networks, ({ a, b, common, bits }) => {
      // Two addresses that have about as many bits in common as the prefix asks for.
      const near = a.map((byte, i) => {
        const mask = (0xff00 >> Math.min(8, Math.max(0, common - 8 * i))) & 0xff
        return (byte & mask) | (b[i]! & ~mask)
      })
      const { family, text } = addressOfBytes(a)
      fc.pre(family === (a.length === 4 ? 4 : 6))
      const list = new BlockList()
      list.addSubnet(text, bits, `ipv${family}`)
      const expected = list.check(addressOfBytes(near).text, `ipv${family}`)
      return holderOf({ family, address: text, prefixBits: bits })(near) === expected
    }),
  )
})

t.test('writes IPv6 as RFC 5952 says', async t => {
  const texts = ['::', '::1', '1::', '2001:db8::1', '1:0:0:2::', '1::2:0:0:3', '1:2:3:4:5:6:7:8', '1:0:2:3:4:5:6:7']
  for (const text of [...texts, '10:0:0:1::', '::ffff:7f00:1', 'fe80::100:0:0:10'])
    t.equal(formatIpv6(bytesOf6(text)), text)
  t.equal(formatIpv6(bytesOf6('0:1:0:0:2:0:0:3')), '0:1::2:0:0:3', 'the first of the longest')
})

t.test('reads bytes as the address they are', async t => {
  t.same(addressOfBytes(Uint8Array.of(10, 0, 0, 1)), { family: 4, text: '10.0.0.1' })
  t.same(addressOfBytes(bytesOf6('2001:db8::7')), { family: 6, text: '2001:db8::7' })
  t.same(addressOfBytes(bytesOf6('::ffff:7f00:1')), { family: 4, text: '127.0.0.1' })
})

/** Of an IPv6 address, also of one that is IPv4-mapped. */
function bytesOf6(text: string): Uint8Array {
  const parsed = parseIpAddress(text)!
  const own = addressBytes(parsed)
  return parsed.family === 6 ? own : Uint8Array.of(...new Array<number>(10).fill(0), 0xff, 0xff, ...own)
}
