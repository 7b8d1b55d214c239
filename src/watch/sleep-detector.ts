/**
 * Tells sleep from a busy event loop, by three clocks read at every tick:
 *
 *     uptime      goes on while the machine sleeps, and no clock adjustment (NTP, a person) moves it
 *     monotonic   stops while a Linux machine sleeps; goes on elsewhere
 *     CPU time    of this process: goes on only while it works
 *
 * Uptime ahead of monotonic: the machine slept. Else a tick that is late with little CPU time used: the process or its
 * virtual machine was stopped, or the machine slept and the monotonic clock went on. A late tick with CPU time to
 * match: our own loop was blocked, and nothing happened to the network.
 */
import { LIMITS } from '../base/limits.ts'

/** All in milliseconds, from any origin. */
export interface Clocks {
  readonly uptimeMs: number
  readonly monotonicMs: number
  readonly cpuMs: number
}

export class SleepDetector {
  #last: Clocks

  constructor(now: Clocks) {
    this.#last = now
  }

  /**
   * To be called every LIMITS.watchTickMs.
   * @returns undefined when all was well; else the time asleep that the monotonic clock did not count (0 if it did)
   */
  handleTick(now: Clocks): number | undefined {
    const monotonicMs = now.monotonicMs - this.#last.monotonicMs
    const uncountedMs = now.uptimeMs - this.#last.uptimeMs - monotonicMs
    const lateMs = monotonicMs - LIMITS.watchTickMs
    const cpuMs = now.cpuMs - this.#last.cpuMs
    this.#last = now
    if (uncountedMs >= LIMITS.wakeJumpMs) return uncountedMs
    return lateMs >= LIMITS.standstillMs && cpuMs < lateMs / 2 ? 0 : undefined
  }
}
