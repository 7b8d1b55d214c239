/**
 * Inner frames: the plaintext of a record holds several whole ones.
 *
 *     +--------+----------------+---------------------------------------------------+
 *     | type 1 | body length 3  | body                                              |
 *     +--------+----------------+---------------------------------------------------+
 *     0x10 DATA     ref 6, flags 1, offset 7, bytes      flags: 0x01 OPEN, 0x02 FIN
 *     0x11 ACK      ref 6, received offset 7, limit 7
 *     0x12 RESET    ref 6, code 2, final offset 7
 *     0x13 GONE     ref 6
 *     0x14 CONTROL  one protobuf message (proto/holdfast/v1/control.proto)
 *
 * All integers are big-endian. Unknown types are skipped, and so are bytes behind a known body, so that both can grow.
 * A body that is too short is the peer's fault: PROTOCOL_VIOLATION.
 */
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength, concatBytes, getUint, putUint } from './bytes.ts'

export const INNER = { DATA: 0x10, ACK: 0x11, RESET: 0x12, GONE: 0x13, CONTROL: 0x14 } as const
export const FLAG_OPEN = 0x01
export const FLAG_FIN = 0x02

const HEADER_BYTES = 4
const DATA_FIXED_BYTES = 14
const ACK_BYTES = 20
const RESET_BYTES = 15
const GONE_BYTES = 6
/** Header bytes in front of the payload of a DATA frame. */
export const DATA_OVERHEAD_BYTES = HEADER_BYTES + DATA_FIXED_BYTES
/** Offsets stay below this; beyond, the session is reset with OFFSET_EXHAUSTED. */
export const OFFSET_MAX = Number.MAX_SAFE_INTEGER

/** Receives the frames of one record, in order. */
export interface InnerFrameVisitor {
  onData(ref: number, offset: number, flags: number, payload: readonly Uint8Array[]): void
  onAck(ref: number, received: number, limit: number): void
  onReset(ref: number, code: number, finalOffset: number): void
  onGone(ref: number): void
  onControl(body: Uint8Array): void
}

/** @returns the header of a DATA frame; `payloadBytes` of payload follow it. */
export function dataHeader(ref: number, offset: number, flags: number, payloadBytes: number): Uint8Array {
  const frame = startFrame(INNER.DATA, DATA_FIXED_BYTES, DATA_FIXED_BYTES + payloadBytes, ref)
  frame[10] = flags
  putUint(frame, 11, 7, offset)
  return frame
}

export function ackFrame(ref: number, received: number, limit: number): Uint8Array {
  const frame = startFrame(INNER.ACK, ACK_BYTES, ACK_BYTES, ref)
  putUint(frame, 10, 7, received)
  putUint(frame, 17, 7, limit)
  return frame
}

export function resetFrame(ref: number, code: number, finalOffset: number): Uint8Array {
  const frame = startFrame(INNER.RESET, RESET_BYTES, RESET_BYTES, ref)
  putUint(frame, 10, 2, code)
  putUint(frame, 12, 7, finalOffset)
  return frame
}

export function goneFrame(ref: number): Uint8Array {
  return startFrame(INNER.GONE, GONE_BYTES, GONE_BYTES, ref)
}

export function controlFrame(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + body.length)
  frame[0] = INNER.CONTROL
  putUint(frame, 1, 3, body.length)
  frame.set(body, HEADER_BYTES)
  return frame
}

/**
 * Reads the frames of one record. Payload is handed on as slices, never copied.
 * @throws RemoteError PROTOCOL_VIOLATION when the record does not hold whole, well-formed frames
 */
export function readInnerFrames(record: readonly Uint8Array[], visitor: InnerFrameVisitor): void {
  const rope = new Rope(record)
  while (rope.left > 0) {
    const header = rope.take(HEADER_BYTES)
    const length = getUint(header, 1, 3)
    if (length > rope.left) throw new RemoteError('PROTOCOL_VIOLATION', 'an inner frame is longer than its record')
    const end = rope.left - length
    readBody(header[0]!, length, rope, visitor)
    rope.skip(rope.left - end)
  }
}

function readBody(type: number, length: number, rope: Rope, visitor: InnerFrameVisitor): void {
  const need = (bytes: number): Uint8Array => {
    if (length < bytes)
      throw new RemoteError('PROTOCOL_VIOLATION', `an inner frame of type 0x${type.toString(16)} is cut`)
    return rope.take(bytes)
  }
  if (type === INNER.DATA) {
    const fixed = need(DATA_FIXED_BYTES)
    const payload = rope.slices(length - DATA_FIXED_BYTES)
    visitor.onData(getUint(fixed, 0, 6), offsetAt(fixed, 7), fixed[6]!, payload)
  } else if (type === INNER.ACK) {
    const fixed = need(ACK_BYTES)
    visitor.onAck(getUint(fixed, 0, 6), offsetAt(fixed, 6), offsetAt(fixed, 13))
  } else if (type === INNER.RESET) {
    const fixed = need(RESET_BYTES)
    visitor.onReset(getUint(fixed, 0, 6), getUint(fixed, 6, 2), offsetAt(fixed, 8))
  } else if (type === INNER.GONE) {
    visitor.onGone(getUint(need(GONE_BYTES), 0, 6))
  } else if (type === INNER.CONTROL) {
    if (length > LIMITS.controlBytesMax) {
      throw new RemoteError(
        'PROTOCOL_VIOLATION',
        `a control message of ${length} bytes exceeds ${LIMITS.controlBytesMax}`,
      )
    }
    visitor.onControl(concatBytes(rope.slices(length)))
  }
}

function offsetAt(bytes: Uint8Array, at: number): number {
  const offset = getUint(bytes, at, 7)
  if (offset > OFFSET_MAX) throw new RemoteError('PROTOCOL_VIOLATION', 'an offset of 2^53 or more')
  return offset
}

function startFrame(type: number, fixedBytes: number, bodyBytes: number, ref: number): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + fixedBytes)
  frame[0] = type
  putUint(frame, 1, 3, bodyBytes)
  putUint(frame, HEADER_BYTES, 6, ref)
  return frame
}

/** A cursor over the pieces of a record. */
class Rope {
  left: number
  readonly #pieces: readonly Uint8Array[]
  #piece = 0
  #at = 0

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces
    this.left = byteLength(pieces)
  }

  /** The next `bytes` in one piece; copies only where they straddle two. */
  take(bytes: number): Uint8Array {
    if (bytes > this.left) throw new RemoteError('PROTOCOL_VIOLATION', 'a record ends inside a frame header')
    return concatBytes(this.slices(bytes))
  }

  slices(bytes: number): Uint8Array[] {
    const slices: Uint8Array[] = []
    let missing = bytes
    while (missing > 0) {
      const piece = this.#pieces[this.#piece]!
      const slice = piece.subarray(this.#at, this.#at + missing)
      if (slice.length > 0) slices.push(slice)
      missing -= slice.length
      this.#at += slice.length
      if (this.#at === piece.length) {
        this.#piece++
        this.#at = 0
      }
    }
    this.left -= bytes
    return slices.length === 0 ? [EMPTY] : slices
  }

  skip(bytes: number): void {
    if (bytes > 0) this.slices(bytes)
  }
}

const EMPTY = new Uint8Array(0)
