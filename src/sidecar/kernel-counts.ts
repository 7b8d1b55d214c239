/** What the kernel counted, for whoever scrapes: read when it is asked for, and not more often than is good for this process. */
import { LIMITS } from '../base/limits.ts'
import type { Config } from '../config/config.ts'
import { type Counts, readCounts } from '../firewall/counts.ts'
import { TABLE } from '../firewall/ruleset.ts'
import { SUSPENSION_TABLE } from '../firewall/suspension.ts'

const NOTHING: Counts = new Map()

export class KernelCounts {
  readonly #tables: readonly string[]
  readonly #read: typeof readCounts
  readonly #now: () => number
  #reading: Promise<Counts> = Promise.resolve(NOTHING)
  #readAt = Number.NEGATIVE_INFINITY

  constructor({ capture, firewall }: Config, read = readCounts, now = () => performance.now()) {
    const captureTables = capture === undefined ? [] : [TABLE]
    this.#tables = firewall?.suspend === true ? [...captureTables, SUSPENSION_TABLE] : captureTables
    this.#read = read
    this.#now = now
  }

  /** Without what cannot be read: the rules may be another user's, or somebody has removed them. Never fails. */
  latest(): Promise<Counts> {
    if (this.#tables.length > 0 && this.#now() - this.#readAt >= LIMITS.nftCountsEveryMs) {
      this.#readAt = this.#now()
      this.#reading = this.#read(this.#tables).catch(() => NOTHING)
    }
    return this.#reading
  }
}
