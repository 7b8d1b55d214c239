/**
 * What the engine tells its owner. Drained with `pollEvent()` after every input, in order. After the owner has reset a session
 * itself, events that were told before may still follow.
 */
import type { WireCode } from '../base/codes.ts'
import type { MigrateReason, OpenRequest } from '../wire/control.ts'

/** Names one carrier for as long as the engine knows it; given by the owner. */
export type CarrierId = number
/** Names one session of an association; 48 bits. */
export type Ref = number

export type EngineEvent =
  /** Far side: the peer asks for a destination. Answer with `acceptOpen` or `reset`. */
  | { readonly type: 'open'; readonly ref: Ref; readonly request: OpenRequest }
  /** Near side: the far side has answered. A code other than undefined is followed by `reset`. */
  | { readonly type: 'opened'; readonly ref: Ref; readonly code: WireCode | undefined; readonly remote: string }
  /** Bytes for the application, in order, each once. Answer with `handleConsumed` as its kernel takes them. */
  | { readonly type: 'data'; readonly ref: Ref; readonly parts: readonly Uint8Array[] }
  /** The peer's application has half-closed; everything before it was handed over. */
  | { readonly type: 'end'; readonly ref: Ref }
  /** The session is over by a reset; everything before it was handed over. Nothing follows for this ref. */
  | { readonly type: 'reset'; readonly ref: Ref; readonly code: WireCode }
  /** The outbox has room again after `write` returned false. */
  | { readonly type: 'writable'; readonly ref: Ref }
  /** The session ended cleanly in both directions. Nothing follows for this ref. */
  | { readonly type: 'closed'; readonly ref: Ref }
  /** Close this carrier: it is of no more use. */
  | { readonly type: 'closeCarrier'; readonly carrier: CarrierId; readonly code: WireCode; readonly detail: string }
  /** A migration is complete. */
  | { readonly type: 'migrated'; readonly migration: Migration }
  /** The peer named other endpoints. */
  | { readonly type: 'endpoints'; readonly endpoints: readonly string[] }
  /** The peer's process is another one than before; its sessions here were reset. */
  | { readonly type: 'peerRestarted' }
  /** The peer's process has said goodbye; its sessions here were reset. */
  | { readonly type: 'peerStopped' }
  /** No path within the hold time; all sessions were reset. */
  | { readonly type: 'expired' }

/** Times are of the engine's clock, in milliseconds. A step that did not happen is undefined. */
export interface Migration {
  readonly epoch: number
  readonly migrator: 'local' | 'peer'
  readonly reason: MigrateReason
  readonly from: CarrierId | undefined
  readonly to: CarrierId
  readonly detectedAt: number | undefined
  readonly suspendedAt: number | undefined
  readonly announcedAt: number | undefined
  readonly acknowledgedAt: number
  readonly resumedAt: number
  /** Bytes that went out a second time because their carrier was lost. Complete when the replay is. */
  bytesReplayed: number
}
