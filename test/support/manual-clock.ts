import type { Clock } from '../../src/carrier/clock.ts'

/** A clock that stands still until the test moves it. */
export class ManualClock implements Clock {
  nowMs = 0
  #timers: { readonly dueMs: number; readonly run: () => void }[] = []

  get pending(): number {
    return this.#timers.length
  }

  after(ms: number, run: () => void): () => void {
    const timer = { dueMs: this.nowMs + ms, run }
    this.#timers.push(timer)
    this.#timers.sort((a, b) => a.dueMs - b.dueMs)
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer)
    }
  }

  /** Runs what falls due within `ms`, each with its promises, in order. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms
    await flushPromises()
    for (let next = this.#timers[0]; next !== undefined && next.dueMs <= untilMs; next = this.#timers[0]) {
      this.#timers.shift()
      this.nowMs = next.dueMs
      next.run()
      await flushPromises()
    }
    this.nowMs = untilMs
  }
}

/** Lets every promise that can settle do so. */
export function flushPromises(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
