import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { concatBytes, toHex } from '../../src/wire/bytes.ts'
import { OUTER, OUTER_HEADER_BYTES, OuterFrameParser, outerFrame, outerHeader } from '../../src/wire/outer-frame.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** What a parser makes of these chunks: `type header body` for each frame. */
function parse(...chunks: Uint8Array[]): string[] {
  const frames: string[] = []
  const parser = new OuterFrameParser()
  for (const chunk of chunks) {
    parser.push(chunk, ({ type, header, body }) => frames.push(`${type} ${toHex(header)} ${toHex(concatBytes(body))}`))
  }
  return frames
}

t.test('a frame is one byte of type, three of length, and its body', async t => {
  const golden = (type: Parameters<typeof outerFrame>[0], ...body: string[]) =>
    toHex(concatBytes(outerFrame(type, ...body.map(hex))))
  t.equal(golden(OUTER.CRYPTO, '1603'), '01000002' + '1603')
  t.equal(golden(OUTER.RESUME, 'aa'.repeat(16), 'bb'.repeat(32)), `02000030${'aa'.repeat(16)}${'bb'.repeat(32)}`)
  t.equal(golden(OUTER.ACCEPT, 'cc'.repeat(32)), `03000020${'cc'.repeat(32)}`)
  t.equal(golden(OUTER.EARLY, '01', '02', '03'), '04000003010203')
  t.equal(golden(OUTER.RECORD), '05000000')
  t.equal(golden(OUTER.CLOSE, '0101'), '060000020101')
  t.equal(toHex(outerHeader(OUTER.RECORD, 0x01fffc)), '0501fffc')
  t.equal(OUTER_HEADER_BYTES, 4)
})

const STREAM = hex('01000002 1603  05000000  05000003 010203  06000002 0101')
const FRAMES = ['1 01000002 1603', '5 05000000 ', '5 05000003 010203', '6 06000002 0101']

t.test('frames are read the same wherever the stream was cut', async t => {
  t.same(parse(STREAM), FRAMES)
  for (let cut = 0; cut <= STREAM.length; cut++) {
    for (let next = cut; next <= STREAM.length; next++) {
      const chunks = [STREAM.subarray(0, cut), STREAM.subarray(cut, next), STREAM.subarray(next)]
      if (parse(...chunks).join() !== FRAMES.join()) t.fail(`cut at ${cut} and ${next}`)
    }
  }
  t.same(parse(...Array.from(STREAM, byte => Uint8Array.of(byte))), FRAMES, 'byte by byte')
})

t.test('after keepRest() what was pushed may be overwritten', async t => {
  for (let cut = 0; cut <= STREAM.length; cut++) {
    for (let next = cut; next <= STREAM.length; next++) {
      const frames: string[] = []
      const parser = new OuterFrameParser()
      for (const chunk of [STREAM.slice(0, cut), STREAM.slice(cut, next), STREAM.slice(next)]) {
        parser.push(chunk, ({ type, header, body }) =>
          frames.push(`${type} ${toHex(header)} ${toHex(concatBytes(body))}`),
        )
        parser.keepRest()
        chunk.fill(0xee)
      }
      if (frames.join() !== FRAMES.join()) t.fail(`cut at ${cut} and ${next}: ${frames.join()}`)
    }
  }
})

t.test('nothing is told of a frame before its last byte has come', async t => {
  const frame = hex('05000003 010203')
  for (let bytes = 0; bytes < frame.length; bytes++) t.same(parse(frame.subarray(0, bytes)), [], `${bytes} bytes`)
})

t.test('the body is slices of what came, not copies', async t => {
  const chunk = hex('05000003 010203')
  new OuterFrameParser().push(chunk, ({ body }) => t.equal(body[0]?.buffer, chunk.buffer))
  t.plan(1)
})

t.test('each frame keeps its own header', async t => {
  const headers: Uint8Array[] = []
  new OuterFrameParser().push(STREAM, ({ header }) => headers.push(header))
  t.same(headers.map(toHex), ['01000002', '05000000', '05000003', '06000002'])
})

t.test('an unknown type is refused as soon as its header has come: this is no peer of ours', async t => {
  for (const type of [0x00, 0x07, 0x16, 0x47, 0xff]) {
    t.throws(() => parse(Uint8Array.of(type, 0, 0, 0)), { code: 'FRAME_MALFORMED' }, `type ${type}`)
  }
  t.throws(() => parse(Buffer.from('GET / HTTP/1.1\r\n')), { code: 'FRAME_MALFORMED', message: /0x47/ })
  t.same(parse(hex('070000')), [], 'three bytes tell nothing yet')
})

t.test('a frame of 128 KiB passes, one byte more is refused by its header', async t => {
  const body = LIMITS.frameBytesMax - OUTER_HEADER_BYTES
  t.equal(parse(outerHeader(OUTER.RECORD, body), new Uint8Array(body)).length, 1)
  t.throws(() => parse(outerHeader(OUTER.RECORD, body + 1)), { code: 'FRAME_TOO_LARGE', message: /131069.*131072/ })
  t.throws(() => parse(hex('05ffffff')), { code: 'FRAME_TOO_LARGE' })
})
