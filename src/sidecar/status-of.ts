/** Engine objects as `StatusReport` shows them. */
import { performance } from 'node:perf_hooks'
import { formatHostPort } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import type { Migration } from '../session/events.ts'
import type { Session } from '../session/session.ts'
import { toHex } from '../wire/bytes.ts'
import type { Path } from './path.ts'
import type { Pump } from './pump.ts'
import type { MigrationStatus, PathStatus, SessionStatus } from './status.ts'

export function pathStatus(pump: Pump, path: Path): PathStatus {
  const rttMs = pump.engine.rttMs(path.id)
  return {
    carrier: String(path.id),
    local: formatHostPort(path.carrier.local),
    remote: formatHostPort(path.carrier.remote),
    scheme: path.carrier.scheme,
    role: pump.engine.activeCarrier === path.id ? 'active' : 'standby',
    dialed: path.isDialed,
    rttMs: rttMs === undefined ? null : round(rttMs),
  }
}

export function sessionStatus(session: Session): SessionStatus {
  return {
    sessionId: toHex(session.sessionId),
    side: session.side,
    state: session.state,
    client: session.client,
    to: session.to,
    sentBytes: Math.max(0, Math.min(session.outbox.sent, session.outbox.bytesEnd) - 1),
    receivedBytes: Math.max(0, session.inbox.received - (session.inbox.isFinReceived ? 2 : 1)),
    outboxBytes: session.outbox.bufferedBytes,
  }
}

interface LogRow {
  readonly migration: Migration
  readonly from: string | null
  readonly to: string
  /** Add to a time of the engine's clock to have it since 1970. */
  readonly wall: number
}

/** The last migrations, oldest first, at most LIMITS.migrationsRememberedMax. */
export class MigrationLog {
  /** Rows are made when asked for, since the replay may still be running. */
  readonly #rows: LogRow[] = []
  #lastPaths = new Map<number, string>()

  /** @returns what tells the row as it stands when called */
  add(migration: Migration, pump: Pump): () => MigrationStatus {
    for (const path of pump.paths.values()) {
      const { local, remote, scheme } = path.carrier
      this.#lastPaths.set(path.id, `${scheme} ${formatHostPort(local)} -> ${formatHostPort(remote)}`)
    }
    const nameOf = (id: number | undefined) => (id === undefined ? null : (this.#lastPaths.get(id) ?? null))
    const row = {
      migration,
      from: nameOf(migration.from),
      to: nameOf(migration.to) ?? '?',
      wall: Date.now() - performance.now(),
    }
    for (const id of [...this.#lastPaths.keys()]) {
      if (id !== migration.to && !pump.paths.has(id)) this.#lastPaths.delete(id)
    }
    this.#rows.push(row)
    if (this.#rows.length > LIMITS.migrationsRememberedMax) this.#rows.shift()
    return () => statusOf(row)
  }

  list(): readonly MigrationStatus[] {
    return this.#rows.map(statusOf)
  }
}

function statusOf({ migration, from, to, wall }: LogRow): MigrationStatus {
  const iso = (at: number | undefined) => (at === undefined ? null : new Date(wall + at).toISOString())
  return {
    epoch: migration.epoch,
    migrator: migration.migrator,
    reason: migration.reason,
    from,
    to,
    detectedAt: iso(migration.detectedAt),
    suspendedAt: iso(migration.suspendedAt),
    announcedAt: iso(migration.announcedAt),
    acknowledgedAt: iso(migration.acknowledgedAt),
    resumedAt: iso(migration.resumedAt),
    bytesReplayed: migration.bytesReplayed,
    blackoutMs: blackoutMs(migration),
  }
}

/**
 * A planned move suspends nothing; what the peer moved without our noticing is not known here. Before the first carrier
 * nothing flowed that could have stood still.
 */
function blackoutMs({ reason, detectedAt, suspendedAt, announcedAt, resumedAt }: Migration): number | null {
  if (reason === 'first') return null
  if (suspendedAt !== undefined) return round(resumedAt - Math.min(detectedAt ?? suspendedAt, suspendedAt))
  return announcedAt === undefined ? null : 0
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
