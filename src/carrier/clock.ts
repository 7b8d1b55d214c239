/** Timers as an argument, so that what waits can be tested without waiting. */
export interface Clock {
  /** Runs `run` once, after `ms` milliseconds. @returns cancels it; harmless when it has run */
  after(ms: number, run: () => void): () => void
}

export const systemClock: Clock = {
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}
