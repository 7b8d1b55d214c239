/**
 * Receive windows out of one budget.
 *
 * A limit once granted cannot be taken back, so a window only grows, and only from what is free. Every session reserves the
 * floor; a reader that keeps up doubles its window towards the bandwidth-delay product (as in the Linux kernel's dynamic
 * right-sizing: a window's worth read within two round trips says that the window is the bottleneck).
 */
import { LIMITS } from '../base/limits.ts'
import type { Budget } from './budget.ts'

/** The limit granted with every open: the open itself, and the floor. */
export const FIRST_LIMIT = 1 + LIMITS.windowFloorBytes

export class ReceiveWindow {
  /** What the peer was told: bytes below may come. Never falls. */
  limit = FIRST_LIMIT
  bytes: number = LIMITS.windowFloorBytes
  readonly #budget: Budget
  #measureFrom = 1
  #measureSince: number | undefined

  constructor(budget: Budget) {
    this.#budget = budget
  }

  /** Limit that could be granted now that the application has taken everything below `consumed`. */
  grantable(consumed: number): number {
    return Math.max(this.limit, consumed + this.bytes)
  }

  /** The application's kernel has taken everything below `consumed`. Grows the window when it is the bottleneck. */
  handleConsumed(consumed: number, now: number, rttMs: number): void {
    this.#measureSince ??= now
    if (consumed - this.#measureFrom < this.bytes) return
    const isBottleneck = now - this.#measureSince <= Math.max(2 * rttMs, MEASURE_MIN_MS)
    this.#measureFrom = consumed
    this.#measureSince = now
    const more = Math.min(this.bytes, LIMITS.windowBytesMax - this.bytes)
    if (isBottleneck && more > 0 && this.#budget.reserveGrowth(more)) this.bytes += more
  }

  /** Gives back everything: what still comes is thrown away. Harmless when repeated. */
  release(): void {
    this.#budget.release(this.bytes)
    this.bytes = 0
  }
}

/** Below this a round trip is mostly our own scheduling. */
const MEASURE_MIN_MS = 10
