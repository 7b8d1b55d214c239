import t, { type Test } from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { ProxyHeaderParser } from '../../src/capture/proxy-header.ts'
import { proxyHeader } from '../../src/egress/proxy-protocol.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const fromHex = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')
const v4 = 'c0a80001 c0a8000b dc04 01bb'
const v6 = '20010db8000000000000000000000007 00000000000000000000000000000001 0001 ffff'
const malformed = 'its header of version 1 is malformed'
const missing = 'it does not begin with a PROXY protocol header'

/** What the parser says of chunks in turn, with everything after the header, which it must not keep. */
function parse(chunks: readonly Uint8Array[]) {
  const parser = new ProxyHeaderParser()
  for (const [i, chunk] of chunks.entries()) {
    const found = parser.push(chunk)
    if (found === undefined) continue
    if (typeof found === 'string') return found
    const { client, rest } = found
    return { client, rest: Buffer.concat([rest, ...chunks.slice(i + 1)]).toString('latin1') }
  }
  return undefined
}

/** The same, however the bytes are cut: whole, in two at every place, and byte by byte. */
function parseCut(t: Test, bytes: Uint8Array) {
  const whole = parse([bytes])
  for (let at = 0; at <= bytes.length; at++) {
    t.same(parse([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at}`)
  }
  t.same(parse(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))), whole, 'byte by byte')
  return whole
}

t.test('reads version 1, cut at every position, and leaves what follows', async t => {
  const rows: [string, object | undefined][] = [
    ['PROXY TCP4 192.168.0.1 192.168.0.11 56324 443', { host: '192.168.0.1', port: 56_324 }],
    ['PROXY TCP6 2001:db8::7 ::1 0 65535', { host: '2001:db8::7', port: 0 }],
    ['PROXY TCP6 ::ffff:7f00:1 ::1 1 2', { host: '127.0.0.1', port: 1 }],
    ['PROXY TCP6 ::ffff:127.0.0.1 ::1 1 2', { host: '127.0.0.1', port: 1 }],
    ['PROXY UNKNOWN', undefined],
    ['PROXY UNKNOWN ffff::1 \r \n ff', undefined],
  ]
  for (const [line, client] of rows) {
    t.same(parseCut(t, Buffer.from(`${line}\r\nGET /\r\n`)), { client, rest: 'GET /\r\n' }, line)
  }
})

t.test('reads version 2, cut at every position, and leaves what follows', async t => {
  const uniqueId = '05 0010 000102030405060708090a0b0c0d0e0f'
  const rows: [string, object | undefined][] = [
    [`21 11 000c ${v4}`, { host: '192.168.0.1', port: 56_324 }],
    [`21 11 001f ${v4} ${uniqueId}`, { host: '192.168.0.1', port: 56_324 }],
    [`21 21 0024 ${v6}`, { host: '2001:db8::7', port: 1 }],
    [`21 21 0024 00000000000000000000ffff7f000001 ${v6.slice(33)}`, { host: '127.0.0.1', port: 1 }],
    ['20 00 0000', undefined],
    [`20 11 000c ${v4}`, undefined],
    ['20 ff 0003 010203', undefined],
    [`21 00 0013 ${uniqueId}`, undefined],
    [`21 12 000c ${v4}`, undefined],
    [`21 31 00d8 ${'61'.repeat(216)}`, undefined],
  ]
  for (const [hex, client] of rows) {
    t.same(parseCut(t, Buffer.concat([fromHex(SIGNATURE + hex), Buffer.from('GET')])), { client, rest: 'GET' }, hex)
  }
})

t.test('refuses what is malformed, cut at every position', async t => {
  const unknown = (hex: string) => `its header has version and command 0x${hex}, which are unknown`
  const texts: [string, string][] = [
    ['GET / HTTP/1.1\r\n', missing],
    ['PROXY\r\n', missing],
    ['proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n', missing],
    ['PROXY \r\n', malformed],
    ['PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n', malformed],
    ['PROXY UNKNOWNS\r\n', malformed],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n', malformed],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n', malformed],
    ['PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n', malformed],
    ['PROXY TCP4 1.2.3.4 1.2.3 1 2\r\n', malformed],
    ['PROXY TCP4 ::1 1.2.3.4 1 2\r\n', malformed],
    ['PROXY TCP4 1.2.3.4 ::1 1 2\r\n', malformed],
    ['PROXY TCP6 1.2.3.4 ::1 1 2\r\n', malformed],
    ['PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n', malformed],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n', malformed],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n', malformed],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n', malformed],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\r\n', malformed],
  ]
  for (const [text, fault] of texts) t.equal(parseCut(t, Buffer.from(text)), fault, JSON.stringify(text))
  const binary: [string, string][] = [
    [`0d0a0d0a000d0a515549540b 21 11 000c ${v4}`, missing],
    [`${SIGNATURE} 11 11 000c ${v4}`, unknown('11')],
    [`${SIGNATURE} 02 11 000c ${v4}`, unknown('02')],
    [`${SIGNATURE} 22 11 000c ${v4}`, unknown('22')],
    [`${SIGNATURE} 21 13 000c ${v4}`, 'its header of version 2 has an unknown family'],
    [`${SIGNATURE} 21 41 000c ${v4}`, 'its header of version 2 has an unknown family'],
    [`${SIGNATURE} 21 11 000b ${v4}`, 'its header of version 2 is too short for its addresses'],
    [`${SIGNATURE} 21 21 000c ${v4}`, 'its header of version 2 is too short for its addresses'],
  ]
  for (const [hex, fault] of binary) t.equal(parseCut(t, fromHex(hex)), fault, hex)
})

t.test('tells a missing header at its first byte, and waits for one that is only begun', async t => {
  t.equal(parse([Buffer.from('G')]), missing)
  t.equal(parse([Buffer.from('PROXI')]), missing)
  for (const begun of ['', 'P', 'PROXY TCP4 1.2.3.4', '\r', '\r\n\r\n\0\r\nQUIT\n!\x11\0']) {
    t.equal(parse([Buffer.from(begun, 'latin1')]), undefined, JSON.stringify(begun))
  }
})

t.test('a header of the greatest length is read, one byte more is refused', async t => {
  const most = LIMITS.proxyTextHeaderBytesMax
  const text = (bytes: number) => Buffer.from(`${'PROXY UNKNOWN '.padEnd(bytes - 2, 'f')}\r\n`)
  t.same(parseCut(t, text(most)), { client: undefined, rest: '' })
  t.equal(parseCut(t, text(most + 1)), 'its header of version 1 has no end within 107 bytes')
  const binary = (bytes: number) => {
    const length = (bytes - 16).toString(16).padStart(4, '0')
    return fromHex(`${SIGNATURE} 21 11 ${length} ${v4}`.padEnd(2 * bytes + 7, '0'))
  }
  const client = { host: '192.168.0.1', port: 56_324 }
  const [fits, tooLong] = [binary(LIMITS.proxyHeaderBytesMax), binary(LIMITS.proxyHeaderBytesMax + 1)]
  t.same(parse([fits, Buffer.from('x')]), { client, rest: 'x' })
  t.same(parse(Array.from(fits, (_, at) => fits.subarray(at, at + 1))), { client, rest: '' })
  t.equal(parse([tooLong.subarray(0, 16)]), 'its header of version 2 has more than 4096 bytes', 'at its length')
  t.equal(parse([tooLong]), 'its header of version 2 has more than 4096 bytes')
})

t.test('reads what the far side writes', async t => {
  const sessionId = new Uint8Array(16)
  for (const client of ['203.0.113.7:5000', '[2001:db8::7]:5000', 'no address']) {
    for (const destination of ['127.0.0.1:80', '[::1]:80']) {
      for (const version of ['v1', 'v2'] as const) {
        const found = parse([proxyHeader(version, { client, sessionId }, destination)])
        const port = 5_000
        const host = client.startsWith('[') ? '2001:db8::7' : '203.0.113.7'
        const expected = client === 'no address' ? undefined : { host, port }
        t.same(found, { client: expected, rest: '' }, `${version} ${client} ${destination}`)
      }
    }
  }
})
