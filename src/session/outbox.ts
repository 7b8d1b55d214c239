/**
 * The sending half of a stream, kept until the peer has acknowledged it.
 *
 *     0        1                                  end-1    end
 *     | open   | bytes ...                        | FIN    |
 *              ^acked            ^sent
 *     trimmed  | kept for replay | not yet sent          |
 *
 * Sequence space as in TCP (design: "one sequence space"): offset 0 is the open, bytes follow, FIN takes one offset.
 * Only an acknowledgement trims; nothing is ever dropped by size, so a peer that comes late can always recover.
 * `replay*` is a second cursor below `sent`: what has to go out again because the carrier that took it was lost.
 */
import { assert } from '../base/assert.ts'
import { blocks } from '../base/blocks.ts'
import { FLAG_FIN, FLAG_OPEN } from '../wire/inner-frame.ts'

/** Small writes are gathered in blocks of this size, so that a count of chunks cannot outgrow the count of bytes. */
const BLOCK_BYTES = 16_384
const SMALL_BYTES = 2_048

interface Chunk {
  readonly offset: number
  bytes: Uint8Array
  /** The block `bytes` is a view of, while there is room behind it. */
  readonly block: Uint8Array | undefined
}

/** One piece of the stream, as a DATA frame carries it. */
export interface OutboxPiece {
  readonly offset: number
  readonly flags: number
  readonly payload: readonly Uint8Array[]
  readonly payloadBytes: number
}

export class Outbox {
  /** Everything below is acknowledged. Never falls. */
  acked = 0
  /** Greatest offset ever handed to a carrier, exclusive. */
  sent = 0
  /** Next offset to be appended; includes the open and, once finished, the FIN. */
  end = 0
  isFinished = false
  /** The peer takes bytes below this. Never falls. */
  limit: number
  #replayNext = 0
  #replayEnd = 0
  #open: Uint8Array | undefined
  #chunks: Chunk[] = []

  constructor(limit: number) {
    this.limit = limit
  }

  /** Bytes of the application not yet acknowledged. */
  get bufferedBytes(): number {
    const first = Math.max(this.acked, 1)
    return Math.max(0, this.bytesEnd - first)
  }

  /** End of the bytes: `end` without the FIN. */
  get bytesEnd(): number {
    return this.isFinished ? this.end - 1 : this.end
  }

  get isOpened(): boolean {
    return this.end > 0
  }

  get isAllAcked(): boolean {
    return this.isFinished && this.acked === this.end
  }

  /** The open has been appended and is not acknowledged yet. */
  get isOpenPending(): boolean {
    return this.end > 0 && this.acked === 0
  }

  open(body: Uint8Array): void {
    assert(this.end === 0, 'the open is offset 0')
    this.#open = body
    this.end = 1
  }

  /** Takes ownership of `bytes`; of a block, these must be the only ones in use. */
  append(bytes: Uint8Array): void {
    assert(this.end > 0 && !this.isFinished, 'bytes come after the open and before the FIN')
    if (bytes.length === 0) return
    if (bytes.length < SMALL_BYTES && this.#chunks.length > 0) this.#gather(bytes)
    else this.#chunks.push({ offset: this.end, bytes, block: undefined })
    this.end += bytes.length
  }

  finish(): void {
    assert(this.end > 0, 'the FIN comes after the open')
    if (this.isFinished) return
    this.isFinished = true
    this.end++
  }

  /** Forgets what a reset will never deliver: bytes beyond the peer's limit, and the FIN. @returns the final offset */
  truncate(): number {
    const final = Math.min(this.bytesEnd, Math.max(this.limit, this.sent))
    this.isFinished = false
    this.end = final
    this.sent = Math.min(this.sent, final)
    this.#replayEnd = Math.min(this.#replayEnd, final)
    this.#chunks = this.#chunks.filter(chunk => chunk.offset < final)
    return final
  }

  /** After `truncate`: forgets what was kept for replay too. The peer will miss it, and its reset does not wait for ever. */
  discard(): void {
    this.acked = this.end
    this.sent = this.end
    this.#replayEnd = 0
    this.#open = undefined
    this.#chunks = []
  }

  /** Trims up to `offset`, and gives blocks back. @returns how far the acknowledgement advanced; 0 for a stale one */
  ack(offset: number): number {
    if (offset <= this.acked) return 0
    assert(offset <= this.sent, 'an acknowledgement above what was sent is the session’s to refuse')
    const advanced = offset - this.acked
    this.acked = offset
    this.#open = undefined
    this.#replayNext = Math.max(this.#replayNext, offset)
    let gone = 0
    for (; gone < this.#chunks.length && chunkEnd(this.#chunks[gone]!) <= offset; gone++) {
      blocks.give(this.#chunks[gone]!.bytes)
    }
    if (gone > 0) this.#chunks.splice(0, gone)
    return advanced
  }

  /** What was sent up to `upTo` and is not acknowledged goes out again, first. */
  replay(upTo: number = this.sent): void {
    const end = Math.min(upTo, this.sent)
    this.#replayEnd = this.isReplaying ? Math.max(this.#replayEnd, end) : end
    this.#replayNext = this.acked
  }

  get isReplaying(): boolean {
    return this.#replayNext < this.#replayEnd
  }

  /** Something could be sent now. `isReplayOnly`: nothing beyond what went out before. */
  hasNext(isReplayOnly: boolean): boolean {
    if (this.isReplaying) return true
    if (isReplayOnly || this.sent >= this.end) return false
    return this.sent === 0 || this.sent < Math.min(this.limit, this.bytesEnd) || this.#isFinNext()
  }

  /** Takes the next piece of at most `bytesMax` bytes, replay first. @returns undefined when nothing may go */
  next(bytesMax: number, isReplayOnly: boolean): OutboxPiece | undefined {
    if (!this.hasNext(isReplayOnly)) return undefined
    const isReplay = this.isReplaying
    const from = isReplay ? this.#replayNext : this.sent
    const piece = from === 0 ? this.#openPiece() : this.#bytesPiece(from, bytesMax, isReplay)
    const to = from + lengthOf(piece)
    if (isReplay) this.#replayNext = to
    if (to > this.sent) this.sent = to
    return piece
  }

  #isFinNext(): boolean {
    return this.isFinished && this.sent === this.bytesEnd
  }

  #openPiece(): OutboxPiece {
    assert(this.#open !== undefined, 'the open is kept until it is acknowledged')
    return { offset: 0, flags: FLAG_OPEN, payload: [this.#open], payloadBytes: this.#open.length }
  }

  #bytesPiece(from: number, bytesMax: number, isReplay: boolean): OutboxPiece {
    const bound = isReplay ? Math.min(this.#replayEnd, this.bytesEnd) : Math.min(this.limit, this.bytesEnd)
    const to = Math.max(from, Math.min(from + bytesMax, bound))
    const hasFin = this.isFinished && to === this.bytesEnd && (!isReplay || this.#replayEnd > to)
    return {
      offset: from,
      flags: hasFin ? FLAG_FIN : 0,
      payload: this.#slices(from, to),
      payloadBytes: to - from,
    }
  }

  #slices(from: number, to: number): Uint8Array[] {
    const slices: Uint8Array[] = []
    for (let i = this.#find(from); i < this.#chunks.length; i++) {
      const { offset, bytes } = this.#chunks[i]!
      if (offset >= to) break
      slices.push(bytes.subarray(Math.max(0, from - offset), to - offset))
    }
    return slices
  }

  /** Index of the chunk that holds `offset`, by bisection. */
  #find(offset: number): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (chunkEnd(this.#chunks[middle]!) <= offset) low = middle + 1
      else high = middle
    }
    return low
  }

  #gather(bytes: Uint8Array): void {
    const last = this.#chunks.at(-1)!
    const room = last.block === undefined ? 0 : last.block.length - last.bytes.length
    if (last.block !== undefined && room >= bytes.length) {
      last.block.set(bytes, last.bytes.length)
      last.bytes = last.block.subarray(0, last.bytes.length + bytes.length)
      return
    }
    const block = new Uint8Array(BLOCK_BYTES)
    block.set(bytes)
    this.#chunks.push({ offset: this.end, bytes: block.subarray(0, bytes.length), block })
  }
}

/** How many offsets a piece takes. */
export function lengthOf(piece: OutboxPiece): number {
  if ((piece.flags & FLAG_OPEN) !== 0) return 1
  return piece.payloadBytes + ((piece.flags & FLAG_FIN) !== 0 ? 1 : 0)
}

function chunkEnd(chunk: Chunk): number {
  return chunk.offset + chunk.bytes.length
}
