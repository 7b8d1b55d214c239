import t from 'tap'
import { byteLength, compareBytes, concatBytes, equalBytes, getUint, putUint, toHex } from '../../src/wire/bytes.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))

t.test('integers are big-endian, in any width up to 53 bits', async t => {
  const goldens: readonly [number, number, string][] = [
    [1, 0, '00'],
    [1, 255, 'ff'],
    [2, 0x0102, '0102'],
    [3, 0x010203, '010203'],
    [4, 0xdeadbeef, 'deadbeef'],
    [6, 0x0102_0304_0506, '010203040506'],
    [7, Number.MAX_SAFE_INTEGER, '1fffffffffffff'],
    [7, 2 ** 32, '00000100000000'],
  ]
  for (const [width, value, golden] of goldens) {
    const bytes = new Uint8Array(width)
    putUint(bytes, 0, width, value)
    t.equal(toHex(bytes), golden)
    t.equal(getUint(bytes, 0, width), value)
  }
})

t.test('an integer is written at its place and nowhere else', async t => {
  const bytes = hex('ffffffffff')
  putUint(bytes, 1, 3, 1)
  t.equal(toHex(bytes), 'ff000001ff')
  t.equal(getUint(bytes, 3, 2), 0x01ff)
})

t.test('joins parts in order, and does not copy a single one', async t => {
  t.equal(toHex(concatBytes([])), '')
  t.equal(toHex(concatBytes([hex('01'), hex(''), hex('0203')])), '010203')
  const only = hex('0102')
  t.equal(concatBytes([only]), only)
  t.equal(byteLength([hex('01'), hex(''), hex('0203')]), 3)
  t.equal(byteLength([]), 0)
})

t.test('bytes are equal when length and every byte are', async t => {
  t.ok(equalBytes(hex(''), hex('')))
  t.ok(equalBytes(hex('0102'), hex('0102')))
  t.notOk(equalBytes(hex('0102'), hex('0103')))
  t.notOk(equalBytes(hex('0102'), hex('01')))
  t.notOk(equalBytes(hex('01'), hex('0102')))
})

t.test('byte order is that of the first difference, then of the length', async t => {
  t.equal(Math.sign(compareBytes(hex('01ff'), hex('02'))), -1)
  t.equal(Math.sign(compareBytes(hex('02'), hex('01ff'))), 1)
  t.equal(Math.sign(compareBytes(hex('80'), hex('7f'))), 1, 'bytes are unsigned')
  t.equal(Math.sign(compareBytes(hex('01'), hex('0100'))), -1)
  t.equal(Math.sign(compareBytes(hex('0100'), hex('01'))), 1)
  t.equal(compareBytes(hex('0102'), hex('0102')), 0)
})
