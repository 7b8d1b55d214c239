/** What a running sidecar says of itself: the body of `GET /v1/status` on its socket and of `holdfast status --json`. */
export interface StatusReport {
  readonly version: string
  readonly peerId: string
  readonly pid: number
  /** Seconds since the sidecar started. */
  readonly uptimeSeconds: number
  /** Endpoints listened on, with the real port. */
  readonly listening: readonly string[]
  readonly forwards: readonly ForwardStatus[]
  readonly proxies: readonly ProxyStatus[]
  readonly peers: readonly PeerStatus[]
}

export interface ForwardStatus {
  readonly listen: string
  readonly peer: string
  readonly to: string
}

/** A port that speaks SOCKS5 and HTTP CONNECT. */
export interface ProxyStatus {
  readonly listen: string
  /** For what has no route; null where that goes directly. */
  readonly peer: string | null
  readonly optimistic: boolean
  /** Whether programs must log in. */
  readonly hasPassword: boolean
}

export interface PeerStatus {
  readonly name: string
  readonly peerId: string
  /** `idle`: no carrier was wanted yet. `stable`, `suspended`, `announcing`: the migration table's states. */
  readonly state: 'idle' | 'stable' | 'suspended' | 'announcing'
  readonly epoch: number
  readonly paths: readonly PathStatus[]
  readonly sessions: readonly SessionStatus[]
  /** Oldest first, at most LIMITS.migrationsRememberedMax. */
  readonly migrations: readonly MigrationStatus[]
  /** The last reason why no path could be had, or null. */
  readonly lastFailure: {
    readonly endpoint: string
    readonly code: string
    readonly message: string
    readonly at: string
  } | null
}

export interface PathStatus {
  readonly carrier: string
  readonly local: string
  readonly remote: string
  readonly scheme: 'tcp' | 'ws' | 'wss' | 'memory'
  readonly role: 'active' | 'standby'
  readonly dialed: boolean
  /** Smoothed round-trip time, or null before the first sample. */
  readonly rttMs: number | null
}

export interface SessionStatus {
  readonly sessionId: string
  readonly side: 'near' | 'far'
  readonly state: string
  readonly client: string
  readonly to: string
  readonly sentBytes: number
  readonly receivedBytes: number
  /** Taken from the application and not acknowledged by the peer. */
  readonly outboxBytes: number
}

/** Times are ISO 8601; a step that did not happen (nothing to suspend in a planned move) is null. */
export interface MigrationStatus {
  readonly epoch: number
  readonly migrator: 'local' | 'peer'
  readonly reason: string
  readonly from: string | null
  readonly to: string
  readonly detectedAt: string | null
  readonly suspendedAt: string | null
  readonly announcedAt: string | null
  readonly acknowledgedAt: string | null
  readonly resumedAt: string | null
  readonly bytesReplayed: number
  /** From detection to resumption; 0 where nothing was suspended, null where this side did not notice, and for `first`. */
  readonly blackoutMs: number | null
}
