/**
 * The receiving half of a stream: takes pieces from any carrier, in any order, any number of times, and gives the
 * application each byte once, in order.
 *
 * Old carriers speak late, so a piece may be a duplicate, overlap what came, or lie beyond a gap. Gaps last only while the
 * tail of an old carrier is still on its way; adjoining pieces behind one are kept as one segment, so segments are few.
 */
import type { WireCode } from '../base/codes.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength } from '../wire/bytes.ts'

interface Segment {
  readonly offset: number
  end: number
  readonly parts: Uint8Array[]
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
    const seen = Math.max(this.isFinReceived ? this.received - 1 : this.received, ...this.#segments.map(one => one.end))
    if (offset < seen || (this.finalOffset !== undefined && this.finalOffset !== offset)) return true
    this.finalOffset = offset
    return false
  }

  /** @returns false when the peer leaves more gaps than a limit allows */
  #keep(offset: number, end: number, parts: readonly Uint8Array[]): boolean {
    const from = Math.max(offset, this.received)
    const fresh = skip(parts, from - offset)
    const before = this.#segments.findLast(segment => segment.offset <= from)
    if (before !== undefined && before.end >= end) return true
    if (before !== undefined && before.end >= from) {
      before.parts.push(...ownBytes(skip(fresh, before.end - from)))
      before.end = end
      return true
    }
    if (from > this.received && this.#segments.length >= LIMITS.inboxGapsMax) return false
    const isInOrder = from === this.received && this.#segments.length === 0
    const segment = { offset: from, end, parts: isInOrder ? fresh : ownBytes(fresh) }
    const at = this.#segments.findIndex(other => other.offset > from)
    this.#segments.splice(at === -1 ? this.#segments.length : at, 0, segment)
    return true
  }

  #advance(): Uint8Array[] {
    const ordered: Uint8Array[] = []
    while (this.#segments.length > 0 && this.#segments[0]!.offset <= this.received) {
      const segment = this.#segments.shift()!
      if (segment.end <= this.received) continue
      ordered.push(...skip(segment.parts, this.received - segment.offset))
      this.received = segment.end
    }
    if (this.#hasFin && !this.isFinReceived && this.received === this.finalOffset) {
      this.isFinReceived = true
      this.received++
    }
    return ordered
  }
}

/** `parts` without their first `bytes`. */
function skip(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  let missing = bytes
  for (const part of parts) {
    if (missing >= part.length) missing -= part.length
    else {
      rest.push(missing === 0 ? part : part.subarray(missing))
      missing = 0
    }
  }
  return rest
}

/** What is kept counts with the memory it pins: a slice smaller than half its buffer is copied. */
function ownBytes(parts: readonly Uint8Array[]): Uint8Array[] {
  return parts.map(part => (part.length * 2 < part.buffer.byteLength ? part.slice() : part))
}
