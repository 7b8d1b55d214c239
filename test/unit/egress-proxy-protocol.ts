import t from 'tap'
import { proxyHeader } from '../../src/egress/proxy-protocol.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const SESSION_ID = Uint8Array.from({ length: 16 }, (_, i) => i)
const UNIQUE_ID = '050010000102030405060708090a0b0c0d0e0f'

function text(client: string, destination: string): string {
  return Buffer.from(proxyHeader('v1', { client, sessionId: SESSION_ID }, destination)).toString('latin1')
}

function hex(client: string, destination: string): string {
  return Buffer.from(proxyHeader('v2', { client, sessionId: SESSION_ID }, destination)).toString('hex')
}

t.test('v1 of one family is written byte for byte as the specification shows', async t => {
  t.equal(text('192.168.0.1:56324', '192.168.0.11:443'), 'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n')
  t.equal(text('[2001:DB8:0:0::7]:1', '[::1]:65535'), 'PROXY TCP6 2001:db8::7 ::1 1 65535\r\n')
  t.equal(text('[fe80::1%eth0]:1', '[fe80::2%lo]:2'), 'PROXY TCP6 fe80::1 fe80::2 1 2\r\n', 'without zones')
  const longest = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
  t.equal(text(`[${longest}]:65535`, `[${longest}]:65535`).length, 104, 'fits into 107 bytes')
})

t.test('v2 of one family is written byte for byte as the specification shows', async t => {
  const v4 = ['21', '11', '001f', 'c0a80001', 'c0a8000b', 'dc04', '01bb']
  t.equal(hex('192.168.0.1:56324', '192.168.0.11:443'), [SIGNATURE, ...v4, UNIQUE_ID].join(''))
  const addresses = ['20010db8000000000000000000000007', '00000000000000000000000000000001']
  const v6 = ['21', '21', '0037', ...addresses, '0001', 'ffff']
  t.equal(hex('[2001:db8::7]:1', '[::1]:65535'), [SIGNATURE, ...v6, UNIQUE_ID].join(''))
})

t.test('of two families the IPv4 address is written as IPv4-mapped IPv6', async t => {
  t.equal(text('[::1]:5000', '127.0.0.1:80'), 'PROXY TCP6 ::1 ::ffff:7f00:1 5000 80\r\n')
  t.equal(text('10.0.0.9:5000', '[fd00::1]:80'), 'PROXY TCP6 ::ffff:a00:9 fd00::1 5000 80\r\n')
  const addresses = ['00000000000000000000000000000001', '00000000000000000000ffff7f000001']
  const mixed = ['21', '21', '0037', ...addresses, '1388', '0050']
  t.equal(hex('[::1]:5000', '127.0.0.1:80'), [SIGNATURE, ...mixed, UNIQUE_ID].join(''))
  t.equal(text('[::ffff:10.0.0.9]:1', '10.0.0.1:2'), 'PROXY TCP4 10.0.0.9 10.0.0.1 1 2\r\n', 'mapped is IPv4')
})

t.test('a client that is no address and port is UNKNOWN, or LOCAL, whatever a peer writes', async t => {
  const forged = ['', ':', 'unknown:0', 'a host', '10.0.0.1', '10.0.0.1:65536', '10.0.0.1:80\r\nX: y', '127.1:80']
  for (const client of [...forged, '10.0.0.1:80 127.0.0.1', '[::1%\r\n]:80', '[1:2]:80', 'PROXY TCP4', '\u{1f600}:1']) {
    t.equal(text(client, '127.0.0.1:80'), 'PROXY UNKNOWN\r\n', JSON.stringify(client))
    t.equal(hex(client, '127.0.0.1:80'), `${SIGNATURE}20000013${UNIQUE_ID}`, JSON.stringify(client))
  }
  t.equal(text('10.0.0.1:80', 'unknown:0'), 'PROXY UNKNOWN\r\n', 'the destination has gone already')
})
