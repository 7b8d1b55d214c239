/**
 * What waits for the kernel in front of one socket. A net.Socket keeps some 250 bytes for each write that waits, so a peer that
 * sends single bytes for a reader that does not read would make us hold hundreds of times what its window allows.
 *
 * - While a write is in flight, chunks wait here; when the kernel has taken it, they leave together as one vectored write.
 * - Neighbours smaller than LIMITS.gatherBytes are copied into one piece, in a block that is filled to its end whatever lies
 *   between. So there are at most two pieces for each LIMITS.gatherBytes that wait.
 * - What waits keeps no buffer in memory that is more than LIMITS.slicePinMax times as large: a smaller slice is copied. The
 *   four pieces of a full record are not.
 */
import type { Writable } from 'node:stream'
import { LIMITS } from '../base/limits.ts'

export class WriteQueue {
  readonly #socket: Writable
  readonly #onTaken: (bytes: number) => void
  #pieces: Uint8Array[] = []
  #bytes = 0
  /** Vectored writes that the kernel has not taken whole. */
  #flights = 0
  /** Small chunks are copied to here; `#block.byteOffset` is where the next one goes. */
  #block = NOTHING
  /** Whether the last piece ends where #block begins. */
  #isLastOpen = false

  /** @param onTaken so many bytes were taken by the kernel */
  constructor(socket: Writable, onTaken: (bytes: number) => void) {
    this.#socket = socket
    this.#onTaken = onTaken
  }

  /** Bytes that the kernel has not taken. */
  get queuedBytes(): number {
    return this.#bytes + this.#socket.writableLength
  }

  /** `chunks` must not change until they are taken. */
  write(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#add(chunk)
    if (this.#flights === 0) this.flush()
  }

  /** Hands everything to the socket, though a write may be in flight: nothing else is to follow. */
  flush(): void {
    const [pieces, bytes] = [this.#pieces, this.#bytes]
    if (pieces.length === 0) return
    this.#pieces = []
    this.#bytes = 0
    this.#isLastOpen = false
    this.#flights++
    this.#socket.cork()
    const last = pieces.length - 1
    for (let index = 0; index < last; index++) this.#socket.write(pieces[index]!)
    this.#socket.write(pieces[last]!, error => this.#handleTaken(bytes, error))
    this.#socket.uncork()
  }

  #handleTaken(bytes: number, error: Error | null | undefined): void {
    this.#flights--
    if (error) {
      this.#pieces = []
      this.#bytes = 0
      return
    }
    if (this.#pieces.length === 0) this.#block = NOTHING
    else if (this.#flights === 0) this.flush()
    this.#onTaken(bytes)
  }

  #add(chunk: Uint8Array): void {
    const last = this.#pieces.at(-1)
    this.#bytes += chunk.length
    const isSmall = chunk.length < LIMITS.gatherBytes
    if (isSmall && this.#isLastOpen && chunk.length <= this.#block.length) {
      this.#pieces[this.#pieces.length - 1] = this.#gather(last!.byteOffset, [chunk])
    } else if (isSmall && last !== undefined && last.length < LIMITS.gatherBytes) {
      const both = last.length + chunk.length
      if (both > this.#block.length) this.#block = new Uint8Array(LIMITS.gatherBlockBytes)
      this.#pieces[this.#pieces.length - 1] = this.#gather(this.#block.byteOffset, [last, chunk])
    } else {
      const isSlice = this.#flights > 0 && LIMITS.slicePinMax * chunk.length < chunk.buffer.byteLength
      this.#pieces.push(isSlice ? new Uint8Array(chunk) : chunk)
      this.#isLastOpen = false
    }
  }

  /** @returns the piece that begins at `from` in the block, with `chunks` at its end */
  #gather(from: number, chunks: readonly Uint8Array[]): Uint8Array {
    for (const chunk of chunks) {
      this.#block.set(chunk)
      this.#block = this.#block.subarray(chunk.length)
    }
    this.#isLastOpen = true
    return new Uint8Array(this.#block.buffer, from, this.#block.byteOffset - from)
  }
}

const NOTHING = new Uint8Array(0)
