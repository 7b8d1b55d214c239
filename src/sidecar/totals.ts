/** What a sidecar counted since its start: plain integers that only grow, read when metrics are asked for. */
import type { WireCode } from '../base/codes.ts'
import { LIMITS } from '../base/limits.ts'
import type { CaptureConfig } from '../config/config.ts'
import type { MigrationStatus } from './status.ts'

/** Upper bounds of the blackout histogram, milliseconds: from one round trip in a rack to a night without network. */
export const BLACKOUT_BOUNDS_MS = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000, 600_000, 3_600_000, 36_000_000,
] as const

/** No route named it, or the peer of its route runs no sidecar. */
export type DirectReason = 'no_route' | 'no_sidecar'

type CaptureMode = CaptureConfig['mode']

export interface Totals {
  readonly sessionsOpened: { readonly near: number; readonly far: number }
  /** Connections that went to their destination from this host, by why. */
  readonly directConnections: Readonly<Record<DirectReason, number>>
  /** Connections that a capture took; a row for each family, from its start. */
  readonly capturedConnections: readonly CapturedTotals[]
  /** Lost carriers whose packets the kernel was told to drop. */
  readonly suspensions: number
  /** Connections to proxies that were turned away before they asked for a destination, by reason. */
  readonly proxyRefusals: ReadonlyMap<string, number>
  /** Application bytes: taken from applications here, and handed to them. */
  readonly sentBytes: number
  readonly receivedBytes: number
  /** Sessions reset by either side, by code. */
  readonly resets: ReadonlyMap<string, number>
  /** One row for each pair of reason and migrator that occurred. */
  readonly migrations: readonly MigrationTotals[]
}

export interface CapturedTotals {
  readonly mode: CaptureMode
  readonly family: 'ipv4' | 'ipv6'
  readonly count: number
}

export interface MigrationTotals {
  readonly reason: string
  readonly migrator: MigrationStatus['migrator']
  readonly count: number
  readonly replayedBytes: number
  readonly blackout: {
    readonly count: number
    readonly sumMs: number
    /** How many were at most as long as each of BLACKOUT_BOUNDS_MS: cumulative. */
    readonly atMost: readonly number[]
  }
}

/** The data path adds to the public numbers; nothing else is done there. */
export class TotalsCounter {
  sessionsNear = 0
  sessionsFar = 0
  readonly directConnections: Record<DirectReason, number> = { no_route: 0, no_sidecar: 0 }
  suspensions = 0
  sentBytes = 0
  receivedBytes = 0
  #captured: CapturedTotals[] = []
  readonly #resets = new Map<WireCode, number>()
  readonly #proxyRefusals = new Map<string, number>()
  /** Rows whose replay may still go on. */
  #recent: (() => MigrationStatus)[] = []
  #settled = new Map<string, MigrationTotals>()

  countReset(code: WireCode): void {
    this.#resets.set(code, (this.#resets.get(code) ?? 0) + 1)
  }

  beginCapture(mode: CaptureMode): void {
    this.#captured = [
      { mode, family: 'ipv4', count: 0 },
      { mode, family: 'ipv6', count: 0 },
    ]
  }

  countCaptured(host: string): void {
    const family = host.includes(':') ? 'ipv6' : 'ipv4'
    this.#captured = this.#captured.map(row => (row.family === family ? { ...row, count: row.count + 1 } : row))
  }

  /** @param reason of a fixed set: it becomes a label */
  countProxyRefusal(reason: string): void {
    this.#proxyRefusals.set(reason, (this.#proxyRefusals.get(reason) ?? 0) + 1)
  }

  /** @param row the migration as it stands when it is called */
  countMigration(row: () => MigrationStatus): void {
    this.#recent.push(row)
    if (this.#recent.length > LIMITS.migrationsRememberedMax) add(this.#settled, this.#recent.shift()!())
  }

  read(): Totals {
    const migrations = new Map(this.#settled)
    for (const row of this.#recent) add(migrations, row())
    return {
      sessionsOpened: { near: this.sessionsNear, far: this.sessionsFar },
      directConnections: { ...this.directConnections },
      capturedConnections: this.#captured,
      suspensions: this.suspensions,
      proxyRefusals: new Map(this.#proxyRefusals),
      sentBytes: this.sentBytes,
      receivedBytes: this.receivedBytes,
      resets: new Map(this.#resets),
      migrations: [...migrations.values()],
    }
  }
}

function add(
  rows: Map<string, MigrationTotals>,
  { reason, migrator, bytesReplayed, blackoutMs }: MigrationStatus,
): void {
  const key = `${reason} ${migrator}`
  const before = rows.get(key)
  const { count, sumMs, atMost } = before?.blackout ?? { count: 0, sumMs: 0, atMost: BLACKOUT_BOUNDS_MS.map(() => 0) }
  rows.set(key, {
    reason,
    migrator,
    count: (before?.count ?? 0) + 1,
    replayedBytes: (before?.replayedBytes ?? 0) + bytesReplayed,
    blackout: {
      count: count + (blackoutMs === null ? 0 : 1),
      sumMs: sumMs + (blackoutMs ?? 0),
      atMost: atMost.map((known, i) => known + (blackoutMs !== null && blackoutMs <= BLACKOUT_BOUNDS_MS[i]! ? 1 : 0)),
    },
  })
}
