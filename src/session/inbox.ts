/**
 * The receiving half of a stream: takes pieces from any carrier, in any order, any number of times, and gives the
 * application each byte once, in order.
 *
 * Old carriers speak late, so a piece may be a duplicate, overlap what came, or lie beyond a gap. Gaps last only while the
 * tail of an old carrier is still on its way; adjoining pieces behind one are kept as one segment, so segments are few, and
 * small ones are gathered, so that what is kept costs at most a few times its bytes.
 */
import type { WireCode } from '../base/codes.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength, copyBytes } from '../wire/bytes.ts'

/** A piece up to this size is gathered with its neighbours, in blocks that double up to the second. */
const SMALL_BYTES = 2_048
const BLOCK_BYTES = 16_384

interface Segment {
  readonly offset: number
  end: number
  readonly parts: Uint8Array[]
  /** The block that the last part is a view of, while there is room behind it. */
  block: Uint8Array | undefined
}

export class Inbox {
  /** Everything below has come; the value of our acknowledgements. Includes the open and the FIN. */
  received = 0
  /** Bytes the application's kernel has taken, as an offset. */
  consumed = 1
  /** The offset behind the last byte, once a FIN or a RESET has named it. */
  finalOffset: number | undefined
  isFinReceived = false
  #hasFin = false
  #segments: Segment[] = []

  /** Bytes given to the application side and not yet taken by its kernel. */
  get unconsumedBytes(): number {
    return Math.max(0, Math.min(this.received, this.finalOffset ?? this.received) - this.consumed)
  }

  /**
   * Takes the bytes of one piece behind the open.
   * @param limit what was granted: bytes at or above it are the peer's fault
   * @returns the bytes that are now in order, or the code of the peer's fault
   */
  receive(offset: number, parts: readonly Uint8Array[], hasFin: boolean, limit: number): Uint8Array[] | WireCode {
    const end = offset + byteLength(parts)
    // Offset 0 is the open's.
    if (offset === 0) return 'PROTOCOL_VIOLATION'
    if (end > limit) return 'LIMIT_EXCEEDED'
    const fault = hasFin ? this.nameFinal(end) : this.finalOffset !== undefined && end > this.finalOffset
    if (fault) return 'FINAL_OFFSET_CHANGED'
    if (hasFin) this.#hasFin = true
    if (end > this.received && !this.#keep(offset, end, parts)) return 'PROTOCOL_VIOLATION'
    return this.#advance()
  }

  /** The open has come: offset 0. @returns false when it came before */
  receiveOpen(): boolean {
    if (this.received > 0) return false
    this.received = 1
    return true
  }

  /** A FIN or RESET names the end of the stream. @returns true when that contradicts what is known */
  nameFinal(offset: number): boolean {
    const seen = Math.max(this.isFinReceived ? this.received - 1 : this.received, this.#segments.at(-1)?.end ?? 0)
    if (offset < seen || (this.finalOffset !== undefined && this.finalOffset !== offset)) return true
    this.finalOffset = offset
    return false
  }

  /** Keeps what is new between `offset` and `end`. @returns false when the peer leaves more gaps than a limit allows */
  #keep(offset: number, end: number, parts: readonly Uint8Array[]): boolean {
    let from = Math.max(offset, this.received)
    let index = this.#segments.findLastIndex(segment => segment.offset <= from)
    const isNext = from === this.received && this.#segments.length === 0
    while (from < end) {
      const before = this.#segments[index]
      const next = this.#segments[index + 1]
      if (before !== undefined && before.end > from) from = before.end
      else {
        const to = Math.min(end, next?.offset ?? end)
        const fresh = slice(parts, from - offset, to - offset)
        if (before?.end === from) extend(before, to, fresh)
        else if (from > this.received && this.#segments.length >= LIMITS.inboxGapsMax) return false
        else this.#segments.splice(++index, 0, newSegment(from, to, fresh, isNext))
        this.#join(index)
        from = to
      }
    }
    return true
  }

  /** With the next segment, where no gap is left between them. */
  #join(index: number): void {
    const [segment, next] = this.#segments.slice(index, index + 2)
    if (segment === undefined || next === undefined || next.offset !== segment.end) return
    for (const part of next.parts) segment.parts.push(part)
    segment.end = next.end
    segment.block = next.block
    this.#segments.splice(index + 1, 1)
  }

  #advance(): Uint8Array[] {
    const ordered: Uint8Array[] = []
    while (this.#segments.length > 0 && this.#segments[0]!.offset === this.received) {
      const segment = this.#segments.shift()!
      for (const part of segment.parts) ordered.push(part)
      this.received = segment.end
    }
    if (this.#hasFin && !this.isFinReceived && this.received === this.finalOffset) {
      this.isFinReceived = true
      this.received++
    }
    return ordered
  }
}

/** @param isPassing whether it is handed on at once: then nothing is copied */
function newSegment(offset: number, end: number, parts: readonly Uint8Array[], isPassing: boolean): Segment {
  const segment: Segment = { offset, end: offset, parts: isPassing ? [...parts] : [], block: undefined }
  if (isPassing) segment.end = end
  else extend(segment, end, parts)
  return segment
}

/** Appends. What is kept counts with the memory it pins: a slice smaller than half its buffer is copied. */
function extend(segment: Segment, end: number, parts: readonly Uint8Array[]): void {
  segment.end = end
  for (const part of parts) {
    if (part.length <= SMALL_BYTES) gather(segment, part)
    else {
      segment.parts.push(part.length * 2 < part.buffer.byteLength ? copyBytes(part) : part)
      segment.block = undefined
    }
  }
}

function gather(segment: Segment, part: Uint8Array): void {
  const { block, parts } = segment
  const used = block === undefined ? 0 : parts[parts.length - 1]!.length
  if (block !== undefined && used + part.length <= block.length) {
    block.set(part, used)
    parts[parts.length - 1] = block.subarray(0, used + part.length)
    return
  }
  const bytes = Math.min(BLOCK_BYTES, Math.max(part.length, 2 * (block?.length ?? 0)))
  segment.block = new Uint8Array(bytes)
  segment.block.set(part)
  parts.push(segment.block.subarray(0, part.length))
}

/** The bytes of `parts` from `from` up to `to`. */
function slice(parts: readonly Uint8Array[], from: number, to: number): Uint8Array[] {
  const slices: Uint8Array[] = []
  let at = 0
  for (const part of parts) {
    if (at >= to) break
    const piece = part.subarray(Math.max(0, from - at), to - at)
    if (piece.length > 0) slices.push(piece)
    at += part.length
  }
  return slices
}
