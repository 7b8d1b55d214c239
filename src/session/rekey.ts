/**
 * Renews the keys by a planned move onto a full handshake, each hour or when a key has sealed much. Only the side that dialed
 * the active carrier does, so that both do not. If nothing comes of it, nothing changes, and it is tried again.
 */
import { LIMITS } from '../base/limits.ts'
import type { Migration } from './migration.ts'

export class Rekey {
  readonly #migration: Migration
  #triedAt = Number.NEGATIVE_INFINITY

  constructor(migration: Migration) {
    this.#migration = migration
  }

  get nextTimeout(): number {
    const { active, keyedAt } = this.#migration
    if (active?.isDialed !== true) return Number.POSITIVE_INFINITY
    const dueAt = active.sentBytes >= LIMITS.keyBytesMax / 2 ? active.readyAt : keyedAt + LIMITS.rekeyMs
    return Math.max(dueAt, this.#triedAt + LIMITS.rekeyRetryMs)
  }

  handleTimeout(now: number): void {
    if (now < this.nextTimeout) return
    this.#triedAt = now
    this.#migration.planMove('rekey', now)
  }
}
