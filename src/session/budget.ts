/**
 * Memory for bytes of applications, shared by all sessions of a process: outboxes, and everything that receive windows allow
 * peers to send. A limit once granted cannot be taken back, so each use leaves room for those that matter more:
 *
 *     0            1/2                               7/8        15/16     31/32        total
 *     | windows may grow  | outboxes share what is free | 16 KiB each | opens fit | what was read already |
 *                                                                     ^ refused: OVERLOADED
 *                                                                                 ^ exhausted: see below
 *
 * What one outbox may have falls with what is free below the 7/8 (a dynamic threshold, Choudhury and Hahne 1998), and with its
 * fourth power: what stalled sessions took while there was much cannot be taken back, so little is given long before the end.
 * A thousand that stall, one after the other, leave a fifth free, and who still moves goes on.
 *
 * When it is exhausted, the owner resets sessions whose peer has been out of reach for longest; if none is, it stops
 * reading from applications until acknowledgements have made room up to the 15/16 again. Floors of idle sessions never
 * reach that mark, so it always comes.
 */
import { LIMITS } from '../base/limits.ts'

export interface BudgetHandlers {
  /** Outboxes have eaten into the reserve; told again when that goes on and a peer goes out of reach. Act later. */
  onExhausted(): void
  /** There is room again. */
  onRelieved(): void
}

export class Budget {
  readonly totalBytes: number
  handlers: BudgetHandlers | undefined
  #usedBytes = 0
  #isExhausted = false

  constructor(totalBytes: number = LIMITS.budgetBytes) {
    this.totalBytes = totalBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** What one outbox may have now; never less than the floor. */
  get outboxShareBytes(): number {
    const most = this.totalBytes * (7 / 8)
    const free = Math.max(0, 1 - this.#usedBytes / most)
    return Math.max(LIMITS.windowFloorBytes, (this.totalBytes / 16) * free ** 4)
  }

  get isExhausted(): boolean {
    return this.#isExhausted
  }

  /** @param targetBytes what it would like to have */
  outboxBytesMax(targetBytes: number): number {
    return Math.min(targetBytes, this.outboxShareBytes)
  }

  /** For the floor of an open. @returns false, and reserves nothing, when there is no room for it */
  reserveFloor(bytes: number): boolean {
    return this.#reserve(bytes, 15 / 16)
  }

  /** For a window that would like to be larger. @returns false, and reserves nothing, when others need the room */
  reserveGrowth(bytes: number): boolean {
    return this.#reserve(bytes, 1 / 2)
  }

  /** A peer went out of reach: its sessions may be those that give way. */
  handleOutOfReach(): void {
    if (this.#isExhausted) this.handlers?.onExhausted()
  }

  /** For bytes that were read from an application, and are here whatever the budget says. */
  take(bytes: number): void {
    this.#usedBytes += bytes
    if (this.#isExhausted || this.#usedBytes <= this.totalBytes * (31 / 32)) return
    this.#isExhausted = true
    this.handlers?.onExhausted()
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes
    if (!this.#isExhausted || this.#usedBytes > this.totalBytes * (15 / 16)) return
    this.#isExhausted = false
    this.handlers?.onRelieved()
  }

  #reserve(bytes: number, part: number): boolean {
    if (this.#usedBytes + bytes > this.totalBytes * part) return false
    this.#usedBytes += bytes
    return true
  }
}
