/**
 * A stream of outer frames, cut at places that its first bytes choose.
 *
 * - It is read, or refused with FRAME_MALFORMED or FRAME_TOO_LARGE and nothing else.
 * - However it is cut, the same frames come out, and the same refusal after them.
 * - The frames are the stream: header and body of each, one after the other, are what came in.
 * - No frame is longer than LIMITS.frameBytesMax.
 */
import { strict as assert } from 'node:assert'
import type { Code } from '../../../src/base/codes.ts'
import { LIMITS } from '../../../src/base/limits.ts'
import { byteLength, concatBytes, equalBytes } from '../../../src/wire/bytes.ts'
import { OUTER, OUTER_HEADER_BYTES, OuterFrameParser, outerFrame } from '../../../src/wire/outer-frame.ts'
import { Random } from '../../support/random.ts'
import { refusalOf } from '../judge.ts'
import type { Prepared, Target } from '../target.ts'

const CUTS_BYTES = 4
const PIECE_BYTES_MAX = 40

export const outerFrames: Target = {
  name: 'outer-frames',
  inputBytesMax: 4_096,
  msBase: 50,
  msPerKib: 20,
  batch: 64,
  prepare: async () => ({ seeds: seeds(), run }) satisfies Prepared,
}

function seeds(): Uint8Array[] {
  const cuts = Uint8Array.of(0, 0, 0, 1)
  const frames = Object.values(OUTER).map((type, i) => concatBytes(outerFrame(type, new Uint8Array(i * 17).fill(type))))
  return [...frames, concatBytes(frames)].map(stream => concatBytes([cuts, stream]))
}

function run(input: Uint8Array): void {
  const seed = concatBytes([input.subarray(0, CUTS_BYTES)]).reduce((sum, byte) => sum * 256 + byte, 0)
  const stream = input.subarray(CUTS_BYTES)
  const whole = read([stream])
  const cut = read(pieces(stream, new Random(seed)))
  assert.deepEqual(cut, whole, 'cuts change what is read')
  const taken = concatBytes(whole.frames)
  assert(equalBytes(taken, stream.subarray(0, taken.length)), 'the frames are not the stream')
  assert(whole.code !== undefined || stream.length - taken.length < LIMITS.frameBytesMax)
}

function read(chunks: readonly Uint8Array[]): { frames: Uint8Array[]; code: Code | undefined } {
  const parser = new OuterFrameParser()
  const frames: Uint8Array[] = []
  const code = refusalOf(() => {
    for (const chunk of chunks) {
      parser.push(chunk, ({ header, body }) => {
        assert(OUTER_HEADER_BYTES + byteLength(body) <= LIMITS.frameBytesMax)
        frames.push(concatBytes([header, ...body]))
      })
    }
  }, ['FRAME_MALFORMED', 'FRAME_TOO_LARGE'])
  return { frames, code }
}

function pieces(stream: Uint8Array, random: Random): Uint8Array[] {
  const cut: Uint8Array[] = []
  for (let at = 0; at < stream.length; ) {
    const bytes = random.int(1, PIECE_BYTES_MAX)
    cut.push(stream.subarray(at, at + bytes))
    at += bytes
  }
  return cut
}
