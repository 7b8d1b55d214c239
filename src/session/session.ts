/**
 * One session: an application connection, both directions, at one of its two ends.
 *
 *     near side (the application connected here)          far side (dials the destination)
 *     outbox: open = OpenSession, bytes, FIN       --->   inbox
 *     inbox                                        <---   outbox: open = OpenResult, bytes, FIN
 *
 * It ends in one of three ways, and says so once:
 *   closed  both FINs acknowledged, everything handed over
 *   reset   either side's RESET: what is below its final offset is handed over first (LIMITS.resetWaitMs at most)
 *   gone    the peer answered GONE: clean if FIN was sent and received, else a reset
 */
import { codeOf, type WireCode } from '../base/codes.ts'
import { LIMITS } from '../base/limits.ts'
import type { Budget } from './budget.ts'
import type { Ref } from './events.ts'
import { Inbox } from './inbox.ts'
import { Outbox } from './outbox.ts'
import { FIRST_LIMIT, ReceiveWindow } from './window.ts'

export interface PendingReset {
  readonly code: WireCode
  readonly finalOffset: number
  /** Received: carried out at this time even if bytes are missing. */
  readonly dueAt: number
}

export type SessionState = 'opening' | 'open' | 'half-closed (local)' | 'half-closed (remote)' | 'closing' | 'resetting'

export class Session {
  readonly ref: Ref
  readonly side: 'near' | 'far'
  readonly sessionId: Uint8Array
  readonly client: string
  readonly to: string
  /** On the engine's clock; earlier by the time that was slept since. */
  openedAt: number
  readonly outbox = new Outbox(FIRST_LIMIT)
  readonly inbox = new Inbox()
  readonly window: ReceiveWindow
  /** Our RESET, sent and repeated after each switch until GONE comes. */
  resetSent: PendingReset | undefined
  /** The peer's RESET, waiting for the bytes below its final offset. */
  resetReceived: PendingReset | undefined
  /** Bytes received since the last ACK. */
  unackedBytes = 0
  /** Bytes sent on the sending carrier and not acknowledged. */
  flightBytes = 0
  /** `write` returned false; 'writable' is owed. */
  isWriterWaiting = false
  /** 'end' was told. */
  isEndTold = false
  /** Dropped from the table. */
  isOver = false
  /** In the schedule's queue, or in that of the opens. */
  isQueued = false
  /** What an old carrier took, which may still arrive there: goes again when that carrier is given up. */
  tailEnd = 0

  constructor(init: {
    ref: Ref
    side: 'near' | 'far'
    sessionId: Uint8Array
    client: string
    to: string
    openedAt: number
    budget: Budget
  }) {
    this.ref = init.ref
    this.side = init.side
    this.sessionId = init.sessionId
    this.client = init.client
    this.to = init.to
    this.openedAt = init.openedAt
    this.window = new ReceiveWindow(init.budget)
  }

  /** For people; everything that decides looks at the two boxes. */
  get state(): SessionState {
    if (this.resetSent !== undefined || this.resetReceived !== undefined) return 'resetting'
    if (!this.outbox.isOpened || this.inbox.received === 0) return 'opening'
    if (this.outbox.isFinished) return this.inbox.isFinReceived ? 'closing' : 'half-closed (local)'
    return this.inbox.isFinReceived ? 'half-closed (remote)' : 'open'
  }

  /** Both FINs acknowledged, and all bytes taken by the application's kernel. */
  get isDone(): boolean {
    return this.outbox.isAllAcked && this.inbox.isFinReceived && this.inbox.unconsumedBytes === 0
  }

  /** The peer may know it. */
  get isShared(): boolean {
    return this.side === 'far' || this.outbox.sent > 0
  }

  /** Nothing more can come or go but the end. */
  get isFinBoth(): boolean {
    return this.outbox.isFinished && this.inbox.isFinReceived
  }

  /** @returns the code of the peer's fault, or how far the acknowledgement advanced */
  handleAck(received: number, limit: number): number | WireCode {
    const { outbox } = this
    // After a reset of ours the FIN is forgotten, and its late acknowledgement is above what is left.
    if (received > outbox.sent && this.resetSent === undefined) return 'ACK_BEYOND_SENT'
    if (limit > outbox.limit) outbox.limit = limit
    const advanced = outbox.ack(Math.min(received, outbox.sent))
    // What went out twice, an open repeated after a switch, is acknowledged once.
    this.flightBytes = Math.max(0, Math.min(this.flightBytes - advanced, outbox.sent - outbox.acked))
    return advanced
  }

  /** The peer resets. @returns the code of its fault, if it contradicts itself */
  handleReset(wire: number, finalOffset: number, now: number): WireCode | undefined {
    if (this.inbox.nameFinal(finalOffset)) return 'FINAL_OFFSET_CHANGED'
    this.resetReceived ??= { code: codeOf(wire), finalOffset, dueAt: now + LIMITS.resetWaitMs }
    return undefined
  }

  /** Our side resets: bytes within the limit go first, the rest is dropped. */
  reset(code: WireCode): void {
    if (this.resetSent !== undefined) return
    this.resetSent = { code, finalOffset: this.outbox.truncate(), dueAt: Number.POSITIVE_INFINITY }
  }

  /** The peer's RESET can be carried out: its bytes are handed over, or waited for long enough. */
  isResetReady(now: number): boolean {
    const reset = this.resetReceived
    return reset !== undefined && (this.inbox.received >= reset.finalOffset || now >= reset.dueAt)
  }

  /** An ACK is worth sending now: enough has come, or enough of the window was taken. */
  isAckWorthwhile(): boolean {
    const enough = Math.min(LIMITS.ackBytes, this.window.bytes / 2)
    return this.unackedBytes >= enough || this.window.grantable(this.inbox.consumed) - this.window.limit >= enough
  }

  /** @returns the offsets of the ACK that now leaves */
  takeAck(): { received: number; limit: number } {
    this.unackedBytes = 0
    this.window.limit = this.window.grantable(this.inbox.consumed)
    return { received: this.inbox.received, limit: this.window.limit }
  }
}
