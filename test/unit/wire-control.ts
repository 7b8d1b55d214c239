import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { toHex } from '../../src/wire/bytes.ts'
import {
  type Control,
  codeOfOpenResult,
  decodeControl,
  decodeOpenRequest,
  decodeOpenResult,
  encodeControl,
  encodeOpenRequest,
  encodeOpenResult,
  type Hello,
  MIGRATE_REASONS,
} from '../../src/wire/control.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const ID = hex('000102030405060708090a0b0c0d0e0f')
const OTHER_ID = hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff')
const NONE = new Uint8Array(0)

const HELLO = {
  type: 'hello',
  incarnation: ID,
  knownIncarnation: OTHER_ID,
  sessionsMax: 300,
  holdSeconds: 86_400,
  features: 1,
  endpoints: ['tcp://a:1', 'ws://b:80/'],
} as const

/** Each message with its bytes: field numbers and types are the protocol. Zeros are left out, as in all of proto3. */
const GOLDENS: readonly [Control, string][] = [
  [
    HELLO,
    `0a44 0a10 ${toHex(ID)} 1210 ${toHex(OTHER_ID)} 18ac02 2080a305 2801
     3209 7463703a2f2f613a31 320a 77733a2f2f623a38302f`,
  ],
  [{ type: 'migrate', epoch: 1, reason: 'first', endpoints: ['tcp://a:1'] }, '120f 0801 1001 1a09 7463703a2f2f613a31'],
  [{ type: 'migrate', epoch: 0xffffffff, reason: 'rekey', endpoints: [] }, '1208 08ffffffff0f 1006'],
  [{ type: 'migrateAck', epoch: 2, accepted: true, greatestEpoch: 3 }, '1a06 0802 1001 1803'],
  [{ type: 'migrateAck', epoch: 2, accepted: false, greatestEpoch: 3 }, '1a04 0802 1803'],
  [{ type: 'endpointUpdate', endpoints: ['tcp://a:1'] }, '220b 0a09 7463703a2f2f613a31'],
  [{ type: 'ping', id: 7 }, '2a02 0807'],
  [{ type: 'pong', id: 300 }, '3203 08ac02'],
  [{ type: 'drain' }, '3a00'],
  [{ type: 'goodbye' }, '4200'],
]

const bytesOf = (golden: string) => hex(golden.replaceAll(/\s/g, ''))

t.test('each message has its bytes, and is read from them', async t => {
  for (const [message, golden] of GOLDENS) {
    t.equal(toHex(encodeControl(message)), toHex(bytesOf(golden)), message.type)
    t.same(decodeControl(bytesOf(golden)), message, message.type)
  }
})

t.test('what is missing reads as zero, empty or false', async t => {
  const hello = { type: 'hello', incarnation: ID, knownIncarnation: NONE, sessionsMax: 0, holdSeconds: 0, features: 0 }
  t.same(decodeControl(hex(`0a12 0a10 ${toHex(ID)}`)), { ...hello, endpoints: [] })
  t.same(decodeControl(hex('1200')), { type: 'migrate', epoch: 0, reason: 'unspecified', endpoints: [] })
  t.same(decodeControl(hex('1a00')), { type: 'migrateAck', epoch: 0, accepted: false, greatestEpoch: 0 })
  t.same(decodeControl(hex('2200')), { type: 'endpointUpdate', endpoints: [] })
  t.same(decodeControl(hex('2a00')), { type: 'ping', id: 0 })
  t.same(decodeControl(hex('3200')), { type: 'pong', id: 0 })
})

t.test('every reason to migrate has its number, and one of a newer version is unspecified', async t => {
  for (const [number, reason] of MIGRATE_REASONS.entries()) {
    const bytes = encodeControl({ type: 'migrate', epoch: 1, reason, endpoints: [] })
    t.equal(toHex(bytes), number === 0 ? '12020801' : `12040801100${number}`)
    t.match(decodeControl(bytes), { reason })
  }
  t.match(decodeControl(hex('1204 0801 1007')), { reason: 'unspecified' })
})

t.test('messages and fields of a newer version are skipped', async t => {
  t.equal(decodeControl(NONE), undefined, 'nothing')
  t.equal(decodeControl(hex('4a02 0801')), undefined, 'message 9')
  t.equal(decodeControl(hex('f801 01')), undefined, 'a number in field 31')
  t.same(decodeControl(hex('2a07 0807 f801 01 7a00')), { type: 'ping', id: 7 }, 'fields 31 and 15 within a ping')
  t.same(decodeControl(hex('4a00 2a02 0807')), { type: 'ping', id: 7 }, 'field 9 beside a ping')
})

t.test('bytes that end inside a message are refused, wherever they end', async t => {
  for (const [message, golden] of GOLDENS) {
    const whole = bytesOf(golden)
    for (let bytes = 1; bytes < whole.length; bytes++) {
      t.throws(
        () => decodeControl(whole.subarray(0, bytes)),
        { name: 'RemoteError', code: 'PROTOCOL_VIOLATION', message: /no protobuf/ },
        `${message.type} cut at ${bytes}`,
      )
    }
  }
})

t.test('a Hello without a sound incarnation is refused', async t => {
  const hello = (incarnation: Uint8Array, knownIncarnation: Uint8Array) =>
    encodeControl({ ...HELLO, incarnation, knownIncarnation })
  t.match(decodeControl(hello(ID, NONE)), { knownIncarnation: NONE })
  const long = new Uint8Array(17)
  for (const [own, known] of [
    [NONE, NONE],
    [ID.subarray(1), NONE],
    [long, NONE],
    [ID, ID.subarray(1)],
    [ID, long],
  ] as const) {
    t.throws(() => decodeControl(hello(own, known)), { code: 'PROTOCOL_VIOLATION', message: /incarnation/ })
  }
  t.throws(() => decodeControl(hex('0a00')), { code: 'PROTOCOL_VIOLATION' })
})

t.test('endpoints that are too long, too many or not printable are dropped, the rest stays', async t => {
  const read = (endpoints: readonly string[]) => {
    const message = decodeControl(encodeControl({ type: 'endpointUpdate', endpoints }))
    return message?.type === 'endpointUpdate' ? message.endpoints : undefined
  }
  const longest = 'a'.repeat(LIMITS.hostBytesMax)
  t.same(read(['a', `${longest}a`, 'b c', 'd\n', 'é', '\x7f', longest, 'e']), ['a', longest, 'e'])
  const many = Array.from({ length: LIMITS.endpointsPerPeerMax + 3 }, (_, i) => `tcp://a:${i}`)
  t.same(read(many), many.slice(0, LIMITS.endpointsPerPeerMax))
  t.same(read(['\n', ...many]), many.slice(0, LIMITS.endpointsPerPeerMax), 'what is dropped takes no place')
  t.match(decodeControl(encodeControl({ ...HELLO, endpoints: many })), { endpoints: many.slice(0, 16) })
})

const REQUEST = { sessionId: ID, host: 'db.internal', port: 5432, client: '192.0.2.1:50000' }
const REQUEST_HEX = `0a10 ${toHex(ID)} 120b 64622e696e7465726e616c 18b82a 220f 3139322e302e322e313a3530303030`

t.test('an open has its bytes, and is read from them', async t => {
  t.equal(toHex(encodeOpenRequest(REQUEST)), REQUEST_HEX.replaceAll(' ', ''))
  t.same(decodeOpenRequest(hex(REQUEST_HEX)), REQUEST)
  t.same(decodeOpenRequest(hex(`${REQUEST_HEX} 2801 3a00`)), REQUEST, 'with fields of a newer version')
  t.match(decodeOpenRequest(hex(REQUEST_HEX.slice(0, -35))), { client: '' }, 'without the client')
})

t.test('what is kept of an open or a Hello keeps no record in memory', async t => {
  const within = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc(60_000)]).subarray(0, bytes.length)
  const { sessionId } = decodeOpenRequest(within(hex(REQUEST_HEX)))
  const hello = decodeControl(within(encodeControl({ ...HELLO, knownIncarnation: ID }))) as Hello
  for (const kept of [sessionId, hello.incarnation, hello.knownIncarnation])
    t.equal(kept.buffer.byteLength, kept.length)
})

t.test('an open that is cut is refused, wherever; only the client may be missing', async t => {
  const whole = hex(REQUEST_HEX)
  const withoutClient = whole.length - 17
  for (let bytes = 0; bytes < whole.length; bytes++) {
    const cut = whole.subarray(0, bytes)
    if (bytes === withoutClient) t.doesNotThrow(() => decodeOpenRequest(cut))
    else t.throws(() => decodeOpenRequest(cut), { code: 'PROTOCOL_VIOLATION' }, `cut at ${bytes}`)
  }
})

t.test('an open without a sound session ID, host or port is refused', async t => {
  const faults: Partial<typeof REQUEST>[] = [
    { sessionId: NONE },
    { sessionId: new Uint8Array(15) },
    { sessionId: new Uint8Array(17) },
    { host: '' },
    { host: 'a b' },
    { host: 'a\nb' },
    { host: 'é' },
    { host: 'a'.repeat(LIMITS.hostBytesMax + 1) },
    { port: 0 },
    { port: 65_536 },
    { client: 'a\nb' },
    { client: 'a'.repeat(LIMITS.hostBytesMax + 1) },
  ]
  for (const fault of faults) {
    const bytes = encodeOpenRequest({ ...REQUEST, ...fault })
    t.throws(() => decodeOpenRequest(bytes), { code: 'PROTOCOL_VIOLATION' }, JSON.stringify(fault).slice(0, 60))
  }
  for (const port of [1, 65_535]) t.match(decodeOpenRequest(encodeOpenRequest({ ...REQUEST, port })), { port })
})

t.test('an answer to an open has its bytes, and is read from them', async t => {
  const connected = { code: 0, remote: '192.0.2.1:80' }
  t.equal(toHex(encodeOpenResult(connected)), '120c3139322e302e322e313a3830')
  t.equal(toHex(encodeOpenResult({ code: 7, remote: '' })), '0807')
  t.same(decodeOpenResult(hex('0800120c3139322e302e322e313a3830')), connected)
  t.same(decodeOpenResult(hex('0807 1a00')), { code: 7, remote: '' })
  t.same(decodeOpenResult(NONE), { code: 0, remote: '' })
  t.throws(() => decodeOpenResult(hex('0800120c31')), { code: 'PROTOCOL_VIOLATION' })
  t.throws(() => decodeOpenResult(encodeOpenResult({ code: 0, remote: 'a\nb' })), { code: 'PROTOCOL_VIOLATION' })
})

t.test('the answer’s code is none for a connection, else the cause', async t => {
  t.equal(codeOfOpenResult(0), undefined)
  t.equal(codeOfOpenResult(0x07), 'REFUSED')
  t.equal(codeOfOpenResult(0xffff), 'PROTOCOL_VIOLATION')
})
