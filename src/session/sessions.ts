/**
 * All sessions of an association: the table of refs, and what their frames mean. What leaves when is schedule.ts.
 *
 * Refs. A counter of the opener shifted left by one; the lowest bit says which side opened. On every carrier OPENs leave in
 * ref order, unacknowledged ones first. So a ref that is not above the largest seen and not in the table is closed: no
 * tombstones are kept, and the far side dials once however often OPEN comes.
 *
 *     frame for a ref            in the table     closed (own, or not above the largest)    above the largest
 *     DATA with OPEN             duplicate        answer GONE                               open it
 *     DATA                       to its inbox     answer GONE                               answer GONE
 *     ACK                        to its outbox    ignore                                    ignore
 *     RESET                      reset, GONE      answer GONE                               close it unseen, GONE
 *     GONE                       ends it          ignore                                    ignore
 */
import { type WireCode, wireOf } from '../base/codes.ts'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength, concatBytes } from '../wire/bytes.ts'
import {
  codeOfOpenResult,
  decodeOpenRequest,
  decodeOpenResult,
  encodeOpenRequest,
  encodeOpenResult,
  type OpenRequest,
} from '../wire/control.ts'
import { FLAG_FIN, FLAG_OPEN, goneFrame, OFFSET_MAX, resetFrame } from '../wire/inner-frame.ts'
import type { Budget } from './budget.ts'
import type { EngineEvent, Ref } from './events.ts'
import type { Record } from './record.ts'
import { Schedule } from './schedule.ts'
import { Session } from './session.ts'

export interface SessionsOptions {
  /** Lowest bit of our refs: 0 for the smaller peer ID. */
  readonly parity: 0 | 1
  readonly budget: Budget
  readonly sessionsMax: number
  /** Round trip of the active carrier; 0 while unknown. */
  readonly rttMs: () => number
  /** What leaves now leaves on a carrier that may be given up unheard, and then this side alone switches back. */
  readonly isTentative: () => boolean
  readonly emit: (event: EngineEvent) => void
}

export class Sessions {
  /** Bytes of applications acknowledged by the peer, for the rate. */
  deliveredBytes = 0
  /** Outboxes are filled up to this; follows the carrier's flight. */
  outboxTargetBytes: number = LIMITS.flightBytesMin * 2
  readonly schedule: Schedule
  readonly #options: SessionsOptions
  /** In the order they were opened. */
  readonly #table = new Map<Ref, Session>()
  #farSessions = 0
  #ownRefs = 0
  #largestSeen = 0
  /** Sessions whose reset by the peer waits for bytes. */
  readonly #resetWaits = new Set<Session>()

  constructor(options: SessionsOptions) {
    this.#options = options
    this.schedule = new Schedule(session => this.#settleDone(session))
  }

  /** The peer may know a session here, so only the process that does may hear of it again. */
  get hasShared(): boolean {
    if (this.#farSessions > 0) return true
    // OPENs leave in order, so a later one has not left before the first.
    const [first] = this.#table.values()
    return first?.isShared ?? false
  }

  /** When the oldest was opened; undefined when there is none. */
  get oldestAt(): number | undefined {
    for (const session of this.#table.values()) return session.openedAt
    return undefined
  }

  values(): IterableIterator<Session> {
    return this.#table.values()
  }

  // ---- frames from the peer

  /** @throws RemoteError PROTOCOL_VIOLATION, which closes the carrier it came on */
  handleData(ref: Ref, offset: number, flags: number, payload: readonly Uint8Array[], now: number): void {
    const isOpen = (flags & FLAG_OPEN) !== 0
    const session = this.#table.get(ref) ?? this.#openUnseen(ref, isOpen, payload, now)
    if (session === undefined) return
    if (isOpen) this.#handleOpen(session, payload)
    else this.#deliver(session, session.inbox.receive(offset, payload, (flags & FLAG_FIN) !== 0, session.window.limit))
    this.#oweAck(session, isOpen ? 1 : byteLength(payload), now)
    this.#settle(session, now)
  }

  handleAck(ref: Ref, received: number, limit: number, now: number): void {
    const { budget } = this.#options
    const session = this.#table.get(ref)
    if (session === undefined) return
    const flightBefore = session.flightBytes
    const buffered = session.outbox.bufferedBytes
    const advanced = session.handleAck(received, limit)
    if (typeof advanced !== 'number') return this.#fail(session, advanced)
    this.schedule.handleAcked(flightBefore - session.flightBytes)
    const released = buffered - session.outbox.bufferedBytes
    this.deliveredBytes += advanced
    budget.release(released)
    if (session.isWriterWaiting && session.outbox.bufferedBytes <= budget.outboxBytesMax(this.outboxTargetBytes) / 2) {
      session.isWriterWaiting = false
      this.#options.emit({ type: 'writable', ref })
    }
    this.schedule.enqueue(session)
    this.#settle(session, now)
  }

  handleReset(ref: Ref, code: number, finalOffset: number, now: number): void {
    const session = this.#table.get(ref)
    if (session === undefined) {
      if (!this.#isOwn(ref)) this.#largestSeen = Math.max(this.#largestSeen, ref)
      return this.schedule.answer(ref, goneFrame(ref))
    }
    if (session.resetSent !== undefined) {
      this.schedule.answer(ref, goneFrame(ref))
      return this.#drop(session)
    }
    const fault = session.handleReset(code, finalOffset, now)
    if (fault !== undefined) return this.#fail(session, fault)
    this.#resetWaits.add(session)
    this.#settle(session, now)
  }

  handleGone(ref: Ref): void {
    const session = this.#table.get(ref)
    if (session === undefined) return
    this.#drop(session)
    if (session.resetSent !== undefined) return
    this.#options.emit(session.isFinBoth ? { type: 'closed', ref } : { type: 'reset', ref, code: 'SESSION_GONE' })
  }

  // ---- commands of the owner

  /** @throws RemoteError OVERLOADED when a limit is reached */
  open(request: OpenRequest, now: number): Ref {
    const { budget, sessionsMax, parity } = this.#options
    if (this.#table.size >= sessionsMax || !budget.reserveFloor(LIMITS.windowFloorBytes))
      throw new RemoteError('OVERLOADED')
    const ref = ++this.#ownRefs * 2 + parity
    const { sessionId, client, host, port } = request
    const session = new Session({ ref, side: 'near', sessionId, client, to: `${host}:${port}`, openedAt: now, budget })
    session.outbox.open(encodeOpenRequest(request))
    this.#table.set(ref, session)
    this.schedule.enqueueOpen(session)
    return ref
  }

  /** Far side: the destination is connected. */
  acceptOpen(ref: Ref, remote: string): void {
    const session = this.#table.get(ref)
    if (session === undefined || session.outbox.isOpened) return
    session.outbox.open(encodeOpenResult({ code: 0, remote }))
    this.schedule.enqueue(session)
  }

  /** Takes ownership of `bytes`. @returns false when the outbox is full: 'writable' follows */
  write(ref: Ref, bytes: Uint8Array): boolean {
    const { budget } = this.#options
    const session = this.#table.get(ref)
    if (session === undefined || session.resetSent !== undefined || session.outbox.isFinished) return true
    if (session.outbox.end + bytes.length >= OFFSET_MAX) {
      this.#fail(session, 'OFFSET_EXHAUSTED')
      return true
    }
    session.outbox.append(bytes)
    budget.take(bytes.length)
    this.schedule.enqueue(session)
    session.isWriterWaiting = session.outbox.bufferedBytes >= budget.outboxBytesMax(this.outboxTargetBytes)
    return !session.isWriterWaiting
  }

  finish(ref: Ref): void {
    const session = this.#table.get(ref)
    if (session === undefined || session.resetSent !== undefined) return
    session.outbox.finish()
    this.schedule.enqueue(session)
  }

  /** Ends the session at once for its application; the peer learns `code` after the bytes already within its limit. */
  reset(ref: Ref, code: WireCode): void {
    const session = this.#table.get(ref)
    if (session === undefined || session.resetSent !== undefined) return
    if (session.side === 'near' && session.outbox.sent === 0) return this.#drop(session)
    if (session.side === 'far' && !session.outbox.isOpened) {
      session.outbox.open(encodeOpenResult({ code: wireOf(code), remote: '' }))
    }
    const buffered = session.outbox.bufferedBytes
    session.reset(code)
    this.#options.budget.release(buffered - session.outbox.bufferedBytes)
    this.#resetWaits.delete(session)
    session.resetReceived = undefined
    this.schedule.oweReset(session)
  }

  /**
   * Memory is short and there is no path: sessions end here, the largest first, and what they hold is thrown away. The peer
   * learns of it when there is a path again.
   * @returns how much was released, at least `bytes` if there was so much
   */
  relieve(bytes: number): number {
    const { budget } = this.#options
    const heldBytes = (session: Session) => session.outbox.bufferedBytes + session.window.bytes
    const before = budget.usedBytes
    for (const session of [...this.#table.values()].sort((a, b) => heldBytes(b) - heldBytes(a))) {
      if (before - budget.usedBytes >= bytes) break
      this.#abandon(session, 'BUDGET_EXHAUSTED')
    }
    return before - budget.usedBytes
  }

  /** The application's kernel has taken so many more bytes. */
  handleConsumed(ref: Ref, bytes: number, now: number): void {
    const session = this.#table.get(ref)
    if (session === undefined) return
    session.inbox.consumed += bytes
    session.window.handleConsumed(session.inbox.consumed, now, this.#options.rttMs())
    if (session.isAckWorthwhile()) this.schedule.oweAck(session, true, now, 0)
    this.#settle(session, now)
  }

  /**
   * Sessions end here and now, without a word to the peer: it is gone, or knows.
   * @param isConcerned by default all; those that the peer cannot know may live on
   */
  dropAll(code: WireCode, isConcerned: (session: Session) => boolean = () => true): void {
    for (const session of [...this.#table.values()].filter(isConcerned)) {
      this.#drop(session)
      if (session.resetSent === undefined) this.#options.emit({ type: 'reset', ref: session.ref, code })
    }
    this.schedule.clear()
  }

  /** The peer is another process: refs start anew. */
  forget(): void {
    this.#largestSeen = 0
  }

  // ---- another carrier

  /** Another carrier sends from now on: Schedule.handleSwitch. */
  handleSwitch(isReplay: boolean): void {
    this.schedule.handleSwitch(isReplay)
  }

  /** The peer has accepted the carrier that sends: what was said on it counts. */
  handleAccepted(): void {
    for (const session of [...this.#table.values()]) this.#settleDone(session)
  }

  /** The tail that an old carrier took will not be acknowledged any more. */
  replayTails(): void {
    this.schedule.settleSwitch(this.#table.values())
    this.schedule.replayTails(this.#table.values())
  }

  /** Fills `record` with what may go now. @param roomBytes how much more may be in flight */
  fill(record: Record, isReplayOnly: boolean, roomBytes: number): void {
    this.schedule.settleSwitch(this.#table.values())
    this.schedule.fill(record, isReplayOnly, roomBytes)
  }

  // ---- time

  /** Moves due acknowledgements and late resets on. */
  handleTimeout(now: number): void {
    this.schedule.handleTimeout(now)
    for (const session of this.#resetWaits) this.#settle(session, now)
  }

  get resetDueAt(): number {
    // All wait equally long, so the first is due first.
    const [first] = this.#resetWaits
    return first?.resetReceived?.dueAt ?? Number.POSITIVE_INFINITY
  }

  // ---- private

  #isOwn(ref: Ref): boolean {
    return ref % 2 === this.#options.parity
  }

  #openUnseen(ref: Ref, isOpen: boolean, payload: readonly Uint8Array[], now: number): Session | undefined {
    // Bytes above the largest seen: their OPEN came before, on this carrier or another, and was another process's.
    if (this.#isOwn(ref) || ref <= this.#largestSeen || !isOpen) {
      this.schedule.answer(ref, goneFrame(ref))
      return undefined
    }
    this.#largestSeen = ref
    const refuse = (code: WireCode) => {
      this.schedule.answer(ref, resetFrame(ref, wireOf(code), 0))
      return undefined
    }
    const request = readOpenRequest(payload)
    if (request === undefined) return refuse('NAME_NOT_FOUND')
    const { budget, sessionsMax } = this.#options
    if (this.#table.size >= sessionsMax || !budget.reserveFloor(LIMITS.windowFloorBytes)) return refuse('OVERLOADED')
    const { sessionId, client, host, port } = request
    const session = new Session({ ref, side: 'far', sessionId, client, to: `${host}:${port}`, openedAt: now, budget })
    this.#table.set(ref, session)
    this.#farSessions++
    session.inbox.receiveOpen()
    this.#options.emit({ type: 'open', ref, request })
    return session
  }

  #handleOpen(session: Session, payload: readonly Uint8Array[]): void {
    if (!session.inbox.receiveOpen() || session.side === 'far') return
    const { code, remote } = decodeOpenResult(concatBytes(payload))
    if (session.resetSent === undefined) {
      this.#options.emit({ type: 'opened', ref: session.ref, code: codeOfOpenResult(code), remote })
    }
    this.#deliver(session, session.inbox.receive(1, [], false, session.window.limit))
  }

  #deliver(session: Session, ordered: Uint8Array[] | WireCode): void {
    if (typeof ordered === 'string') return this.#fail(session, ordered)
    if (ordered.length === 0) return
    if (session.resetSent !== undefined) session.inbox.consumed += byteLength(ordered)
    else this.#options.emit({ type: 'data', ref: session.ref, parts: ordered })
  }

  #oweAck(session: Session, bytes: number, now: number): void {
    session.unackedBytes += bytes
    const isNow = session.isAckWorthwhile() || session.inbox.isFinReceived
    this.schedule.oweAck(session, isNow, now, this.#options.rttMs())
  }

  /** Tells what has become true of a session: its end, its reset, its last word. */
  #settle(session: Session, now: number): void {
    const { ref } = session
    if (!this.#table.has(ref)) return
    if (session.isResetReady(now)) {
      const { code } = session.resetReceived!
      this.#drop(session)
      this.schedule.answer(ref, goneFrame(ref))
      return this.#options.emit({ type: 'reset', ref, code })
    }
    if (session.inbox.isFinReceived && !session.isEndTold && session.resetSent === undefined) {
      session.isEndTold = true
      this.#options.emit({ type: 'end', ref })
    }
    this.#settleDone(session)
  }

  /** The last ACK, that of the FIN, leaves before its session does, and on a carrier that the peer has accepted. */
  #settleDone(session: Session): void {
    if (!session.isDone || this.schedule.isAckDue(session) || !this.#table.has(session.ref)) return
    if (this.#options.isTentative()) return
    this.#drop(session)
    if (session.resetSent === undefined) this.#options.emit({ type: 'closed', ref: session.ref })
  }

  /** A rule of this session is broken: it ends on both sides. */
  #fail(session: Session, code: WireCode): void {
    if (session.resetSent !== undefined) return
    this.reset(session.ref, code)
    this.#options.emit({ type: 'reset', ref: session.ref, code })
  }

  /** It ends here and now, and nothing of it is kept or sent again but the RESET. */
  #abandon(session: Session, code: WireCode): void {
    const isNews = session.resetSent === undefined
    this.reset(session.ref, code)
    if (this.#table.has(session.ref)) this.#discard(session)
    if (isNews) this.#options.emit({ type: 'reset', ref: session.ref, code })
  }

  #drop(session: Session): void {
    this.#table.delete(session.ref)
    if (session.side === 'far') this.#farSessions--
    this.#resetWaits.delete(session)
    this.schedule.drop(session)
    this.#discard(session)
  }

  /** Gives back all memory for its bytes. */
  #discard({ outbox, window }: Session): void {
    this.#options.budget.release(outbox.bufferedBytes)
    outbox.discard()
    window.release()
  }
}

/** @returns undefined when it cannot be read: its session ends, and nothing else */
function readOpenRequest(payload: readonly Uint8Array[]): OpenRequest | undefined {
  try {
    return decodeOpenRequest(concatBytes(payload))
  } catch {
    return undefined
  }
}
