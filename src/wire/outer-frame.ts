/**
 * Outer frames: what a carrier carries.
 *
 *     +--------+----------------------+------------------+
 *     | type 1 | body length 3 (BE)   | body             |
 *     +--------+----------------------+------------------+
 *
 *     0x01 CRYPTO   TLS 1.3 handshake bytes (as in RFC 9001)
 *     0x02 RESUME   handle 16, dialer's nonce 32
 *     0x03 ACCEPT   acceptor's nonce 32
 *     0x04 EARLY    sealed record under the 0-RTT key of a RESUME
 *     0x05 RECORD   sealed record
 *     0x06 CLOSE    code 2; not authenticated: ends this carrier, never a session
 *
 * The header of EARLY and RECORD is the AAD of its record, so a frame cannot change its type or length.
 */

import { blocks } from '../base/blocks.ts'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength, getUint, putUint } from './bytes.ts'

export const OUTER = { CRYPTO: 0x01, RESUME: 0x02, ACCEPT: 0x03, EARLY: 0x04, RECORD: 0x05, CLOSE: 0x06 } as const
export type OuterType = (typeof OUTER)[keyof typeof OUTER]

export const OUTER_HEADER_BYTES = 4

export interface OuterFrame {
  readonly type: OuterType
  /** The four header bytes as they came. */
  readonly header: Uint8Array
  /** The body in the pieces it arrived in, or in one where the pieces could not be kept. */
  readonly body: readonly Uint8Array[]
}

export function outerHeader(type: OuterType, bodyBytes: number): Uint8Array {
  const header = new Uint8Array(OUTER_HEADER_BYTES)
  putOuterHeader(header, type, bodyBytes)
  return header
}

export function putOuterHeader(header: Uint8Array, type: OuterType, bodyBytes: number): void {
  header[0] = type
  putUint(header, 1, 3, bodyBytes)
}

/** @returns header and body, ready to be written one after the other. */
export function outerFrame(type: OuterType, ...body: Uint8Array[]): Uint8Array[] {
  let bytes = 0
  for (const part of body) bytes += part.length
  return [outerHeader(type, bytes), ...body]
}

/**
 * Cuts a byte stream into outer frames, keeping slices of what was pushed.
 * Memory is bounded by one frame (LIMITS.frameBytesMax) plus the last chunk.
 */
export class OuterFrameParser {
  #header = new Uint8Array(OUTER_HEADER_BYTES)
  #headerBytes = 0
  #body: Uint8Array[] = []
  #missing = 0
  /** The body of the incomplete frame, once it was copied: `#missing` bytes of it are still to come. */
  #kept: Uint8Array | undefined

  /**
   * Reads `chunk` and hands every whole frame to `onFrame`, in order.
   * @throws RemoteError FRAME_TOO_LARGE or FRAME_MALFORMED; the parser is of no use afterwards.
   */
  push(chunk: Uint8Array, onFrame: (frame: OuterFrame) => void): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#headerBytes < OUTER_HEADER_BYTES) {
        this.#header[this.#headerBytes++] = chunk[at++]!
        if (this.#headerBytes < OUTER_HEADER_BYTES) continue
        this.#missing = this.#readHeader()
      } else {
        const part = chunk.subarray(at, at + this.#missing)
        if (this.#kept === undefined) this.#body.push(part)
        else this.#kept.set(part, this.#kept.length - this.#missing)
        this.#missing -= part.length
        at += part.length
      }
      if (this.#missing === 0) this.#emit(onFrame)
    }
  }

  /** What was pushed may be overwritten after this: the part of a frame that is not whole yet is copied. */
  keepRest(): void {
    if (this.#body.length === 0) return
    const bytes = byteLength(this.#body)
    this.#kept = blocks.take(bytes + this.#missing)
    let at = 0
    for (const part of this.#body) {
      this.#kept.set(part, at)
      at += part.length
    }
    this.#body = []
  }

  #readHeader(): number {
    const type = this.#header[0]!
    if (type < OUTER.CRYPTO || type > OUTER.CLOSE) {
      throw new RemoteError(
        'FRAME_MALFORMED',
        `frame type 0x${type.toString(16)} is unknown: this is not a holdfast peer`,
      )
    }
    const bytes = getUint(this.#header, 1, 3)
    if (OUTER_HEADER_BYTES + bytes > LIMITS.frameBytesMax) {
      throw new RemoteError('FRAME_TOO_LARGE', `a frame of ${bytes} bytes exceeds ${LIMITS.frameBytesMax}`)
    }
    return bytes
  }

  #emit(onFrame: (frame: OuterFrame) => void): void {
    const frame = {
      type: this.#header[0] as OuterType,
      header: this.#header,
      body: this.#kept === undefined ? this.#body : [this.#kept],
    }
    const kept = this.#kept
    this.#kept = undefined
    this.#header = new Uint8Array(OUTER_HEADER_BYTES)
    this.#headerBytes = 0
    this.#body = []
    onFrame(frame)
    if (kept !== undefined) blocks.give(kept)
  }
}
