import { LIMITS } from '../base/limits.ts'

/** A delay is spread by so much to either side, so that sidecars cut off together do not come back together. */
const JITTER = 0.25

/**
 * When to dial again after a round in which nothing answered: quickly at first and doubling, for ten minutes, then
 * at a slow pace for as long as sessions are held. An event of the network starts it anew.
 */
export class Backoff {
  readonly #random: () => number
  #failedSinceMs: number | undefined
  #delayMs: number = LIMITS.backoffMinMs

  /** @param random uniform in [0, 1) */
  constructor(random: () => number) {
    this.#random = random
  }

  /** @returns milliseconds from `nowMs`, when a round has failed, until the next */
  next(nowMs: number): number {
    this.#failedSinceMs ??= nowMs
    const isFast = nowMs - this.#failedSinceMs < LIMITS.backoffFastForMs
    const delayMs = isFast ? this.#delayMs : LIMITS.backoffSlowMs
    this.#delayMs = Math.min(this.#delayMs * 2, LIMITS.backoffMaxMs)
    return Math.round(delayMs * (1 - JITTER + 2 * JITTER * this.#random()))
  }

  /** A path was found, or an address or link changed: the next failure waits the shortest time again. */
  reset(): void {
    this.#failedSinceMs = undefined
    this.#delayMs = LIMITS.backoffMinMs
  }
}
