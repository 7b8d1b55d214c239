/**
 * The plaintext of one record: inner frames.
 *
 * - It is read, or refused with PROTOCOL_VIOLATION and nothing else.
 * - Refs are below 2^48, offsets below 2^53; a control message has at most LIMITS.controlBytesMax.
 * - However the record is cut into pieces, the same frames come out.
 * - Payload adds up to no more than the record: nothing is read twice.
 */
import { strict as assert } from 'node:assert'
import { LIMITS } from '../../../src/base/limits.ts'
import { byteLength, concatBytes, toHex } from '../../../src/wire/bytes.ts'
import {
  ackFrame,
  controlFrame,
  dataHeader,
  FLAG_FIN,
  FLAG_OPEN,
  goneFrame,
  OFFSET_MAX,
  readInnerFrames,
  resetFrame,
} from '../../../src/wire/inner-frame.ts'
import { refusalOf } from '../judge.ts'
import type { Target } from '../target.ts'

const REF_MAX = 2 ** 48 - 1

export const innerFrames: Target = {
  name: 'inner-frames',
  inputBytesMax: 8_192,
  msBase: 50,
  msPerKib: 20,
  batch: 64,
  prepare: async () => ({ seeds: seeds(), run }),
}

function seeds(): Uint8Array[] {
  const payload = new Uint8Array(20).fill(7)
  const frames = [
    concatBytes([dataHeader(2, 0, FLAG_OPEN, payload.length), payload]),
    concatBytes([dataHeader(REF_MAX, OFFSET_MAX, FLAG_FIN, payload.length), payload]),
    ackFrame(3, 5, 16_385),
    resetFrame(4, 0x10, 77),
    goneFrame(6),
    controlFrame(payload),
  ]
  return [...frames, concatBytes(frames)]
}

function run(input: Uint8Array): void {
  const whole = read([input])
  const halves = [input.subarray(0, input.length >> 1), new Uint8Array(0), input.subarray(input.length >> 1)]
  assert.deepEqual(read(halves), whole)
  assert.deepEqual(read(Array.from(input, (_, at) => input.subarray(at, at + 1))), whole)
}

function read(record: readonly Uint8Array[]): string[] {
  const seen: string[] = []
  let bytes = 0
  const note = (ref: number, offsets: readonly number[], text: string) => {
    assert(ref >= 0 && ref <= REF_MAX && offsets.every(offset => offset >= 0 && offset <= OFFSET_MAX))
    seen.push(`${text} ${ref} ${offsets}`)
  }
  const code = refusalOf(() => {
    readInnerFrames(record, {
      onData: (ref, offset, flags, payload) => {
        bytes += byteLength(payload)
        note(ref, [offset], `data ${flags} ${toHex(concatBytes(payload))}`)
      },
      onAck: (ref, received, limit) => note(ref, [received, limit], 'ack'),
      onReset: (ref, code, finalOffset) => note(ref, [finalOffset], `reset ${code}`),
      onGone: ref => note(ref, [], 'gone'),
      onControl: body => {
        assert(body.length <= LIMITS.controlBytesMax)
        bytes += body.length
        seen.push(`control ${toHex(body)}`)
      },
    })
  }, ['PROTOCOL_VIOLATION'])
  assert(bytes <= byteLength(record))
  return [...seen, `${code}`]
}
