import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Inbox } from '../../src/session/inbox.ts'
import { concatBytes, toHex } from '../../src/wire/bytes.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))
const LIMIT = 100_000

/** An inbox whose open has come. */
function opened(): Inbox {
  const inbox = new Inbox()
  inbox.receiveOpen()
  return inbox
}

/** Hands a piece over; in order bytes as hex, else the code. */
function receive(inbox: Inbox, offset: number, bytes: string, hasFin = false, limit = LIMIT): string {
  const answer = inbox.receive(offset, [hex(bytes)], hasFin, limit)
  return typeof answer === 'string' ? answer : toHex(concatBytes(answer))
}

t.test('the open is offset 0 and counts once', async t => {
  const inbox = new Inbox()
  t.equal(inbox.received, 0)
  t.ok(inbox.receiveOpen())
  t.equal(inbox.received, 1)
  t.notOk(inbox.receiveOpen())
  t.equal(inbox.received, 1)
  t.equal(inbox.unconsumedBytes, 0)
})

t.test('bytes in order are handed over as they come', async t => {
  const inbox = opened()
  t.equal(receive(inbox, 1, 'aabb'), 'aabb')
  t.equal(receive(inbox, 3, 'cc'), 'cc')
  t.match(inbox, { received: 4, unconsumedBytes: 3 })
  inbox.consumed += 2
  t.equal(inbox.unconsumedBytes, 1)
})

t.test('bytes that come again are handed over once', async t => {
  const inbox = opened()
  receive(inbox, 1, 'aabbcc')
  t.equal(receive(inbox, 1, 'aabbcc'), '', 'all of it')
  t.equal(receive(inbox, 2, 'bb'), '', 'the middle')
  t.equal(receive(inbox, 3, 'ccdd'), 'dd', 'the end of it, and more')
  t.equal(receive(inbox, 1, ''), '', 'nothing')
  t.equal(inbox.received, 5)
})

t.test('bytes behind a gap wait until it is filled', async t => {
  const inbox = opened()
  t.equal(receive(inbox, 3, 'cc'), '')
  t.equal(inbox.received, 1)
  t.equal(receive(inbox, 5, 'ee'), '')
  t.equal(receive(inbox, 1, 'aabb'), 'aabbcc')
  t.equal(inbox.received, 4)
  t.equal(receive(inbox, 4, 'dd'), 'ddee')
})

t.test('bytes before the open wait for it', async t => {
  const inbox = new Inbox()
  t.equal(receive(inbox, 1, 'aa'), '')
  t.equal(inbox.received, 0)
  inbox.receiveOpen()
  t.equal(receive(inbox, 1, ''), 'aa')
})

t.test('pieces that overlap what waits, on either side or both, are merged', async t => {
  for (const [offset, bytes] of [
    [4, 'dd'],
    [5, 'ee'],
    [6, 'ff'],
    [3, 'ccddee'],
    [5, 'eeff'],
    [3, 'ccddeeff11'],
    [4, 'ddeeff'],
  ] as const) {
    const inbox = opened()
    receive(inbox, 4, 'ddeeff')
    t.equal(receive(inbox, offset, bytes), '')
    const all = receive(inbox, 1, 'aabbcc') + receive(inbox, 7, '11')
    t.equal(all, 'aabbccddeeff11', `${offset} ${bytes}`)
  }
})

t.test('a piece that spans several that wait is merged with all of them', async t => {
  const inbox = opened()
  receive(inbox, 3, 'cc')
  receive(inbox, 5, 'ee')
  receive(inbox, 7, '11')
  t.equal(receive(inbox, 2, 'bbccddeeff11'), '')
  t.equal(receive(inbox, 1, 'aa'), 'aabbccddeeff11')
  const other = opened()
  receive(other, 3, 'cc')
  receive(other, 5, 'ee')
  t.equal(receive(other, 1, 'aabbccddeeff'), 'aabbccddeeff')
})

t.test('every order of every cut gives the same bytes, each once', async t => {
  const pieces = [
    [1, 'aabb'],
    [2, 'bbcc'],
    [4, 'dd'],
    [3, 'ccddee'],
    [1, 'aa'],
  ] as const
  for (const order of permutations(pieces)) {
    const inbox = opened()
    const all = order.map(([offset, bytes]) => receive(inbox, offset, bytes)).join('')
    if (all !== 'aabbccddee') t.fail(`${JSON.stringify(order)} gave ${all}`)
  }
  t.pass('120 orders')
})

t.test('the FIN takes one offset, once all before it has come', async t => {
  const inbox = opened()
  t.equal(receive(inbox, 3, 'cc', true), '')
  t.match(inbox, { isFinReceived: false, finalOffset: 4, received: 1 })
  t.equal(receive(inbox, 1, 'aabb'), 'aabbcc')
  t.match(inbox, { isFinReceived: true, received: 5, unconsumedBytes: 3 })
  t.equal(receive(inbox, 3, 'cc', true), '', 'again')
  t.equal(receive(inbox, 4, '', true), '', 'alone')
  t.match(inbox, { isFinReceived: true, received: 5 })
})

t.test('a stream without bytes ends at its open', async t => {
  const inbox = opened()
  t.equal(receive(inbox, 1, '', true), '')
  t.match(inbox, { isFinReceived: true, received: 2, finalOffset: 1, unconsumedBytes: 0 })
})

t.test('two different ends of stream are a fault', async t => {
  const inbox = opened()
  receive(inbox, 1, 'aabb', true)
  t.equal(receive(inbox, 1, 'aa', true), 'FINAL_OFFSET_CHANGED', 'an earlier one')
  t.equal(receive(inbox, 3, 'cc', true), 'FINAL_OFFSET_CHANGED', 'a later one')
  t.equal(receive(inbox, 3, 'cc'), 'FINAL_OFFSET_CHANGED', 'bytes behind the end')
  t.ok(inbox.nameFinal(2))
  t.ok(inbox.nameFinal(4))
  t.notOk(inbox.nameFinal(3))
})

t.test('an end below bytes that came, or wait behind a gap, is a fault', async t => {
  const inbox = opened()
  receive(inbox, 1, 'aa')
  receive(inbox, 5, 'ee')
  t.equal(receive(inbox, 1, '', true), 'FINAL_OFFSET_CHANGED')
  t.equal(receive(inbox, 3, 'cc', true), 'FINAL_OFFSET_CHANGED')
  t.ok(inbox.nameFinal(5))
  t.notOk(inbox.nameFinal(6))
  t.equal(receive(inbox, 4, 'ddeeff'), 'FINAL_OFFSET_CHANGED', 'bytes behind a named end')
})

t.test('a named end without FIN is no FIN', async t => {
  const inbox = opened()
  t.notOk(inbox.nameFinal(2))
  t.equal(receive(inbox, 1, 'aa'), 'aa')
  t.match(inbox, { isFinReceived: false, received: 2 })
})

t.test('bytes up to the limit are taken, one more is a fault', async t => {
  const inbox = opened()
  t.equal(receive(inbox, 1, 'aabb', false, 3), 'aabb')
  t.equal(receive(inbox, 3, '', true, 3), '', 'the FIN is no byte')
  const other = opened()
  t.equal(receive(other, 1, 'aabb', false, 2), 'LIMIT_EXCEEDED')
  t.equal(receive(other, 2, 'bb', true, 2), 'LIMIT_EXCEEDED')
  t.match(other, { received: 1, finalOffset: undefined }, 'and changes nothing')
})

t.test('more gaps than an honest peer leaves are a fault', async t => {
  const inbox = opened()
  for (let i = 0; i < LIMITS.inboxGapsMax; i++) t.equal(receive(inbox, 3 + 2 * i, 'aa'), '')
  t.equal(receive(inbox, 3 + 2 * LIMITS.inboxGapsMax, 'aa'), 'PROTOCOL_VIOLATION')
  t.equal(receive(inbox, 3, 'aabb'), '', 'what adjoins is no further gap')
})

t.test('a small slice that waits does not pin the large buffer it came in', async t => {
  const inbox = opened()
  const large = new Uint8Array(65_536)
  large.fill(0xbb)
  inbox.receive(2, [large.subarray(0, 10)], false, LIMIT)
  inbox.receive(12, [large.subarray(10, 65_536)], false, LIMIT)
  const parts = inbox.receive(1, [hex('aa')], false, LIMIT) as Uint8Array[]
  t.equal(concatBytes(parts).length, 1 + 65_536)
  t.equal(parts.filter(part => part.buffer === large.buffer).length, 1, 'only what is most of its buffer stays in it')
})

t.test('bytes in order are handed on without a copy', async t => {
  const inbox = opened()
  const large = new Uint8Array(65_536)
  const parts = inbox.receive(1, [large.subarray(0, 10)], false, LIMIT) as Uint8Array[]
  t.equal(parts[0]?.buffer, large.buffer)
})

t.test('a gap at its limit can still be filled by the bytes that are next in order', async t => {
  const inbox = opened()
  for (let i = 0; i < LIMITS.inboxGapsMax; i++) receive(inbox, 3 + 2 * i, 'aa')
  t.equal(receive(inbox, 1, 'cc'), 'cc', 'the next byte in order makes no gap')
  t.equal(receive(inbox, 2, 'bb'), 'bbaa')
})

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map(rest => [item, ...rest]))
}

t.test('a piece that spans what has come keeps only what is new, in whatever parts it comes', async t => {
  const inbox = opened()
  receive(inbox, 5, '0506')
  receive(inbox, 9, '090a')
  const parts = ['02', '0304', '050607', '0809', '0a0b', '0c'].map(hex)
  inbox.receive(2, parts, false, LIMIT)
  t.equal(receive(inbox, 1, '01'), '0102030405060708090a0b0c')
  t.equal(inbox.received, 13)
})

t.test('pieces that overlap behind a gap cost no more than their bytes', async t => {
  const inbox = opened()
  const bytes = 16_000
  for (let from = 63; from >= 0; from--) inbox.receive(2 + from, [new Uint8Array(bytes - from)], false, LIMIT)
  const [, ...kept] = inbox.receive(1, [hex('01')], false, LIMIT) as Uint8Array[]
  const pinned = new Set(kept.map(part => part.buffer))
  const pinnedBytes = [...pinned].reduce((sum, buffer) => sum + buffer.byteLength, 0)
  t.equal(inbox.received, 2 + bytes)
  t.ok(pinnedBytes < 2 * bytes, `${pinnedBytes} bytes are pinned`)
})

t.test('behind a gap, large slices of larger buffers are copied, and whole buffers are not', async t => {
  const inbox = opened()
  // As a record is that was opened; its slice() would be a view.
  const buffer = Buffer.alloc(20_000)
  const whole = new Uint8Array(5_000)
  inbox.receive(2, [buffer.subarray(0, 4_000), whole], false, LIMIT)
  const parts = inbox.receive(1, [hex('01')], false, LIMIT) as Uint8Array[]
  t.notOk(parts.some(part => part.buffer === buffer.buffer))
  t.ok(parts.some(part => part.buffer === whole.buffer))
})

t.test('bytes at offset 0 are the peer’s fault: the open alone has that place', async t => {
  t.equal(receive(new Inbox(), 0, 'aa'), 'PROTOCOL_VIOLATION')
  t.equal(receive(opened(), 0, 'aabb'), 'PROTOCOL_VIOLATION')
})
