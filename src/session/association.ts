/**
 * An association: the relation of two sidecars. Sans-I/O: no clock, socket, timer or random source in here.
 *
 *     handle*   what happened: a carrier is ready, a record opened, a carrier is lost, time passed
 *     commands  what the owner wants: open, write, finish, reset, migrate
 *     poll*     what is to be done: records to seal and send, events to carry out, when to call again
 *
 * The owner's loop is one sentence: handle one input, drain every output, arm one timer.
 *
 * Before anything else each side says Hello on every carrier. Its parts, each with its theory on top:
 *
 *     sessions.ts      the table of sessions         migration.ts     which carrier is active
 *     schedule.ts      whose turn it is to send      liveness.ts      whether the peer is still there
 *     incarnations.ts  which process of the peer's   rekey.ts         when its keys are renewed
 *     link.ts          one carrier
 */
import type { WireCode } from '../base/codes.ts'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { type Control, decodeControl, type Hello, type MigrateReason, type OpenRequest } from '../wire/control.ts'
import { type InnerFrameVisitor, readInnerFrames } from '../wire/inner-frame.ts'
import type { AssociationOptions, Transmit } from './association-options.ts'
import { EventQueue } from './event-queue.ts'
import type { CarrierId, EngineEvent, Ref } from './events.ts'
import { boundedEndpoints, helloOf } from './hello.ts'
import { Incarnations } from './incarnations.ts'
import { Link, type LinkInit } from './link.ts'
import { Liveness } from './liveness.ts'
import { Migration, type PlannedReason } from './migration.ts'
import { Record } from './record.ts'
import { Rekey } from './rekey.ts'
import type { Session } from './session.ts'
import { Sessions } from './sessions.ts'

export class Association {
  readonly #options: AssociationOptions
  readonly #sessions: Sessions
  readonly #migration: Migration
  readonly #liveness: Liveness
  readonly #rekey: Rekey
  readonly #events = new EventQueue()
  readonly #incarnations: Incarnations
  #holdMs: number
  #isPeerDraining = false
  #hasExpired = false

  constructor(options: AssociationOptions, now: number) {
    this.#options = options
    this.#holdMs = options.holdMs
    const emit = (event: EngineEvent) => {
      if (event.type === 'peerRestarted' || event.type === 'peerStopped') this.#isPeerDraining = false
      this.#events.push(event)
    }
    const rttMs = () => this.#migration.active?.rttMs ?? 0
    const { isGreaterPeer, budget, sessionsMax } = options
    const isTentative = () => this.#migration.sender?.isReplayOnly === true
    const endpoints = () => boundedEndpoints(options.endpoints())
    this.#sessions = new Sessions({ parity: isGreaterPeer ? 1 : 0, budget, sessionsMax, rttMs, isTentative, emit })
    this.#migration = new Migration({ isGreaterPeer, sessions: this.#sessions, emit, endpoints }, now)
    this.#liveness = new Liveness(this.#migration)
    this.#rekey = new Rekey(this.#migration)
    this.#incarnations = new Incarnations({
      migration: this.#migration,
      sessions: this.#sessions,
      emit,
      close: (link, code, detail, at) => this.#close(link, code, detail, at),
      handleRecord: (link, record, at) => this.handleRecord(link.id, record, at),
    })
  }

  /** `idle` before the first carrier, else a state of the migration table. */
  get state(): 'idle' | 'stable' | 'suspended' | 'announcing' {
    const { state, epoch } = this.#migration
    return epoch === 0 && state === 'suspended' ? 'idle' : state
  }

  get epoch(): number {
    return this.#migration.epoch
  }

  /** Since when there is no path; undefined while there is one. */
  get suspendedAt(): number | undefined {
    return this.#migration.suspendedAt
  }

  get activeCarrier(): CarrierId | undefined {
    return this.#migration.active?.id
  }

  /** Why another carrier should be dialed; undefined when none should. */
  get wantsPath(): MigrateReason | undefined {
    return this.#migration.wantsPath
  }

  get peerIncarnation(): Uint8Array | undefined {
    return this.#incarnations.peer
  }

  /** The peer has said Hello on this carrier, and it is the process we know: its keys may be used to resume. */
  isAcquainted(carrier: CarrierId): boolean {
    return this.#migration.links.get(carrier)?.isHelloReceived ?? false
  }

  get replayedBytes(): number {
    return this.#sessions.schedule.replayedBytes
  }

  sessions(): IterableIterator<Session> {
    return this.#sessions.values()
  }

  rttMs(carrier: CarrierId): number | undefined {
    return this.#migration.links.get(carrier)?.rttMs
  }

  // ---- inputs

  /** A carrier may be sealed on from now on, and its peer's key was compared. */
  handleCarrierReady(init: LinkInit, now: number): void {
    const link = new Link(init, now)
    link.send({
      type: 'hello',
      ...helloOf(this.#options, boundedEndpoints(this.#options.endpoints()), this.#incarnations.peer),
    })
    link.ping(now, LIMITS.heartbeatAnswerMs)
    this.#migration.handleReady(link, now)
    this.#migration.propose(now)
  }

  /** A record that cannot be a replay has opened on it. */
  handleCarrierConfirmed(carrier: CarrierId): void {
    const link = this.#migration.links.get(carrier)
    if (link !== undefined) link.isConfirmed = true
  }

  /** The carrier failed, was closed, or lost its address. */
  handleCarrierLost(carrier: CarrierId, now: number): void {
    const link = this.#migration.links.get(carrier)
    if (link === undefined) return
    this.#migration.handleLost(link, now)
    this.#incarnations.handleLost(link, now)
    this.#migration.propose(now)
  }

  /** The carrier takes no more for now, or does again. */
  handleCarrierBlocked(carrier: CarrierId, isBlocked: boolean): void {
    const link = this.#migration.links.get(carrier)
    if (link !== undefined) link.isBlocked = isBlocked
  }

  /**
   * A record has opened.
   * @throws RemoteError the peer broke the protocol: close this carrier with its code, then report it lost
   */
  handleRecord(carrier: CarrierId, parts: readonly Uint8Array[], now: number): void {
    const link = this.#migration.links.get(carrier)
    if (link === undefined) return
    if (link.held !== undefined) return this.#incarnations.handleHeldRecord(link, parts, now)
    readInnerFrames(parts, this.#visitor(link, parts, now))
    link.handleHeard(now, this.#isOutstanding(link))
    this.#migration.handleHeard(link)
    this.#incarnations.handleHeard(link, now)
    this.#migration.propose(now)
  }

  /** An event on a link, a wake after sleep: the active carrier may be dead. @param sleptMs wall time that was slept */
  handleDoubt(now: number, sleptMs = 0): void {
    if (this.#migration.suspendedAt !== undefined) this.#migration.suspendedAt -= sleptMs
    for (const session of this.#sessions.values()) session.openedAt -= sleptMs
    this.#migration.handleDoubt(now)
  }

  /** Every attempt of the present dialing round failed. */
  handleDialFailed(): void {
    if (this.#migration.plan !== undefined) this.#migration.abandonPlan()
  }

  handleTimeout(now: number): void {
    const isLate = now - this.nextTimeout() > LIMITS.loopLateMs
    this.#sessions.handleTimeout(now)
    if (isLate) {
      this.#liveness.forgive(now)
      this.#incarnations.forgive(now)
    }
    this.#liveness.handleTimeout(now)
    this.#rekey.handleTimeout(now)
    for (const link of [...this.#migration.links.values()]) {
      if (now >= link.confirmBy) this.#close(link, 'NOT_CONFIRMED', 'no record under both nonces came in time', now)
    }
    this.#incarnations.handleTimeout(now)
    if (now >= this.#holdUntil) this.#expire()
    this.#migration.handleTimeout(now)
  }

  /** The owner's endpoints have changed: the peer learns them on the active carrier. */
  handleEndpointsChanged(): void {
    this.#migration.active?.send({ type: 'endpointUpdate', endpoints: boundedEndpoints(this.#options.endpoints()) })
  }

  // ---- commands

  /** @throws RemoteError OVERLOADED or SHUTTING_DOWN */
  open(request: OpenRequest, now: number): Ref {
    if (this.#isPeerDraining) throw new RemoteError('SHUTTING_DOWN')
    return this.#sessions.open(request, now)
  }

  acceptOpen(ref: Ref, remote: string): void {
    this.#sessions.acceptOpen(ref, remote)
  }

  /** Takes ownership of `bytes`. @returns false when the outbox is full: a 'writable' event follows */
  write(ref: Ref, bytes: Uint8Array): boolean {
    return this.#sessions.write(ref, bytes)
  }

  finish(ref: Ref): void {
    this.#sessions.finish(ref)
  }

  reset(ref: Ref, code: WireCode): void {
    this.#sessions.reset(ref, code)
  }

  /** The application's kernel has taken so many bytes of 'data' events. */
  handleConsumed(ref: Ref, bytes: number, now: number): void {
    this.#sessions.handleConsumed(ref, bytes, now)
  }

  /** Memory is short: ends sessions while there is no path. @returns how many bytes that released */
  relieve(bytes: number): number {
    return this.#migration.state === 'suspended' ? this.#sessions.relieve(bytes) : 0
  }

  /** Moves to a fresh carrier while the old one works. @returns false when it may not be now */
  migrate(reason: PlannedReason, now: number): boolean {
    return this.#migration.planMove(reason, now)
  }

  /** This side is stopping: the peer is told; local sessions end with `reset` events. */
  goodbye(): void {
    const { active } = this.#migration
    active?.send({ type: 'goodbye' })
    // It is the last word, and leaves however much waits in the carrier.
    if (active !== undefined) active.isBlocked = false
    this.#sessions.dropAll('SHUTTING_DOWN')
  }

  // ---- outputs

  pollEvent(): EngineEvent | undefined {
    return this.#events.shift()
  }

  /** The next record to seal and send; undefined when there is nothing to say. */
  pollTransmit(now: number): Transmit | undefined {
    const sender = this.#migration.sender
    for (const link of this.#migration.links.values()) {
      if (link.isBlocked || (link.control.length === 0 && link !== sender?.link)) continue
      const record = this.#fill(link, sender?.link === link ? sender.isReplayOnly : undefined, now)
      if (record.parts.length > 0) return { carrier: link.id, parts: record.parts }
    }
    return undefined
  }

  /** When `handleTimeout` is due, on the engine's clock; infinite for never. */
  nextTimeout(): number {
    let due = Math.min(
      this.#sessions.schedule.ackDueAt,
      this.#sessions.resetDueAt,
      this.#migration.nextTimeout,
      this.#liveness.nextTimeout,
      this.#incarnations.nextTimeout,
      this.#holdUntil,
      this.#rekey.nextTimeout,
    )
    for (const link of this.#migration.links.values()) due = Math.min(due, link.confirmBy)
    return due
  }

  // ---- private: what comes

  #visitor(link: Link, record: readonly Uint8Array[], now: number): InnerFrameVisitor {
    const sessions = this.#sessions
    // What follows in the same record may be held, or come too late.
    const isTaken = () => link.held === undefined && this.#migration.links.has(link.id)
    const heard = () => {
      if (!isTaken()) return false
      if (!link.isHelloReceived) throw new RemoteError('PROTOCOL_VIOLATION', 'a session frame before Hello')
      return true
    }
    return {
      onData: (ref, offset, flags, payload) => {
        if (!heard()) return
        sessions.handleData(ref, offset, flags, payload, now)
        this.#liveness.handleBytes(link, now)
      },
      onAck: (ref, received, limit) => {
        if (!heard()) return
        const before = sessions.deliveredBytes
        sessions.handleAck(ref, received, limit, now)
        link.handleDelivered(sessions.deliveredBytes - before, now)
      },
      onReset: (ref, code, finalOffset) => {
        if (heard()) sessions.handleReset(ref, code, finalOffset, now)
      },
      onGone: ref => {
        if (heard()) sessions.handleGone(ref)
      },
      onControl: body => {
        if (!isTaken()) return
        const message = decodeControl(body)
        if (message !== undefined) this.#handleControl(link, message, record, now)
      },
    }
  }

  #handleControl(link: Link, message: Control, record: readonly Uint8Array[], now: number): void {
    if (message.type === 'hello') return this.#handleHello(link, message, record, now)
    if (!link.isHelloReceived) throw new RemoteError('PROTOCOL_VIOLATION', `${message.type} before Hello`)
    switch (message.type) {
      case 'migrate':
        this.#events.push({ type: 'endpoints', endpoints: message.endpoints })
        return this.#migration.handleMigrate(link, message, now)
      case 'migrateAck':
        return this.#migration.handleMigrateAck(link, message, now)
      case 'endpointUpdate':
        this.#events.push({ type: 'endpoints', endpoints: message.endpoints })
        return
      case 'ping':
        return link.answer({ type: 'pong', id: message.id })
      case 'pong':
        return void link.handlePong(message.id, now)
      case 'drain':
        this.#isPeerDraining = true
        return
      case 'goodbye':
        return this.#incarnations.handleGoodbye(now)
    }
  }

  #handleHello(link: Link, hello: Hello, record: readonly Uint8Array[], now: number): void {
    if (link.isHelloReceived) throw new RemoteError('PROTOCOL_VIOLATION', 'a second Hello')
    if (!this.#incarnations.handleHello(link, hello, record, now)) return
    link.isHelloReceived = true
    this.#holdMs = Math.min(this.#options.holdMs, hello.holdSeconds * 1000)
    this.#events.push({ type: 'endpoints', endpoints: hello.endpoints })
  }

  // ---- private: time

  /** Sent bytes, a ping or a proposal without a sign of life. */
  #isOutstanding(link: Link): boolean {
    return link === this.#migration.sender?.link && this.#sessions.schedule.flightBytes > 0
  }

  get #holdUntil(): number {
    const { suspendedAt, state } = this.#migration
    const { oldestAt } = this.#sessions
    if (this.#hasExpired || state !== 'suspended' || suspendedAt === undefined || oldestAt === undefined)
      return Number.POSITIVE_INFINITY
    return Math.max(suspendedAt, oldestAt) + this.#holdMs
  }

  #expire(): void {
    this.#hasExpired = true
    this.#sessions.dropAll('HOLD_EXPIRED')
    this.#events.push({ type: 'expired' })
  }

  // ---- private: what goes

  /** @param isReplayOnly undefined when `link` carries control messages only */
  #fill(link: Link, isReplayOnly: boolean | undefined, now: number): Record {
    const { schedule } = this.#sessions
    const record = new Record(link.recordBytesMax)
    if (isReplayOnly !== undefined && schedule.flightBytes > 0 && now >= link.lastPingAt + LIMITS.pingEveryMs) {
      link.ping(now, LIMITS.heartbeatAnswerMs)
    }
    while (link.control.length > 0 && !record.isFull) record.add(link.control.shift()!)
    if (isReplayOnly !== undefined) {
      const { flightBytesMax } = link
      this.#sessions.outboxTargetBytes = Math.min(LIMITS.outboxBytesMax, 2 * flightBytesMax)
      this.#sessions.fill(record, isReplayOnly, flightBytesMax - schedule.flightBytes)
      this.#migration.handleTransmitted()
      link.hasFlight = schedule.flightBytes > 0
      if (link.hasFlight) link.awaitingSince ??= now
    }
    link.sentBytes += record.bytes
    return record
  }

  #close(link: Link, code: WireCode, detail: string, now: number): void {
    this.#events.push({ type: 'closeCarrier', carrier: link.id, code, detail })
    this.handleCarrierLost(link.id, now)
  }
}
