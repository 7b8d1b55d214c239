import t from 'tap'
import { Bug } from '../../src/base/assert.ts'
import { blocks } from '../../src/base/blocks.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { lengthOf, Outbox } from '../../src/session/outbox.ts'
import { concatBytes, toHex } from '../../src/wire/bytes.ts'
import { FLAG_FIN, FLAG_OPEN } from '../../src/wire/inner-frame.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))

/** An outbox with the open `0f` appended. */
function opened(limit = 100): Outbox {
  const outbox = new Outbox(limit)
  outbox.open(hex('0f'))
  return outbox
}

/** An outbox whose open, bytes and FIN were all sent once. */
function sent(bytes: string, limit = 100): Outbox {
  const outbox = opened(limit)
  outbox.append(hex(bytes))
  outbox.finish()
  drain(outbox)
  return outbox
}

/** The next piece as `offset flags payload`. */
function next(outbox: Outbox, bytesMax = 1_000, isReplayOnly = false): string | undefined {
  const piece = outbox.next(bytesMax, isReplayOnly)
  if (piece === undefined) return undefined
  const payload = concatBytes(piece.payload)
  t.equal(payload.length, piece.payloadBytes, 'says how long its payload is')
  return `${piece.offset} ${piece.flags} ${toHex(payload)}`
}

function drain(outbox: Outbox, bytesMax?: number, isReplayOnly?: boolean): string[] {
  const pieces: string[] = []
  for (let piece = next(outbox, bytesMax, isReplayOnly); piece; piece = next(outbox, bytesMax, isReplayOnly))
    pieces.push(piece)
  return pieces
}

t.test('the open is offset 0, bytes follow, and the FIN takes one offset behind them', async t => {
  const outbox = opened()
  t.equal(outbox.end, 1)
  outbox.append(hex('aabb'))
  outbox.finish()
  t.match(outbox, { end: 4, bytesEnd: 3, isFinished: true, bufferedBytes: 2 })
  t.same(drain(outbox), [`0 ${FLAG_OPEN} 0f`, `1 ${FLAG_FIN} aabb`])
  t.equal(outbox.sent, 4)
})

t.test('nothing is there to send before the open', async t => {
  const outbox = new Outbox(100)
  t.notOk(outbox.isOpened || outbox.isOpenPending || outbox.hasNext(false))
  t.equal(next(outbox), undefined)
  t.equal(outbox.bufferedBytes, 0)
})

t.test('a misuse by our own side is a bug', async t => {
  t.throws(() => new Outbox(1).append(hex('aa')), Bug, 'bytes before the open')
  t.throws(() => opened().open(hex('0f')), Bug, 'a second open')
  t.throws(() => opened().ack(1), Bug, 'an acknowledgement of what was never sent')
  const finished = opened()
  finished.finish()
  t.throws(() => finished.append(hex('aa')), Bug, 'bytes behind the FIN')
})

t.test('finishing twice is finishing once, and no bytes take no offset', async t => {
  const outbox = opened()
  outbox.append(hex(''))
  t.equal(outbox.end, 1)
  outbox.finish()
  outbox.finish()
  t.equal(outbox.end, 2)
  t.same(drain(outbox), [`0 ${FLAG_OPEN} 0f`, `1 ${FLAG_FIN} `])
})

t.test('a piece is at most as long as asked', async t => {
  const outbox = opened()
  outbox.append(hex('aabbccddee'))
  outbox.finish()
  t.same(drain(outbox, 2), [`0 ${FLAG_OPEN} 0f`, '1 0 aabb', '3 0 ccdd', `5 ${FLAG_FIN} ee`])
})

t.test('a piece that just takes the last byte carries the FIN too', async t => {
  const outbox = opened()
  outbox.append(hex('aabb'))
  outbox.finish()
  t.same(drain(outbox, 2), [`0 ${FLAG_OPEN} 0f`, `1 ${FLAG_FIN} aabb`])
})

t.test('the FIN goes alone when it comes after the last byte has left', async t => {
  const outbox = opened()
  outbox.append(hex('aabb'))
  drain(outbox)
  t.notOk(outbox.hasNext(false))
  outbox.finish()
  t.ok(outbox.hasNext(false))
  t.same(drain(outbox), [`3 ${FLAG_FIN} `])
})

t.test('bytes wait for the limit; the open and the FIN do not', async t => {
  const outbox = opened(2)
  outbox.append(hex('aabb'))
  t.same(drain(outbox), [`0 ${FLAG_OPEN} 0f`, '1 0 aa'])
  t.notOk(outbox.hasNext(false))
  outbox.limit = 3
  t.same(drain(outbox), ['2 0 bb'])
  outbox.finish()
  t.same(drain(outbox), [`3 ${FLAG_FIN} `], 'the FIN is no byte')
  const blocked = opened(0)
  t.same(drain(blocked), [`0 ${FLAG_OPEN} 0f`], 'the open is no byte either')
})

t.test('the FIN does not overtake bytes that wait for the limit', async t => {
  const outbox = opened(1)
  outbox.append(hex('aa'))
  outbox.finish()
  t.same(drain(outbox), [`0 ${FLAG_OPEN} 0f`])
  outbox.limit = 2
  t.same(drain(outbox), [`1 ${FLAG_FIN} aa`])
})

t.test('only an acknowledgement trims, and a stale one changes nothing', async t => {
  const outbox = sent('aabbccdd')
  t.equal(outbox.ack(3), 3)
  t.match(outbox, { acked: 3, bufferedBytes: 2 })
  t.equal(outbox.ack(3), 0)
  t.equal(outbox.ack(1), 0)
  t.match(outbox, { acked: 3, bufferedBytes: 2 })
  t.equal(outbox.ack(5), 2)
  t.notOk(outbox.isAllAcked, 'the FIN is not acknowledged')
  t.equal(outbox.ack(6), 1)
  t.ok(outbox.isAllAcked)
  t.equal(outbox.bufferedBytes, 0)
})

t.test('the open is pending until it is acknowledged', async t => {
  const outbox = opened()
  t.ok(outbox.isOpened && outbox.isOpenPending)
  drain(outbox)
  t.ok(outbox.isOpenPending)
  t.equal(outbox.ack(1), 1)
  t.notOk(outbox.isOpenPending)
})

t.test('a replay repeats exactly what was sent and not acknowledged, then new bytes follow', async t => {
  const outbox = opened()
  outbox.append(hex('aabbcc'))
  drain(outbox)
  outbox.ack(2)
  outbox.append(hex('dd'))
  outbox.replay()
  t.ok(outbox.isReplaying)
  t.same(drain(outbox), ['2 0 bbcc', '4 0 dd'])
  t.notOk(outbox.isReplaying)
})

t.test('a replay includes open and FIN, and may be cut anywhere', async t => {
  for (let bytesMax = 1; bytesMax <= 4; bytesMax++) {
    const outbox = sent('aabbcc')
    outbox.replay()
    const pieces = drain(outbox, bytesMax, true)
    t.equal(pieces[0], `0 ${FLAG_OPEN} 0f`)
    t.match(pieces.at(-1), new RegExp(`^\\d ${FLAG_FIN} `))
    t.equal(
      pieces
        .slice(1)
        .map(piece => piece.split(' ')[2])
        .join(''),
      'aabbcc',
    )
  }
})

t.test('a replay of the FIN alone repeats it', async t => {
  const outbox = sent('aabb')
  outbox.ack(3)
  outbox.replay()
  t.same(drain(outbox), [`3 ${FLAG_FIN} `])
})

t.test('a replay up to an offset repeats nothing above it', async t => {
  const outbox = sent('aabbcc')
  outbox.replay(3)
  t.same(drain(outbox), [`0 ${FLAG_OPEN} 0f`, '1 0 aabb'])
  outbox.replay(1)
  t.same(drain(outbox), [`0 ${FLAG_OPEN} 0f`], 'not even where an earlier replay went further')
  outbox.replay(99)
  t.same(drain(outbox), [`0 ${FLAG_OPEN} 0f`, `1 ${FLAG_FIN} aabbcc`], 'never more than was sent')
})

t.test('a replay does not name an end that came after it', async t => {
  const outbox = opened()
  outbox.append(hex('aa'))
  drain(outbox)
  outbox.replay()
  outbox.finish()
  t.same(drain(outbox, 1_000, true), [`0 ${FLAG_OPEN} 0f`, '1 0 aa'], 'while only a replay may go')
  t.same(drain(outbox), [`2 ${FLAG_FIN} `])
})

t.test('while only a replay may go, nothing new does', async t => {
  const outbox = opened()
  t.notOk(outbox.hasNext(true), 'an open that never left is new')
  t.equal(next(outbox, 1_000, true), undefined)
  drain(outbox)
  outbox.append(hex('aa'))
  t.notOk(outbox.hasNext(true))
  outbox.replay()
  t.same(drain(outbox, 1_000, true), [`0 ${FLAG_OPEN} 0f`])
  t.ok(outbox.hasNext(false))
})

t.test('an acknowledgement in the midst of a replay is not repeated past', async t => {
  const outbox = sent('aabbcc')
  outbox.replay()
  t.equal(next(outbox, 1), `0 ${FLAG_OPEN} 0f`)
  outbox.ack(3)
  t.same(drain(outbox), [`3 ${FLAG_FIN} cc`])
  outbox.replay()
  outbox.ack(5)
  t.notOk(outbox.isReplaying, 'nothing is left to repeat')
})

t.test('a second replay begins anew', async t => {
  const outbox = sent('aabbcc')
  outbox.replay()
  next(outbox)
  next(outbox, 1)
  outbox.replay()
  t.same(drain(outbox), [`0 ${FLAG_OPEN} 0f`, `1 ${FLAG_FIN} aabbcc`])
})

t.test('a reset drops the FIN and the bytes beyond the limit, and names what is left as the end', async t => {
  const outbox = opened(3)
  outbox.append(hex('aabb'))
  outbox.append(hex('cc'.repeat(3_000)))
  outbox.finish()
  t.equal(outbox.truncate(), 3)
  t.match(outbox, { end: 3, bytesEnd: 3, isFinished: false, bufferedBytes: 2 })
  t.same(drain(outbox), [`0 ${FLAG_OPEN} 0f`, '1 0 aabb'])
})

t.test('a reset keeps all bytes when the limit lets them go', async t => {
  const outbox = opened(100)
  outbox.append(hex('aabb'))
  t.equal(outbox.truncate(), 3)
  t.same(drain(outbox), [`0 ${FLAG_OPEN} 0f`, '1 0 aabb'])
})

t.test('a reset after the FIN has left takes it back, also from the replay', async t => {
  const outbox = sent('aabb')
  outbox.replay()
  t.equal(outbox.truncate(), 3)
  t.match(outbox, { sent: 3, end: 3 })
  t.same(drain(outbox), [`0 ${FLAG_OPEN} 0f`, '1 0 aabb'])
})

t.test('a reset before the limit came never goes below what was sent', async t => {
  const outbox = opened(100)
  outbox.append(hex('aabb'))
  drain(outbox)
  outbox.limit = 1
  t.equal(outbox.truncate(), 3)
})

t.test('small writes are gathered in blocks, large ones are kept as they came', async t => {
  const outbox = opened(1_000_000)
  const small = (byte: number) => new Uint8Array(100).fill(byte)
  for (let i = 0; i < 300; i++) outbox.append(small(i & 0xff))
  const large = new Uint8Array(5_000).fill(7)
  outbox.append(large)
  outbox.append(small(9))
  next(outbox)
  const piece = outbox.next(1_000_000, false)!
  t.ok(piece.payload.length < 8, `300 writes of 100 bytes lie in ${piece.payload.length} chunks`)
  t.ok(piece.payload.some(part => part.buffer === large.buffer))
  const expected = [...Array.from({ length: 300 }, (_, i) => small(i & 0xff)), large, small(9)]
  t.ok(Buffer.from(concatBytes(piece.payload)).equals(Buffer.concat(expected)))
})

t.test('what is gathered behind a chunk already sent or acknowledged is not lost', async t => {
  const outbox = opened(1_000_000)
  outbox.append(hex('aa'))
  outbox.append(hex('bb'))
  drain(outbox)
  outbox.ack(3)
  outbox.append(hex('cc'))
  t.same(drain(outbox), ['3 0 cc'])
  outbox.append(hex('dd'))
  t.same(drain(outbox), ['4 0 dd'])
  outbox.replay()
  t.same(drain(outbox), ['3 0 ccdd'])
})

t.test('a piece takes as many offsets as its bytes, and one for open or FIN', async t => {
  const outbox = opened()
  outbox.append(hex('aabb'))
  t.equal(lengthOf(outbox.next(10, false)!), 1)
  t.equal(lengthOf(outbox.next(10, false)!), 2)
  outbox.finish()
  t.equal(lengthOf(outbox.next(10, false)!), 1)
  outbox.replay()
  outbox.next(10, false)
  t.equal(lengthOf(outbox.next(10, false)!), 3)
})

t.test('what is discarded is neither kept nor sent again', async t => {
  const outbox = sent('aabbcc')
  outbox.truncate()
  outbox.discard()
  t.equal(outbox.bufferedBytes, 0)
  outbox.replay()
  t.notOk(outbox.hasNext(false))
  t.notOk(outbox.isOpenPending)
})

t.test('a block is given back when its last byte is acknowledged, not before', async t => {
  const outbox = new Outbox(1 + 2 * LIMITS.dataBytesMax)
  const block = blocks.take(LIMITS.dataBytesMax)
  outbox.open(Uint8Array.of(1))
  outbox.append(block)
  while (outbox.next(LIMITS.dataBytesMax, false) !== undefined);
  outbox.ack(LIMITS.dataBytesMax)
  t.not(blocks.take(LIMITS.dataBytesMax).buffer, block.buffer)
  outbox.ack(1 + LIMITS.dataBytesMax)
  t.equal(blocks.take(LIMITS.dataBytesMax).buffer, block.buffer)
})
