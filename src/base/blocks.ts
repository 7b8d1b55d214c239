/**
 * Buffers that are used again. Payload passes through buffers of 64 KiB and more, some 30,000 a GB; V8 counts each as external
 * memory, and collects the whole heap for them.
 *
 * Whoever takes one owns it, and gives it back when nothing reads or writes it any more. Giving back is never a duty: a
 * block that is forgotten is collected like any buffer, and what is not a block is ignored.
 */
import { LIMITS } from './limits.ts'

export class BlockPool {
  readonly #keptMax: number
  readonly #kept: ArrayBuffer[] = []
  readonly #lent = new WeakSet<ArrayBufferLike>()

  /** @param keptMax blocks kept for later; more are left to the collector */
  constructor(keptMax: number) {
    this.#keptMax = keptMax
  }

  /**
   * @returns a buffer of `bytes`, filled with whatever was there. Only one that uses nearly half a block or more is a block,
   *   so that the memory in use is hardly more than twice what its users count
   */
  take(bytes: number): Uint8Array {
    if (bytes < LIMITS.dataBytesMax / 2 || bytes > LIMITS.blockBytes) return new Uint8Array(bytes)
    const block = this.#kept.pop() ?? new ArrayBuffer(LIMITS.blockBytes)
    this.#lent.add(block)
    return new Uint8Array(block, 0, bytes)
  }

  /** @param view what `take` returned, or any part of it; ignored when it is of no block, or the block is back already */
  give(view: Uint8Array): void {
    if (!this.#lent.delete(view.buffer) || this.#kept.length >= this.#keptMax) return
    this.#kept.push(view.buffer as ArrayBuffer)
  }
}

/** The blocks of the process. */
export const blocks = new BlockPool(LIMITS.blocksKeptMax)
