/**
 * Whose turn it is to send, over all sessions of an association. A record is filled in this order:
 *
 *     answers (GONE, refusals), ACKs, OPENs in ref order, RESETs, then bytes round robin by session,
 *     one piece of at most LIMITS.dataBytesMax each
 *
 * An OPEN that may not go yet holds back the later ones, since a ref not above the largest seen counts as closed.
 */
import { wireOf } from '../base/codes.ts'
import { LIMITS } from '../base/limits.ts'
import { ackFrame, DATA_OVERHEAD_BYTES, dataHeader, resetFrame } from '../wire/inner-frame.ts'
import type { Ref } from './events.ts'
import { lengthOf } from './outbox.ts'
import type { Record } from './record.ts'
import type { Session } from './session.ts'

export class Schedule {
  /** Sent on the sending carrier and not acknowledged, over all sessions. */
  flightBytes = 0
  /** Second transmissions, in bytes. */
  replayedBytes = 0
  /** When acknowledgements that wait for company leave at the latest. */
  ackDueAt = Number.POSITIVE_INFINITY
  /** In ref order. */
  #opens = new Set<Session>()
  #queue: Session[] = []
  /** Sessions whose ACK waits for company, until `ackDueAt`. */
  readonly #acksWaiting = new Set<Session>()
  /** Sessions whose ACK leaves with the next record. */
  readonly #acksDue = new Set<Session>()
  readonly #resetsDue = new Set<Session>()
  /** GONE and refusals for refs without a session; bounded, since an answer may be lost anyway. */
  readonly #answers = new Map<Ref, Uint8Array>()
  readonly #onAckSent: (session: Session) => void
  /** A switch that was told and not carried out yet: with a replay of everything, or of the opens only. */
  #switchDue: 'replay' | 'opens' | undefined

  /** @param onAckSent an ACK of this session has just left: it may have been the last word */
  constructor(onAckSent: (session: Session) => void) {
    this.#onAckSent = onAckSent
  }

  isAckDue(session: Session): boolean {
    return this.#acksDue.has(session)
  }

  // ---- what is to be sent

  /** Its bytes, if it has any that may go, leave when it is its turn. */
  enqueue(session: Session): void {
    if (session.isQueued || !session.outbox.hasNext(false)) return
    session.isQueued = true
    this.#queue.push(session)
  }

  enqueueOpen(session: Session): void {
    session.isQueued = true
    this.#opens.add(session)
  }

  oweAck(session: Session, isNow: boolean, now: number, rttMs: number): void {
    if (isNow) {
      this.#acksDue.add(session)
      return
    }
    this.#acksWaiting.add(session)
    const delayMs = Math.min(LIMITS.ackDelayMaxMs, Math.max(LIMITS.ackDelayMinMs, rttMs / 4))
    this.ackDueAt = Math.min(this.ackDueAt, now + delayMs)
  }

  oweReset(session: Session): void {
    this.#resetsDue.add(session)
    this.enqueue(session)
  }

  answer(ref: Ref, frame: Uint8Array): void {
    if (this.#answers.size < LIMITS.answersMax) this.#answers.set(ref, frame)
  }

  handleTimeout(now: number): void {
    if (now < this.ackDueAt) return
    this.ackDueAt = Number.POSITIVE_INFINITY
    for (const session of this.#acksWaiting) this.#acksDue.add(session)
    this.#acksWaiting.clear()
  }

  /** So many bytes of a session in flight were acknowledged. Before a switch, all that was in flight was forgotten. */
  handleAcked(bytes: number): void {
    if (this.#switchDue === undefined) this.flightBytes -= bytes
  }

  /** The session is over: nothing of it leaves any more. */
  drop(session: Session): void {
    session.isOver = true
    this.#acksWaiting.delete(session)
    this.#acksDue.delete(session)
    this.#resetsDue.delete(session)
    this.#opens.delete(session)
    this.handleAcked(session.flightBytes)
    session.flightBytes = 0
  }

  clear(): void {
    this.#answers.clear()
  }

  // ---- another carrier

  /**
   * Another carrier sends from now on. Every session states its ACK and limit again, else a limit raised on a dying carrier
   * is lost and its session hangs; unanswered RESETs and unacknowledged OPENs go again.
   * It is carried out by `settleSwitch`, once for however many switches a peer causes between two transmissions.
   * @param isReplay the old carrier is lost: everything unacknowledged goes again; else only the opens do
   */
  handleSwitch(isReplay: boolean): void {
    this.flightBytes = 0
    if (isReplay || this.#switchDue === undefined) this.#switchDue = isReplay ? 'replay' : 'opens'
  }

  /** To be called before anything is sent, with all sessions. */
  settleSwitch(sessions: Iterable<Session>): void {
    if (this.#switchDue === undefined) return
    const isReplay = this.#switchDue === 'replay'
    this.#switchDue = undefined
    this.#queue = []
    const opens: Session[] = []
    const busyFirst = [...sessions].sort((a, b) => Number(isBusy(b)) - Number(isBusy(a)))
    for (const session of busyFirst) {
      session.flightBytes = 0
      session.tailEnd = session.outbox.sent
      session.isQueued = session.side === 'near' && session.outbox.isOpenPending
      this.#acksDue.add(session)
      if (session.resetSent !== undefined) this.#resetsDue.add(session)
      if (isReplay) session.outbox.replay()
      else if (session.outbox.isOpenPending) session.outbox.replay(1)
      if (session.isQueued) opens.push(session)
      else this.enqueue(session)
    }
    this.#opens = new Set(opens.sort((a, b) => a.ref - b.ref))
  }

  /** The tail that an old carrier took will not be acknowledged any more. */
  replayTails(sessions: Iterable<Session>): void {
    for (const session of sessions) {
      if (session.outbox.acked >= session.tailEnd) continue
      // What went out since waits at the peer for this, unacknowledged: it must not take the room of what it waits for.
      this.handleAcked(session.flightBytes)
      session.flightBytes = 0
      session.outbox.replay(session.tailEnd)
      this.enqueue(session)
    }
  }

  // ---- sending

  /**
   * Fills `record` with what may go now. Answers are not kept, so they wait for a carrier that the peer has accepted.
   * @param roomBytes how much more may be in flight
   */
  fill(record: Record, isReplayOnly: boolean, roomBytes: number): void {
    if (!isReplayOnly) this.#fillAnswers(record)
    this.#fillAcks(record)
    this.#fillOpens(record, isReplayOnly)
    this.#fillResets(record)
    let room = roomBytes
    for (let turns = this.#queue.length; turns > 0 && !record.isFull && room > 0; turns--) {
      const session = this.#queue.shift()!
      session.isQueued = false
      if (session.isOver) continue
      room -= this.#fillFrom(session, record, isReplayOnly, room)
      this.enqueue(session)
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
    for (const session of this.#opens) {
      if (record.isFull) return
      if (session.outbox.isOpenPending) {
        if (!session.outbox.hasNext(isReplayOnly)) return
        this.#addPiece(session, record, isReplayOnly, 1)
      }
      this.#opens.delete(session)
      session.isQueued = false
      this.enqueue(session)
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
    const piece = session.outbox.next(bytesMax, isReplayOnly)!
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
    this.#onAckSent(session)
  }
}

function isBusy(session: Session): boolean {
  return session.flightBytes > 0 || session.unackedBytes > 0
}
