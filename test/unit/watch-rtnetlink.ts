import net from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { DUMP_REQUESTS, type NetlinkMessage, parseNetlink } from '../../src/watch/rtnetlink.ts'

// As a Linux 6 kernel sent them; attributes that are not read here are left out of the link messages.
const DATAGRAMS: Record<string, { readonly hex: string; readonly messages: readonly NetlinkMessage[] }> = {
  'an IPv4 address': {
    hex: `4c00000014000000 c4af046b9b090000 02188000 03000000
      080001000a010002 080002000a010002 0800030077746100 0800080080000000
      14000600 ffffffffffffffff fd091000fd091000`,
    messages: [
      { type: 'address', isGone: false, index: 3, family: 4, address: '10.1.0.2', prefix: '10.1.0.2/24', flags: 0x80 },
    ],
  },
  'an IPv4 address that is gone': {
    hex: `4c00000015000000 c4af046ba0090000 02188000 03000000
      080001000a010002 080002000a010002 0800030077746100 0800080080000000
      14000600 ffffffffffffffff fd091000fd091000`,
    messages: [
      { type: 'address', isGone: true, index: 3, family: 4, address: '10.1.0.2', prefix: '10.1.0.2/24', flags: 0x80 },
    ],
  },
  'a tentative IPv6 address': {
    hex: `4800000014000000 0000000000000000 0a40c000 03000000
      14000100 20010db8000000000000000000000005 14000600fffffffffffffffffd091000fd091000 08000800c0000000`,
    messages: [
      {
        type: 'address',
        isGone: false,
        index: 3,
        family: 6,
        address: '2001:db8::5',
        prefix: '2001:db8::5/64',
        flags: 0xc0,
      },
    ],
  },
  'the near end of a point-to-point address, with flags only in the header': {
    hex: '2800000014000000 0000000000000000 02200100 07000000 080001000a080001 080002000a080002',
    messages: [
      { type: 'address', isGone: false, index: 7, family: 4, address: '10.8.0.2', prefix: '10.8.0.1/32', flags: 1 },
    ],
  },
  'an address whose other end has the wrong length': {
    hex: '2800000014000000 0000000000000000 02200100 07000000 060001000a080000 080002000a080002',
    messages: [
      { type: 'address', isGone: false, index: 7, family: 4, address: '10.8.0.2', prefix: '10.8.0.2/32', flags: 1 },
    ],
  },
  'a link that is up and running': {
    hex: '2800000010000000 0000000000000000 0000010003000000 4310010000000000 0800030077746100',
    messages: [{ type: 'link', isGone: false, index: 3, flags: 0x11043, name: 'wta' }],
  },
  'a link that is gone': {
    hex: '2800000011000000 0000000000000000 0000010003000000 02100000ffffffff 0800030077746100',
    messages: [{ type: 'link', isGone: true, index: 3, flags: 0x1002, name: 'wta' }],
  },
  'a link without a name': {
    hex: '2000000010000000 0000000000000000 0000010003000000 0200000000000000',
    messages: [{ type: 'link', isGone: false, index: 3, flags: 2, name: '' }],
  },
  'an IPv4 route': {
    hex: `3c00000018000006 0000000000000000 02180000fe02fd01 00000000
      08000f00fe000000 080001000a010000 080007000a010002 0800040003000000`,
    messages: [{ type: 'route', family: 4, table: 254, prefixBits: 24, destination: '10.1.0.0', isClone: false }],
  },
  'an IPv6 route that is gone': {
    hex: `3c00000019000000 0000000000000000 0a400000fe020001 00000000
      08000f00fe000000 14000100 20010db8000000000000000000000000 0400ff00`,
    messages: [{ type: 'route', family: 6, table: 254, prefixBits: 64, destination: '2001:db8::', isClone: false }],
  },
  'a default route, its table only in the header': {
    hex: '1c00000018000000 0000000000000000 0200000064020001 00000000',
    messages: [{ type: 'route', family: 4, table: 100, prefixBits: 0, destination: '', isClone: false }],
  },
  'a cloned route': {
    hex: '1c00000018000000 0000000000000000 0a000000fe020001 00020000',
    messages: [{ type: 'route', family: 6, table: 254, prefixBits: 0, destination: '', isClone: true }],
  },
  'the end of an answer': { hex: '1400000003000200 0000000000000000 00000000', messages: [{ type: 'done' }] },
  'a refusal': { hex: '1400000002000000 0000000000000000 ffffffff', messages: [{ type: 'failed' }] },
  'an overrun': { hex: '1000000004000000 0000000000000000', messages: [{ type: 'failed' }] },
  'an answer that the kernel changed while telling it': {
    hex: '1400000003001200 0000000000000000 00000000',
    messages: [{ type: 'failed' }, { type: 'done' }],
  },
  'nothing for a message of another type': { hex: '1000000044000000 0000000000000000', messages: [] },
  'nothing for a port that left its bridge': {
    hex: '2000000011000000 0000000000000000 0700010003000000 0200000000000000',
    messages: [],
  },
  'nothing for a link cut short': { hex: '1400000010000000 0000000000000000 00000100', messages: [] },
  'nothing for an address cut short': { hex: '1400000014000000 0000000000000000 02188000', messages: [] },
  'nothing for an address of another family': {
    hex: '2000000014000000 0000000000000000 07188000 03000000 080001000a010002',
    messages: [],
  },
  'nothing for an address of the wrong length': {
    hex: '2000000014000000 0000000000000000 0a188000 03000000 080001000a010002',
    messages: [],
  },
  'nothing for an address that is not said': {
    hex: '1800000014000000 0000000000000000 0218800003000000',
    messages: [],
  },
  'nothing for a route cut short': { hex: '1400000018000000 0000000000000000 02180000', messages: [] },
  'nothing for a route of another family': {
    hex: '1c00000018000000 0000000000000000 80000000fe020001 00000000',
    messages: [],
  },
  'nothing for a route to half an address': {
    hex: '2400000018000000 0000000000000000 0a180000fe02fd01 00000000 080001000a010000',
    messages: [],
  },
  'flags of the header where the attribute has the wrong length': {
    hex: '2800000014000000 0000000000000000 02188000 03000000 080001000a010002 0600080001000000',
    messages: [
      { type: 'address', isGone: false, index: 3, family: 4, address: '10.1.0.2', prefix: '10.1.0.2/24', flags: 0x80 },
    ],
  },
  'what comes before an attribute that is shorter than its header, or longer than the message': {
    hex: `2800000014000000 0000000000000000 02188000 03000000 080001000a010002 0300020000000000
      2800000014000000 0000000000000000 02188000 03000000 080001000a010003 0900020000000000`,
    messages: [
      { type: 'address', isGone: false, index: 3, family: 4, address: '10.1.0.2', prefix: '10.1.0.2/24', flags: 0x80 },
      { type: 'address', isGone: false, index: 3, family: 4, address: '10.1.0.3', prefix: '10.1.0.3/24', flags: 0x80 },
    ],
  },
  'what comes before a message that is shorter than its header': {
    hex: '1400000003000200 0000000000000000 00000000 0f00000003000200 0000000000000000',
    messages: [{ type: 'done' }],
  },
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'))
}

for (const [what, { hex, messages }] of Object.entries(DATAGRAMS)) {
  t.test(`reads ${what}`, async t => t.same(parseNetlink(bytes(hex)), messages))
}

t.test('reads several messages of one datagram, wherever it lies in its buffer', async t => {
  const all = Object.values(DATAGRAMS).slice(0, 15)
  const datagram = Buffer.concat([Buffer.from([0xff]), ...all.map(({ hex }) => bytes(hex))]).subarray(1)
  t.same(
    parseNetlink(datagram),
    all.flatMap(({ messages }) => messages),
  )
})

t.test('reads a datagram cut at any byte as the whole messages before the cut', async t => {
  const one = DATAGRAMS['an IPv4 address']!
  const datagram = Buffer.concat([bytes(one.hex), bytes(one.hex)])
  for (let cut = 0; cut < datagram.length; cut++) {
    t.equal(parseNetlink(datagram.subarray(0, cut)).length, Math.floor((cut * 2) / datagram.length))
  }
})

t.test('reads any bytes without throwing, and no more messages than fit', async t => {
  const seed = Date.now() % 2 ** 31
  t.comment(`seed ${seed}`)
  const base = bytes(
    Object.values(DATAGRAMS)
      .map(({ hex }) => hex)
      .join(''),
  )
  const edits = fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 20 })
  fc.assert(
    fc.property(edits, list => {
      const datagram = base.slice()
      for (const [at, value] of list) datagram[at] = value
      return parseNetlink(datagram).length <= (base.length / 16) * 2
    }),
    { seed, numRuns: 500 },
  )
})

t.test('writes IPv6 addresses as Node does', async t => {
  const seed = Date.now() % 2 ** 31
  t.comment(`seed ${seed}`)
  const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  fc.assert(
    // Not ::a.b.c.d, which only looks like IPv4 to some.
    fc.property(
      groups.filter(list => list.slice(0, 5).some(group => group !== 0)),
      list => {
        const address = list.map(group => group.toString(16)).join(':')
        const hex = list.map(group => group.toString(16).padStart(4, '0')).join('')
        const [message] = parseNetlink(bytes(`2c00000014000000 0000000000000000 0a400000 03000000 14000100 ${hex}`))
        const known = new net.SocketAddress({ address, family: 'ipv6' }).address
        return message?.type === 'address' && message.address === known
      },
    ),
    { seed, numRuns: 1_000, examples: [[[0xfe80, 0, 0, 1, 0, 0, 0, 1]], [[1, 0, 2, 3, 4, 5, 6, 0]]] },
  )
})

t.test('asks for all links, then for all addresses', async t => {
  t.same(
    DUMP_REQUESTS.map(request => Buffer.from(request).toString('hex')),
    [`2000000012000103${'00'.repeat(24)}`, `2000000016000103${'00'.repeat(24)}`],
  )
})
