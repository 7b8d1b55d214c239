/**
 * Every connection of the sidecar that is open, also one that is only closing: a process that exits before they have closed
 * makes the kernel reset them, and what was said last is lost.
 */
import { LIMITS } from '../base/limits.ts'
import type { Clock } from '../carrier/clock.ts'

export class Connections {
  readonly #clock: Clock
  /** What ends each at once. */
  readonly #cuts = new Set<() => void>()
  #waiting: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns what to call when it has closed */
  add(cut: () => void): () => void {
    this.#cuts.add(cut)
    return () => {
      this.#cuts.delete(cut)
      if (this.#cuts.size === 0) for (const resolve of this.#waiting.splice(0)) resolve()
    }
  }

  /** Settles when all have closed. After LIMITS.farewellMs the rest is cut. */
  async closed(): Promise<void> {
    if (this.#cuts.size === 0) return
    const cancel = this.#clock.after(LIMITS.farewellMs, () => {
      for (const cut of this.#cuts) cut()
    })
    await new Promise<void>(resolve => this.#waiting.push(resolve))
    cancel()
  }
}
