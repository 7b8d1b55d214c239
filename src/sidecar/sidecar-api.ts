/** A sidecar as the command line, the admin socket and library users see it. */
import type { Code } from '../base/codes.ts'
import type { Config } from '../config/config.ts'
import type { Identity } from '../secure/identity.ts'
import type { ForwardStatus, ProxyStatus, StatusReport } from './status.ts'
import type { Totals } from './totals.ts'

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}

export interface SidecarOptions {
  readonly config: Config
  readonly identity: Identity
  readonly log: Log
  /** A peer has its first path, or its first after a restart or a hold that was over. */
  readonly onPeerConnected?: (peer: string) => void
  /** The process of a peer has ended in order; its sessions here were reset. */
  readonly onPeerStopped?: (peer: string) => void
}

export interface MigrateResult {
  readonly peer: string
  readonly code: 'moved' | Code
  readonly message: string
}

export interface Sidecar {
  readonly peerId: string
  /** Endpoints listened on, with real ports; empty before `start`. */
  readonly listening: readonly string[]
  readonly forwards: readonly ForwardStatus[]
  readonly proxies: readonly ProxyStatus[]
  /** @throws OperatorError when an address cannot be listened on or a file cannot be read; nothing stays behind then */
  start(): Promise<void>
  /** Ends everything within LIMITS.shutdownMs. Harmless when repeated. */
  stop(): Promise<void>
  status(): StatusReport
  /** Counters for metrics. */
  totals(): Totals
  /**
   * Packets that the kernel counted by the rules of this sidecar, by the name of the counter: `own`, `captured`, `passed`,
   * `dropped_in`, `dropped_out`. Without those that cannot be read.
   */
  kernelCounts(): Promise<ReadonlyMap<string, number>>
  /** Moves the paths of one peer, or of all, as if a better one had appeared. */
  migrate(peer?: string): Promise<readonly MigrateResult[]>
}
