/**
 * An association: the relation of two sidecars. Sans-I/O: no clock, socket, timer or random source in here.
 *
 *     handle*   what happened: a carrier is ready, a record opened, a carrier is lost, time passed
 *     commands  what the owner wants: open, write, finish, reset, migrate
 *     poll*     what is to be done: records to seal and send, events to carry out, when to call again
 *
 * The owner's loop is one sentence: handle one input, drain every output, arm one timer.
 *
 * Before anything else each side says Hello on every carrier. An incarnation other than the one known means that the peer is
 * another process and its sessions are gone; while the first still answers on the active carrier, the second is a duplicate.
 */
import type { WireCode } from '../base/codes.ts'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength, equalBytes } from '../wire/bytes.ts'
import { type Control, decodeControl, type Hello, type MigrateReason, type OpenRequest } from '../wire/control.ts'
import { type InnerFrameVisitor, readInnerFrames } from '../wire/inner-frame.ts'
import type { CarrierId, EngineEvent, Ref } from './events.ts'
import { Link, type LinkInit } from './link.ts'
import { Migration, type PlannedReason } from './migration.ts'
import { Record } from './record.ts'
import type { Session } from './session.ts'
import { Sessions } from './sessions.ts'
import type { Budget } from './window.ts'

export interface AssociationOptions {
  /** Our peer ID is the greater of the two in byte order: it wins ties and owns the odd refs. */
  readonly isGreaterPeer: boolean
  /** 16 random bytes, new for every association object. */
  readonly incarnation: Uint8Array
  readonly holdMs: number
  readonly sessionsMax: number
  readonly budget: Budget
  /** Where this side can be dialed now. */
  readonly endpoints: () => readonly string[]
}

/** One record's plaintext, to be sealed and sent on a carrier. */
export interface Transmit {
  readonly carrier: CarrierId
  readonly parts: readonly Uint8Array[]
}

export class Association {
  readonly #options: AssociationOptions
  readonly #sessions: Sessions
  readonly #migration: Migration
  readonly #events: EngineEvent[] = []
  #peerIncarnation: Uint8Array | undefined
  #holdMs: number
  #isPeerDraining = false
  #hasExpired = false
  #probeAt = Number.POSITIVE_INFINITY
  #duplicate: { readonly link: Link; readonly since: number } | undefined

  constructor(options: AssociationOptions, now: number) {
    this.#options = options
    this.#holdMs = options.holdMs
    const emit = (event: EngineEvent) => this.#events.push(event)
    const parity = options.isGreaterPeer ? 1 : 0
    const rttMs = () => this.#migration.active?.rttMs ?? 0
    const { budget, sessionsMax } = options
    this.#sessions = new Sessions({ parity, budget, sessionsMax, rttMs, emit })
    const { isGreaterPeer, endpoints } = options
    this.#migration = new Migration({ isGreaterPeer, sessions: this.#sessions, emit, endpoints }, now)
  }

  /** `idle` before the first carrier, else a state of the migration table. */
  get state(): 'idle' | 'stable' | 'suspended' | 'announcing' {
    const { state, epoch } = this.#migration
    return epoch === 0 && state === 'suspended' ? 'idle' : state
  }

  get epoch(): number {
    return this.#migration.epoch
  }

  get activeCarrier(): CarrierId | undefined {
    return this.#migration.active?.id
  }

  /** Why another carrier should be dialed; undefined when none should. */
  get wantsPath(): MigrateReason | undefined {
    return this.#migration.wantsPath
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  get peerIncarnation(): Uint8Array | undefined {
    return this.#peerIncarnation
  }

  /** The peer has said Hello on this carrier, and it is the process we know: its keys may be used to resume. */
  isAcquainted(carrier: CarrierId): boolean {
    return this.#migration.links.get(carrier)?.isHelloReceived ?? false
  }

  get replayedBytes(): number {
    return this.#sessions.replayedBytes
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
    link.send({ type: 'hello', ...this.#hello() })
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
    if (this.#duplicate?.link === link) this.#duplicate = undefined
    this.#migration.handleLost(link, now)
    this.#settleDuplicate(now)
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
    if (link.held !== undefined) return this.#hold(link, parts)
    readInnerFrames(parts, this.#visitor(link, parts, now))
    if (!this.#migration.links.has(carrier)) return
    link.handleHeard(now, this.#isOutstanding(link))
    this.#migration.handleHeard(link)
    if (this.#duplicate !== undefined && link === this.#migration.active) this.#refuseDuplicate(now)
    this.#migration.propose(now)
  }

  /** An event on a link, a wake after sleep: the active carrier may be dead. @param sleptMs wall time that was slept */
  handleDoubt(now: number, sleptMs = 0): void {
    if (this.#migration.suspendedAt !== undefined) this.#migration.suspendedAt -= sleptMs
    this.#migration.handleDoubt(now)
  }

  /** Every attempt of the present dialing round failed. */
  handleDialFailed(): void {
    if (this.#migration.plan !== undefined) this.#migration.abandonPlan()
  }

  handleTimeout(now: number): void {
    const { active } = this.#migration
    const isLate = now - this.nextTimeout() > LIMITS.loopLateMs
    this.#sessions.handleTimeout(now)
    if (isLate) this.#forgive(now)
    if (active !== undefined && now >= this.#probeAt) this.#probe(active, now)
    if (
      active !== undefined &&
      now >= active.lastPingAt + LIMITS.heartbeatMs &&
      now >= active.lastHeardAt + LIMITS.heartbeatMs
    ) {
      active.ping(now, LIMITS.heartbeatAnswerMs)
    }
    if (active !== undefined && now >= active.doubtAt) this.#migration.handleDoubt(now)
    for (const link of [...this.#migration.links.values()]) {
      if (now >= confirmBy(link)) this.#close(link, 'NOT_CONFIRMED', 'no record under both nonces came in time', now)
    }
    if (this.#duplicate !== undefined && now >= this.#duplicate.since + LIMITS.duplicateIdentityMs)
      this.#settleDuplicate(now, true)
    if (now >= this.#holdUntil) this.#expire()
    this.#migration.handleTimeout(now)
  }

  /** The owner's endpoints have changed: the peer learns them on the active carrier. */
  handleEndpointsChanged(): void {
    this.#migration.active?.send({ type: 'endpointUpdate', endpoints: this.#options.endpoints() })
  }

  // ---- commands

  /** @throws RemoteError OVERLOADED or SHUTTING_DOWN */
  open(request: OpenRequest): Ref {
    if (this.#isPeerDraining) throw new RemoteError('SHUTTING_DOWN')
    return this.#sessions.open(request)
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

  /** Moves to a fresh carrier while the old one works. @returns false when it may not be now */
  migrate(reason: PlannedReason, now: number): boolean {
    return this.#migration.planMove(reason, now)
  }

  /** This side is stopping: the peer is told; local sessions end with `reset` events. */
  goodbye(): void {
    this.#migration.active?.send({ type: 'goodbye' })
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
    const { active, links } = this.#migration
    let due = Math.min(this.#sessions.ackDueAt, this.#sessions.resetDueAt, this.#migration.nextTimeout, this.#holdUntil)
    if (active !== undefined) {
      const heartbeatAt = Math.max(active.lastPingAt, active.lastHeardAt) + LIMITS.heartbeatMs
      const doubtAt = this.#migration.doubtedSince === undefined ? active.doubtAt : Number.POSITIVE_INFINITY
      due = Math.min(due, heartbeatAt, doubtAt, this.#probeAt)
    }
    for (const link of links.values()) due = Math.min(due, confirmBy(link))
    if (this.#duplicate !== undefined) due = Math.min(due, this.#duplicate.since + LIMITS.duplicateIdentityMs)
    return due
  }

  // ---- private: what comes

  #visitor(link: Link, record: readonly Uint8Array[], now: number): InnerFrameVisitor {
    const sessions = this.#sessions
    const heard = () => {
      if (link.held !== undefined) return false
      if (!link.isHelloReceived) throw new RemoteError('PROTOCOL_VIOLATION', 'a session frame before Hello')
      return true
    }
    return {
      onData: (ref, offset, flags, payload) => {
        if (!heard()) return
        sessions.handleData(ref, offset, flags, payload, now)
        if (link === this.#migration.active) this.#probeAt = now + link.probeMs
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
        if (link.held !== undefined) return
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
        if (link.control.length < LIMITS.controlQueueMax) link.send({ type: 'pong', id: message.id })
        return
      case 'pong':
        link.handlePong(message.id, now)
        return
      case 'drain':
        this.#isPeerDraining = true
        return
      case 'goodbye':
        this.#sessions.dropAll('SHUTTING_DOWN')
        this.#forgetPeer()
    }
  }

  #handleHello(link: Link, hello: Hello, record: readonly Uint8Array[], now: number): void {
    if (link.isHelloReceived) throw new RemoteError('PROTOCOL_VIOLATION', 'a second Hello')
    const known = this.#peerIncarnation
    if (known !== undefined && !equalBytes(known, hello.incarnation)) {
      const { active } = this.#migration
      if (active !== undefined && active !== link) return this.#suspectDuplicate(link, record, now)
      this.#replacePeer(link, now)
    }
    this.#peerIncarnation = hello.incarnation
    link.isHelloReceived = true
    this.#holdMs = Math.min(this.#options.holdMs, hello.holdSeconds * 1000)
    this.#events.push({ type: 'endpoints', endpoints: hello.endpoints })
  }

  // ---- private: incarnations

  /** A second process with the peer's key: it waits until the first has answered, or not. */
  #suspectDuplicate(link: Link, record: readonly Uint8Array[], now: number): void {
    if (this.#duplicate !== undefined) throw new RemoteError('DUPLICATE_IDENTITY')
    this.#duplicate = { link, since: now }
    link.held = [record]
    this.#migration.active!.ping(now, 0)
  }

  #hold(link: Link, parts: readonly Uint8Array[]): void {
    link.held!.push(parts)
    const bytes = link.held!.reduce((sum, record) => sum + byteLength(record), 0)
    if (bytes > LIMITS.earlyBytesMax)
      throw new RemoteError('DUPLICATE_IDENTITY', 'too much came before the first had answered')
  }

  #refuseDuplicate(now: number): void {
    const { link } = this.#duplicate!
    this.#duplicate = undefined
    this.#close(link, 'DUPLICATE_IDENTITY', 'the peer’s first process still answers', now)
  }

  /** The first is gone, or silent for long enough: the second takes its place. */
  #settleDuplicate(now: number, isDue = false): void {
    const duplicate = this.#duplicate
    if (duplicate === undefined || (this.#migration.active !== undefined && !isDue)) return
    this.#duplicate = undefined
    const { link } = duplicate
    const held = link.held ?? []
    link.held = undefined
    this.#replacePeer(link, now)
    try {
      for (const record of held) this.handleRecord(link.id, record, now)
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error
      this.#close(link, error.code, error.message, now)
    }
  }

  #replacePeer(survivor: Link, now: number): void {
    this.#sessions.dropAll('PEER_RESTARTED')
    this.#forgetPeer()
    for (const link of [...this.#migration.links.values()]) {
      if (link !== survivor && link.isHelloReceived) this.#close(link, 'SUPERSEDED', 'the peer restarted', now)
    }
    this.#events.push({ type: 'peerRestarted' })
  }

  #forgetPeer(): void {
    this.#peerIncarnation = undefined
    this.#sessions.forget()
  }

  // ---- private: time

  /** Sent bytes, a ping or a proposal without a sign of life. */
  #isOutstanding(link: Link): boolean {
    return link === this.#migration.sender?.link && this.#sessions.isOutstanding
  }

  /** Data stopped coming: one question, so that a pure receiver notices a dead path as fast as a sender. */
  #probe(active: Link, now: number): void {
    this.#probeAt = Number.POSITIVE_INFINITY
    if (now >= active.lastHeardAt + active.probeMs && !active.isPinging) active.ping(now, 0)
    else if (!active.isPinging) this.#probeAt = active.lastHeardAt + active.probeMs
  }

  /** Our own loop was blocked: what the peer said meanwhile is still unread, so its silence proves nothing yet. */
  #forgive(now: number): void {
    for (const link of this.#migration.links.values()) if (link.awaitingSince !== undefined) link.awaitingSince = now
  }

  get #holdUntil(): number {
    const { suspendedAt, state } = this.#migration
    const isHolding = state === 'suspended' && suspendedAt !== undefined && this.#sessions.size > 0
    return isHolding ? suspendedAt + this.#holdMs : Number.POSITIVE_INFINITY
  }

  #expire(): void {
    if (this.#hasExpired) return
    this.#hasExpired = true
    this.#sessions.dropAll('HOLD_EXPIRED')
    this.#events.push({ type: 'expired' })
  }

  // ---- private: what goes

  /** @param isReplayOnly undefined when `link` carries control messages only */
  #fill(link: Link, isReplayOnly: boolean | undefined, now: number): Record {
    const record = new Record(link.recordBytesMax)
    if (isReplayOnly !== undefined && this.#sessions.flightBytes > 0 && now >= link.lastPingAt + LIMITS.pingEveryMs) {
      link.ping(now, LIMITS.heartbeatAnswerMs)
    }
    record.add(...link.control.splice(0))
    if (isReplayOnly === undefined) return record
    const { flightBytesMax } = link
    this.#sessions.outboxTargetBytes = Math.min(LIMITS.outboxBytesMax, 2 * flightBytesMax)
    this.#sessions.fill(record, isReplayOnly, flightBytesMax - this.#sessions.flightBytes)
    this.#migration.handleTransmitted()
    link.hasFlight = this.#sessions.flightBytes > 0
    if (link.hasFlight) link.awaitingSince ??= now
    return record
  }

  #hello(): Hello {
    return {
      incarnation: this.#options.incarnation,
      knownIncarnation: this.#peerIncarnation ?? new Uint8Array(0),
      sessionsMax: this.#options.sessionsMax,
      holdSeconds: Math.ceil(this.#options.holdMs / 1000),
      features: 0,
      endpoints: this.#options.endpoints(),
    }
  }

  #close(link: Link, code: WireCode, detail: string, now: number): void {
    this.#events.push({ type: 'closeCarrier', carrier: link.id, code, detail })
    this.handleCarrierLost(link.id, now)
  }
}

/** An accepted carrier that resumed is a replay until a record under both nonces has opened. */
function confirmBy(link: Link): number {
  if (link.isConfirmed) return Number.POSITIVE_INFINITY
  return link.readyAt + Math.max(LIMITS.confirmMs, 4 * (link.rttMs ?? 0))
}
