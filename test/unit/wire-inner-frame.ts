import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { concatBytes, toHex } from '../../src/wire/bytes.ts'
import {
  ackFrame,
  controlFrame,
  DATA_OVERHEAD_BYTES,
  dataHeader,
  FLAG_FIN,
  FLAG_OPEN,
  goneFrame,
  OFFSET_MAX,
  readInnerFrames,
  resetFrame,
} from '../../src/wire/inner-frame.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const REF_MAX = 2 ** 48 - 1

/** What a record in these pieces says, in order. */
function read(...record: Uint8Array[]): string[] {
  const frames: string[] = []
  readInnerFrames(record, {
    onData: (ref, offset, flags, parts) => frames.push(`data ${ref} ${offset} ${flags} ${toHex(concatBytes(parts))}`),
    onAck: (ref, received, limit) => frames.push(`ack ${ref} ${received} ${limit}`),
    onReset: (ref, code, finalOffset) => frames.push(`reset ${ref} ${code} ${finalOffset}`),
    onGone: ref => frames.push(`gone ${ref}`),
    onControl: body => frames.push(`control ${toHex(body)}`),
  })
  return frames
}

const DATA = '10 000011 000000000002 02 00000000000005 616263'
const ACK = '11 000014 000000000003 00000000000008 00000000004001'
const RESET = '12 00000f 000000000004 0007 00000000000009'
const GONE = '13 000006 000000000005'
const CONTROL = '14 000003 420033'

t.test('DATA is ref, flags, offset and payload, byte for byte', async t => {
  t.equal(toHex(dataHeader(2, 5, FLAG_FIN, 3)), DATA.slice(0, -6).replaceAll(' ', ''))
  t.same(read(hex(DATA)), ['data 2 5 2 616263'])
  t.equal(toHex(dataHeader(REF_MAX, OFFSET_MAX, FLAG_OPEN, 0x010000)), `1001000e${'ff'.repeat(6)}01${'1fffffffffffff'}`)
  t.equal(dataHeader(1, 1, 0, 0).length, DATA_OVERHEAD_BYTES)
  t.same(read(dataHeader(1, 1, 0, 0)), ['data 1 1 0 '], 'without payload')
})

t.test('ACK is ref, received offset and limit, byte for byte', async t => {
  t.equal(toHex(ackFrame(3, 8, 0x4001)), ACK.replaceAll(' ', ''))
  t.same(read(hex(ACK)), ['ack 3 8 16385'])
  t.same(read(ackFrame(REF_MAX, OFFSET_MAX, OFFSET_MAX)), [`ack ${REF_MAX} ${OFFSET_MAX} ${OFFSET_MAX}`])
})

t.test('RESET is ref, code and final offset, byte for byte', async t => {
  t.equal(toHex(resetFrame(4, 7, 9)), RESET.replaceAll(' ', ''))
  t.same(read(hex(RESET)), ['reset 4 7 9'])
})

t.test('GONE is a ref, CONTROL is a message, byte for byte', async t => {
  t.equal(toHex(goneFrame(5)), GONE.replaceAll(' ', ''))
  t.same(read(hex(GONE)), ['gone 5'])
  t.equal(toHex(controlFrame(hex('420033'))), CONTROL.replaceAll(' ', ''))
  t.same(read(hex(CONTROL)), ['control 420033'])
})

const ALL = hex(DATA + ACK + RESET + GONE + CONTROL)
const SAYS = ['data 2 5 2 616263', 'ack 3 8 16385', 'reset 4 7 9', 'gone 5', 'control 420033']

t.test('a record is read the same in whatever pieces it lies', async t => {
  t.same(read(ALL), SAYS)
  for (let cut = 0; cut <= ALL.length; cut++) {
    for (let next = cut; next <= ALL.length; next++) {
      const pieces = [ALL.subarray(0, cut), ALL.subarray(cut, next), ALL.subarray(next)]
      if (read(...pieces).join() !== SAYS.join()) t.fail(`cut at ${cut} and ${next}`)
    }
  }
  t.same(read(...Array.from(ALL, byte => Uint8Array.of(byte))), SAYS, 'byte by byte')
  t.same(read(), [], 'an empty record')
})

t.test('a record that ends inside a frame is refused, wherever it ends', async t => {
  const ends = new Set([0, 21, 45, 64, 74, 81])
  t.equal(ALL.length, 81)
  for (let bytes = 0; bytes <= ALL.length; bytes++) {
    const cut = ALL.subarray(0, bytes)
    if (ends.has(bytes)) t.doesNotThrow(() => read(cut), `${bytes} bytes`)
    else t.throws(() => read(cut), { code: 'PROTOCOL_VIOLATION' }, `${bytes} bytes`)
  }
})

t.test('a body too short for its type is refused, though its record is whole', async t => {
  for (const [type, bytes] of [
    [0x10, 14],
    [0x11, 20],
    [0x12, 15],
    [0x13, 6],
  ] as const) {
    const frame = (length: number) => concatBytes([Uint8Array.of(type, 0, 0, length), new Uint8Array(length)])
    t.equal(read(frame(bytes)).length, 1)
    for (let short = 0; short < bytes; short++) {
      t.throws(() => read(frame(short), hex(GONE), hex(ACK)), { code: 'PROTOCOL_VIOLATION', message: /is cut/ })
    }
  }
})

t.test('bytes behind a known body are skipped, and so are frames of unknown types', async t => {
  const longer = '11 000016 000000000003 00000000000008 00000000004001 ffff'
  const longReset = '12 000010 000000000004 0007 00000000000009 ff'
  const longGone = '13 000008 000000000005 ffff'
  const unknown = ['0f 000000', '15 000003 ffffff', 'ff 000001 00', '00 000000'].join('')
  t.same(read(hex(unknown + longer + unknown + longReset + longGone + unknown)), [
    'ack 3 8 16385',
    'reset 4 7 9',
    'gone 5',
  ])
})

t.test('an offset of 2^53 or more is refused in every place', async t => {
  const big = '20000000000000'
  const frames = [
    `10 00000e 000000000002 00 ${big}`,
    `11 000014 000000000003 ${big} 00000000004001`,
    `11 000014 000000000003 00000000000008 ${big}`,
    `12 00000f 000000000004 0007 ${big}`,
    '12 00000f 000000000004 0007 ffffffffffffff',
  ]
  for (const frame of frames) t.throws(() => read(hex(frame)), { code: 'PROTOCOL_VIOLATION', message: /2\^53/ }, frame)
})

t.test('a control message of 4 KiB passes, one byte more is refused', async t => {
  t.equal(read(controlFrame(new Uint8Array(LIMITS.controlBytesMax))).length, 1)
  t.throws(() => read(controlFrame(new Uint8Array(LIMITS.controlBytesMax + 1))), {
    code: 'PROTOCOL_VIOLATION',
    message: /4097/,
  })
})

t.test('payload is handed on as slices, never copied', async t => {
  const record = hex(DATA)
  readInnerFrames([record.subarray(0, 19), record.subarray(19)], {
    onData: (_ref, _offset, _flags, parts) => {
      t.same(
        parts.map(part => part.length),
        [1, 2],
      )
      for (const part of parts) t.equal(part.buffer, record.buffer)
    },
    onAck: () => t.fail(),
    onReset: () => t.fail(),
    onGone: () => t.fail(),
    onControl: () => t.fail(),
  })
  t.plan(3)
})
