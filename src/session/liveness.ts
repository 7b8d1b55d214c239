/**
 * Is the peer still there on the active carrier? Any opened record is a sign of life, and nobody is ever declared dead:
 * silence while something is outstanding is doubt, and doubt only probes and dials beside the carrier (migration.ts).
 *
 *     bytes stopped coming      ping after the probe time, so that a pure receiver notices a dead path as a sender does
 *     nothing at all            ping every LIMITS.heartbeatMs
 *     outstanding, no answer    doubt (Link.doubtAt)
 */
import { LIMITS } from '../base/limits.ts'
import type { Link } from './link.ts'
import type { Migration } from './migration.ts'

export class Liveness {
  readonly #migration: Migration
  #probeAt = Number.POSITIVE_INFINITY

  constructor(migration: Migration) {
    this.#migration = migration
  }

  get nextTimeout(): number {
    const { active, doubtedSince } = this.#migration
    if (active === undefined) return Number.POSITIVE_INFINITY
    const doubtAt = doubtedSince === undefined ? active.doubtAt : Number.POSITIVE_INFINITY
    return Math.min(heartbeatAt(active), doubtAt, this.#probeAt)
  }

  /** Bytes of an application came. */
  handleBytes(link: Link, now: number): void {
    if (link === this.#migration.active) this.#probeAt = now + link.probeMs
  }

  /** Our own loop was blocked: what the peer said meanwhile is still unread, so its silence proves nothing yet. */
  forgive(now: number): void {
    for (const link of this.#migration.links.values()) {
      if (link.awaitingSince !== undefined) link.awaitingSince = now
      link.confirmFrom = now
    }
  }

  handleTimeout(now: number): void {
    const { active } = this.#migration
    if (active === undefined) return
    if (now >= this.#probeAt) this.#probe(active, now)
    if (now >= heartbeatAt(active)) active.ping(now, LIMITS.heartbeatAnswerMs)
    if (now >= active.doubtAt) this.#migration.handleDoubt(now)
  }

  #probe(active: Link, now: number): void {
    this.#probeAt = Number.POSITIVE_INFINITY
    if (active.isPinging) return
    if (now >= active.lastHeardAt + active.probeMs) active.ping(now, 0)
    else this.#probeAt = active.lastHeardAt + active.probeMs
  }
}

function heartbeatAt(link: Link): number {
  return Math.max(link.lastPingAt, link.lastHeardAt) + LIMITS.heartbeatMs
}
