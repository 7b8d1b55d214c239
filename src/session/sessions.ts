/**
 * All sessions of an association: the table of refs, what their frames mean, and whose turn it is to send.
 *
 * Refs. A counter of the opener shifted left by one; the lowest bit says which side opened. On every carrier OPENs leave in
 * ref order, unacknowledged ones first. So a ref that is not above the largest seen and not in the table is closed: no
 * tombstones are kept, and the far side dials once however often OPEN comes.
 *
 *     frame for a ref            in the table     closed (own, or not above the largest)    above the largest
 *     DATA with OPEN             duplicate        answer GONE                               open it
 *     DATA                       to its inbox     answer GONE                               protocol violation
 *     ACK                        to its outbox    ignore                                    ignore
 *     RESET                      reset, GONE      answer GONE                               close it unseen, GONE
 *     GONE                       ends it          ignore                                    ignore
 *
 * Sending is fair: OPENs in order, then round robin by session, one piece of at most LIMITS.dataBytesMax each.
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
import {
  ackFrame,
  DATA_OVERHEAD_BYTES,
  dataHeader,
  FLAG_FIN,
  FLAG_OPEN,
  goneFrame,
  resetFrame,
} from '../wire/inner-frame.ts'
import type { EngineEvent, Ref } from './events.ts'
import { lengthOf } from './outbox.ts'
import type { Record } from './record.ts'
import { Session } from './session.ts'
import type { Budget } from './window.ts'

export interface SessionsOptions {
  /** Lowest bit of our refs: 0 for the smaller peer ID. */
  readonly parity: 0 | 1
  readonly budget: Budget
  readonly sessionsMax: number
  /** Round trip of the active carrier; 0 while unknown. */
  readonly rttMs: () => number
  readonly emit: (event: EngineEvent) => void
}

export class Sessions {
  /** Sent on the sending carrier and not acknowledged, over all sessions. */
  flightBytes = 0
  /** Bytes of applications acknowledged by the peer, for the rate. */
  deliveredBytes = 0
  /** Outboxes are filled up to this; follows the carrier's flight. */
  outboxTargetBytes: number = LIMITS.flightBytesMin * 2
  /** When acknowledgements that wait for company leave at the latest. */
  ackDueAt = Number.POSITIVE_INFINITY
  /** Second transmissions, in bytes. */
  replayedBytes = 0
  readonly #options: SessionsOptions
  readonly #table = new Map<Ref, Session>()
  #ownRefs = 0
  #largestSeen = 0
  #opens: Session[] = []
  #queue: Session[] = []
  /** Sessions whose ACK waits for company, until `ackDueAt`. */
  #acksWaiting = new Set<Session>()
  /** Sessions whose ACK leaves with the next record. */
  #acksDue = new Set<Session>()
  #resetsDue = new Set<Session>()
  /** GONE and refusals for refs without a session; bounded, since an answer may be lost anyway. */
  #answers = new Map<Ref, Uint8Array>()
  #resetWaits = new Set<Session>()

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#table.size
  }

  /** The peer may know a session here, so only the process that does may hear of it again. */
  get hasShared(): boolean {
    for (const session of this.#table.values()) if (session.side === 'far' || session.outbox.sent > 0) return true
    return false
  }

  /** Unacknowledged bytes, an open without answer, an unanswered reset: what makes silence suspicious. */
  get isOutstanding(): boolean {
    return this.flightBytes > 0
  }

  values(): IterableIterator<Session> {
    return this.#table.values()
  }

  get(ref: Ref): Session | undefined {
    return this.#table.get(ref)
  }

  // ---- frames from the peer

  /** @throws RemoteError PROTOCOL_VIOLATION, which closes the carrier it came on */
  handleData(ref: Ref, offset: number, flags: number, payload: readonly Uint8Array[], now: number): void {
    const isOpen = (flags & FLAG_OPEN) !== 0
    const session = this.#table.get(ref) ?? this.#openUnseen(ref, isOpen, payload)
    if (session === undefined) return
    if (isOpen) this.#handleOpen(session, payload)
    else this.#handleBytes(session, offset, payload, (flags & FLAG_FIN) !== 0)
    this.#oweAck(session, isOpen ? 1 : byteLength(payload), now)
    this.#settle(session, now)
  }

  handleAck(ref: Ref, received: number, limit: number, now: number): void {
    const session = this.#table.get(ref)
    if (session === undefined) return
    const flightBefore = session.flightBytes
    const buffered = session.outbox.bufferedBytes
    const advanced = session.handleAck(received, limit)
    if (typeof advanced !== 'number') return this.#fail(session, advanced)
    this.flightBytes -= flightBefore - session.flightBytes
    const released = buffered - session.outbox.bufferedBytes
    this.deliveredBytes += advanced
    this.#options.budget.release(released)
    if (session.isWriterWaiting && session.outbox.bufferedBytes <= this.outboxTargetBytes / 2) {
      session.isWriterWaiting = false
      this.#options.emit({ type: 'writable', ref })
    }
    this.#enqueue(session)
    this.#settle(session, now)
  }

  handleReset(ref: Ref, code: number, finalOffset: number, now: number): void {
    const session = this.#table.get(ref)
    if (session === undefined) {
      if (!this.#isOwn(ref)) this.#largestSeen = Math.max(this.#largestSeen, ref)
      return this.#answer(ref, goneFrame(ref))
    }
    if (session.resetSent !== undefined) {
      this.#answer(ref, goneFrame(ref))
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
  open(request: OpenRequest): Ref {
    const { budget, sessionsMax, parity } = this.#options
    if (this.#table.size >= sessionsMax || !budget.reserve(LIMITS.windowFloorBytes)) throw new RemoteError('OVERLOADED')
    const ref = ++this.#ownRefs * 2 + parity
    const { sessionId, client, host, port } = request
    const session = new Session({ ref, side: 'near', sessionId, client, to: `${host}:${port}`, budget })
    session.outbox.open(encodeOpenRequest(request))
    this.#table.set(ref, session)
    session.isQueued = true
    this.#opens.push(session)
    return ref
  }

  /** Far side: the destination is connected. */
  acceptOpen(ref: Ref, remote: string): void {
    const session = this.#table.get(ref)
    if (session === undefined || session.outbox.isOpened) return
    session.outbox.open(encodeOpenResult({ code: 0, remote }))
    this.#enqueue(session)
  }

  /** Takes ownership of `bytes`. @returns false when the outbox is full: 'writable' follows */
  write(ref: Ref, bytes: Uint8Array): boolean {
    const session = this.#table.get(ref)
    if (session === undefined || session.resetSent !== undefined || session.outbox.isFinished) return true
    this.#options.budget.usedBytes += bytes.length
    session.outbox.append(bytes)
    this.#enqueue(session)
    const isShort = this.#options.budget.freeBytes < this.#options.budget.totalBytes / 8
    session.isWriterWaiting =
      session.outbox.bufferedBytes >= (isShort ? LIMITS.windowFloorBytes : this.outboxTargetBytes)
    return !session.isWriterWaiting
  }

  finish(ref: Ref): void {
    const session = this.#table.get(ref)
    if (session === undefined || session.resetSent !== undefined) return
    session.outbox.finish()
    this.#enqueue(session)
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
    this.#resetsDue.add(session)
    this.#enqueue(session)
  }

  /** The application's kernel has taken so many more bytes. */
  handleConsumed(ref: Ref, bytes: number, now: number): void {
    const session = this.#table.get(ref)
    if (session === undefined) return
    session.inbox.consumed += bytes
    session.window.handleConsumed(session.inbox.consumed, now, this.#options.rttMs())
    if (session.isAckWorthwhile()) this.#acksDue.add(session)
    this.#settle(session, now)
  }

  /** All sessions end here and now, without a word to the peer: it is gone, or knows. */
  dropAll(code: WireCode): void {
    for (const session of [...this.#table.values()]) {
      this.#drop(session)
      if (session.resetSent === undefined) this.#options.emit({ type: 'reset', ref: session.ref, code })
    }
    this.#answers.clear()
    this.flightBytes = 0
  }

  /** The peer is another process: refs start anew. */
  forget(): void {
    this.#largestSeen = 0
  }

  // ---- sending

  /**
   * Another carrier sends from now on. Every session states its ACK and limit again, else a limit raised on a dying carrier
   * is lost and its session hangs; unanswered RESETs and unacknowledged OPENs go again.
   * @param isReplay the old carrier is lost: everything unacknowledged goes again; else only the opens do
   */
  handleSwitch(isReplay: boolean): void {
    this.flightBytes = 0
    this.#opens = []
    this.#queue = []
    const busyFirst = [...this.#table.values()].sort((a, b) => Number(isBusy(b)) - Number(isBusy(a)))
    for (const session of busyFirst) {
      session.flightBytes = 0
      session.tailEnd = session.outbox.sent
      session.isQueued = session.side === 'near' && session.outbox.isOpenPending
      this.#acksDue.add(session)
      if (session.resetSent !== undefined) this.#resetsDue.add(session)
      if (isReplay) session.outbox.replay()
      else if (session.outbox.isOpenPending) session.outbox.replay(1)
      if (session.isQueued) this.#opens.push(session)
      else this.#enqueue(session)
    }
    this.#opens.sort((a, b) => a.ref - b.ref)
  }

  /** The tail that an old carrier took will not be acknowledged any more. */
  replayTails(): void {
    for (const session of this.#table.values()) {
      session.outbox.replay(session.tailEnd)
      this.#enqueue(session)
    }
  }

  /** Moves due acknowledgements and late resets on. */
  handleTimeout(now: number): void {
    if (now >= this.ackDueAt) {
      this.ackDueAt = Number.POSITIVE_INFINITY
      for (const session of this.#acksWaiting) this.#acksDue.add(session)
      this.#acksWaiting.clear()
    }
    for (const session of this.#resetWaits) this.#settle(session, now)
  }

  get resetDueAt(): number {
    let due = Number.POSITIVE_INFINITY
    for (const session of this.#resetWaits) due = Math.min(due, session.resetReceived?.dueAt ?? due)
    return due
  }

  /** Fills `record` with what may go now. @param roomBytes how much more may be in flight */
  fill(record: Record, isReplayOnly: boolean, roomBytes: number): void {
    this.#fillAnswers(record)
    this.#fillAcks(record)
    this.#fillOpens(record, isReplayOnly)
    this.#fillResets(record)
    let room = roomBytes
    for (let turns = this.#queue.length; turns > 0 && !record.isFull && room > 0; turns--) {
      const session = this.#queue.shift()!
      session.isQueued = false
      if (!this.#table.has(session.ref)) continue
      room -= this.#fillFrom(session, record, isReplayOnly, room)
      this.#enqueue(session)
    }
  }

  #fillAnswers(record: Record): void {
    for (const [ref, frame] of this.#answers) {
      if (record.isFull) return
      this.#answers.delete(ref)
      record.add(frame)
    }
  }

  #fillAcks(record: Record): void {
    for (const session of this.#acksDue) {
      if (record.isFull) return
      this.#addAck(session, record)
    }
  }

  #fillResets(record: Record): void {
    for (const session of this.#resetsDue) {
      if (record.isFull) return
      this.#resetsDue.delete(session)
      const { code, finalOffset } = session.resetSent!
      record.add(resetFrame(session.ref, wireOf(code), finalOffset))
    }
  }

  /** In ref order and never past one that may not go. */
  #fillOpens(record: Record, isReplayOnly: boolean): void {
    while (this.#opens.length > 0 && !record.isFull) {
      const session = this.#opens[0]!
      if (this.#table.has(session.ref) && session.outbox.isOpenPending) {
        if (!session.outbox.hasNext(isReplayOnly)) return
        this.#addPiece(session, record, isReplayOnly, 1)
      }
      this.#opens.shift()
      session.isQueued = false
      this.#enqueue(session)
    }
  }

  /** @returns bytes taken from the room in flight */
  #fillFrom(session: Session, record: Record, isReplayOnly: boolean, room: number): number {
    if (!session.outbox.hasNext(isReplayOnly)) return 0
    if (this.#acksWaiting.has(session)) this.#addAck(session, record)
    const space = Math.max(1, record.bytesMax - record.bytes - DATA_OVERHEAD_BYTES)
    return this.#addPiece(session, record, isReplayOnly, Math.min(space, room, LIMITS.dataBytesMax))
  }

  #addPiece(session: Session, record: Record, isReplayOnly: boolean, bytesMax: number): number {
    const sentBefore = session.outbox.sent
    const piece = session.outbox.next(bytesMax, isReplayOnly)
    if (piece === undefined) return 0
    const length = lengthOf(piece)
    if (piece.offset < sentBefore) this.replayedBytes += piece.payloadBytes
    record.add(dataHeader(session.ref, piece.offset, piece.flags, piece.payloadBytes), ...piece.payload)
    session.flightBytes += length
    this.flightBytes += length
    return length
  }

  #addAck(session: Session, record: Record): void {
    this.#acksWaiting.delete(session)
    this.#acksDue.delete(session)
    const { received, limit } = session.takeAck()
    record.add(ackFrame(session.ref, received, limit))
    this.#settleDone(session)
  }

  // ---- private

  #isOwn(ref: Ref): boolean {
    return ref % 2 === this.#options.parity
  }

  #openUnseen(ref: Ref, isOpen: boolean, payload: readonly Uint8Array[]): Session | undefined {
    if (this.#isOwn(ref) || ref <= this.#largestSeen) {
      this.#answer(ref, goneFrame(ref))
      return undefined
    }
    if (!isOpen) throw new RemoteError('PROTOCOL_VIOLATION', `bytes for session ${ref}, which was never opened`)
    const request = decodeOpenRequest(concatBytes(payload))
    this.#largestSeen = ref
    const { budget, sessionsMax } = this.#options
    if (this.#table.size >= sessionsMax || !budget.reserve(LIMITS.windowFloorBytes)) {
      this.#answer(ref, resetFrame(ref, wireOf('OVERLOADED'), 0))
      return undefined
    }
    const { sessionId, client, host, port } = request
    const session = new Session({ ref, side: 'far', sessionId, client, to: `${host}:${port}`, budget })
    this.#table.set(ref, session)
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

  #handleBytes(session: Session, offset: number, payload: readonly Uint8Array[], hasFin: boolean): void {
    this.#deliver(session, session.inbox.receive(offset, payload, hasFin, session.window.limit))
  }

  #deliver(session: Session, ordered: Uint8Array[] | WireCode): void {
    if (typeof ordered === 'string') return this.#fail(session, ordered)
    if (ordered.length === 0) return
    if (session.resetSent !== undefined) session.inbox.consumed += byteLength(ordered)
    else this.#options.emit({ type: 'data', ref: session.ref, parts: ordered })
  }

  #oweAck(session: Session, bytes: number, now: number): void {
    session.unackedBytes += bytes
    if (session.isAckWorthwhile() || session.inbox.isFinReceived) this.#acksDue.add(session)
    else {
      this.#acksWaiting.add(session)
      const delayMs = Math.min(LIMITS.ackDelayMaxMs, Math.max(LIMITS.ackDelayMinMs, this.#options.rttMs() / 4))
      this.ackDueAt = Math.min(this.ackDueAt, now + delayMs)
    }
  }

  /** Tells what has become true of a session: its end, its reset, its last word. */
  #settle(session: Session, now: number): void {
    const { ref } = session
    if (!this.#table.has(ref)) return
    if (session.isResetReady(now)) {
      const { code } = session.resetReceived!
      this.#drop(session)
      this.#answer(ref, goneFrame(ref))
      return this.#options.emit({ type: 'reset', ref, code })
    }
    if (session.inbox.isFinReceived && !session.isEndTold && session.resetSent === undefined) {
      session.isEndTold = true
      this.#options.emit({ type: 'end', ref })
    }
    this.#settleDone(session)
  }

  /** The last ACK, that of the FIN, leaves before its session does. */
  #settleDone(session: Session): void {
    if (!session.isDone || this.#acksDue.has(session) || !this.#table.has(session.ref)) return
    this.#drop(session)
    if (session.resetSent === undefined) this.#options.emit({ type: 'closed', ref: session.ref })
  }

  /** The peer broke a rule of this session: it ends on both sides. */
  #fail(session: Session, code: WireCode): void {
    if (session.resetSent !== undefined) return
    this.reset(session.ref, code)
    this.#options.emit({ type: 'reset', ref: session.ref, code })
  }

  #drop(session: Session): void {
    this.#table.delete(session.ref)
    this.#acksWaiting.delete(session)
    this.#acksDue.delete(session)
    this.#resetsDue.delete(session)
    this.#resetWaits.delete(session)
    this.flightBytes -= session.flightBytes
    session.flightBytes = 0
    session.window.release()
    this.#options.budget.release(session.outbox.bufferedBytes)
  }

  #enqueue(session: Session): void {
    if (session.isQueued || !session.outbox.hasNext(false)) return
    session.isQueued = true
    this.#queue.push(session)
  }

  #answer(ref: Ref, frame: Uint8Array): void {
    if (this.#answers.size < LIMITS.answersMax) this.#answers.set(ref, frame)
  }
}

function isBusy(session: Session): boolean {
  return session.flightBytes > 0 || session.unackedBytes > 0
}
