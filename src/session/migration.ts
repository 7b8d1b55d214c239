/**
 * The migration machine: which carrier is active, when another is proposed, and what an answer means. The table and its
 * theory are in migration-table.ts; this file holds the carriers and carries the table's actions out.
 *
 *     wanted because            what the applications notice                 how it is announced
 *     gone, first contact       suspended until the answer (new bytes)       replay follows MIGRATE in the same flight
 *     doubt                     the old carrier is used until a candidate    as above: the first answer wins
 *     better, command, rekey    nothing                                      bytes stay on the old carrier until the answer
 */
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import type { Control, MigrateReason } from '../wire/control.ts'
import type { CarrierId, EngineEvent, Migration as MigrationReport } from './events.ts'
import type { Link } from './link.ts'
import { type MigrationEvent, type MigrationState, type Transition, transition } from './migration-table.ts'
import type { Sessions } from './sessions.ts'

export type PlannedReason = 'better' | 'command' | 'rekey'

interface Proposal {
  readonly link: Link
  readonly epoch: number
  readonly reason: MigrateReason
  /** The applications' bytes stay on the active carrier until the answer. */
  isPlanned: boolean
  readonly announcedAt: number
  readonly dueAt: number
  /** Second transmissions until then, in bytes. */
  readonly replayedBefore: number
}

export interface MigrationOptions {
  /** Our peer ID is the greater one: we win ties. */
  readonly isGreaterPeer: boolean
  readonly sessions: Sessions
  readonly emit: (event: EngineEvent) => void
  readonly endpoints: () => readonly string[]
}

export class Migration {
  state: MigrationState = 'suspended'
  active: Link | undefined
  /** Epoch in force; 0 before the first carrier. */
  epoch = 0
  /** Someone moved, a planned move is wanted, or the active carrier is doubted: since when. */
  plan: { readonly reason: PlannedReason; readonly since: number } | undefined
  doubtedSince: number | undefined
  suspendedAt: number | undefined
  /** When the newest carrier that was active and had a full handshake was ready. */
  keyedAt = Number.POSITIVE_INFINITY
  readonly links = new Map<CarrierId, Link>()
  #isEpochOurs = false
  #greatestEpoch = 0
  #proposal: Proposal | undefined
  #waitUntil = 0
  #detectedAt: number | undefined
  #previous: CarrierId | undefined
  /** The old carrier of a planned move: bytes it took may still arrive. */
  #tail: Link | undefined
  #report: { readonly report: MigrationReport; readonly replayedBefore: number } | undefined
  #lastBetterAt = Number.NEGATIVE_INFINITY
  readonly #options: MigrationOptions

  constructor(options: MigrationOptions, now: number) {
    this.#options = options
    this.suspendedAt = now
  }

  /** Where the applications' bytes go now, and whether only what went out before may. */
  get sender(): { readonly link: Link; readonly isReplayOnly: boolean } | undefined {
    const proposal = this.#proposal
    if (proposal !== undefined && !proposal.isPlanned) {
      return { link: proposal.link, isReplayOnly: proposal.reason !== 'first' }
    }
    return this.active === undefined ? undefined : { link: this.active, isReplayOnly: false }
  }

  /** Why another carrier should be dialed; undefined when none should. */
  get wantsPath(): MigrateReason | undefined {
    if (this.plan !== undefined) return this.plan.reason
    if (this.#proposal !== undefined) return this.#proposal.isPlanned ? undefined : this.#proposal.reason
    if (this.state === 'suspended') return this.epoch === 0 ? 'first' : 'gone'
    return this.doubtedSince === undefined ? undefined : 'doubt'
  }

  get nextTimeout(): number {
    const proposal = this.#proposal
    let due = proposal?.isPlanned ? proposal.dueAt : Number.POSITIVE_INFINITY
    const from = proposal === undefined ? this.#waitUntil : proposal.dueAt
    if (this.#isMoveWanted || proposal?.isPlanned === false) {
      for (const link of this.links.values()) {
        if (link !== proposal?.link) due = Math.min(due, Math.max(this.#candidateFrom(link), from))
      }
    }
    for (const link of this.links.values()) due = Math.min(due, this.#retireAt(link))
    return due
  }

  // ---- inputs

  /** A carrier can be used. One that came too late to be of use is closed. */
  handleReady(link: Link, now: number): void {
    this.links.set(link.id, link)
    if (link.isDialed && !this.#isMoveWanted && this.#proposal === undefined) link.retireFrom = now
  }

  handleLost(link: Link, now: number): void {
    this.links.delete(link.id)
    if (link === this.#tail) this.#giveUpTail()
    if (link === this.active) this.#loseActive(now)
    if (link === this.#proposal?.link) this.#failProposal(now)
  }

  /** Silence, an event on the link, or a wake: probe, and dial beside it. */
  handleDoubt(now: number): void {
    if (this.active === undefined || this.doubtedSince !== undefined) return
    this.doubtedSince = now
    this.#detectedAt ??= now
    this.active.ping(now, 0)
  }

  /** The active carrier spoke: the doubt was wrong. */
  handleHeard(link: Link): void {
    if (link !== this.active || this.doubtedSince === undefined || this.#proposal !== undefined) return
    this.doubtedSince = undefined
    this.#detectedAt = undefined
    this.#retireUseless(link.lastHeardAt)
  }

  /** @returns false when it may not be now: too soon after the last, or not ours to decide */
  planMove(reason: PlannedReason, now: number): boolean {
    if (this.state !== 'stable' || this.plan !== undefined) return false
    if (reason === 'better') {
      if (!this.active?.isDialed || now - this.#lastBetterAt < LIMITS.betterPathMs) return false
      this.#lastBetterAt = now
    }
    this.plan = { reason, since: now }
    this.#detectedAt ??= now
    return true
  }

  /** Every attempt of a planned move failed: nothing changes. */
  abandonPlan(): void {
    this.plan = undefined
    this.#detectedAt = undefined
  }

  handleMigrate(link: Link, message: Control & { type: 'migrate' }, now: number): void {
    const { epoch } = message
    this.#see(epoch)
    link.epoch = Math.max(link.epoch, epoch)
    if (!this.#isGreater(epoch)) {
      this.#step('smaller MIGRATE')
      link.send({ type: 'migrateAck', epoch, accepted: false, greatestEpoch: this.#greatestEpoch })
      return
    }
    const isTailAlive = isPlanned(message.reason) && this.active !== undefined && this.active !== link
    this.#step('greater MIGRATE')
    this.#proposal = undefined
    link.send({ type: 'migrateAck', epoch, accepted: true, greatestEpoch: this.#greatestEpoch })
    // What was said on the old carrier may be lost with it, and our Hello on this one may be older.
    link.send({ type: 'endpointUpdate', endpoints: this.#options.endpoints() })
    const { suspendedAt } = this
    const replayedBefore = this.#replayedBytes
    this.#activate(link, epoch, false, isTailAlive)
    this.#options.sessions.handleSwitch(!isTailAlive)
    this.#tell({ reason: message.reason, migrator: 'peer', suspendedAt, announcedAt: undefined }, replayedBefore, now)
  }

  handleMigrateAck(link: Link, message: Control & { type: 'migrateAck' }, now: number): void {
    this.#see(message.greatestEpoch)
    const proposal = this.#proposal
    if (proposal === undefined || proposal.link !== link || proposal.epoch !== message.epoch) return
    if (!message.accepted) {
      this.#waitUntil = now + this.#announceMs(link)
      return this.#failProposal(now, 'refused')
    }
    this.#step('accepted')
    this.#proposal = undefined
    const isTailAlive = proposal.isPlanned && this.active !== undefined
    const { suspendedAt } = this
    const { reason, announcedAt, replayedBefore } = proposal
    this.#activate(link, proposal.epoch, true, isTailAlive)
    if (proposal.isPlanned) this.#options.sessions.handleSwitch(!isTailAlive)
    this.#tell({ reason, migrator: 'local', suspendedAt, announcedAt }, replayedBefore, now)
    this.#retireOld(now)
  }

  /** Proposes on the best candidate, gives up what took too long, closes what is of no more use. */
  handleTimeout(now: number): void {
    const proposal = this.#proposal
    const isOverdue = proposal !== undefined && now >= proposal.dueAt
    if (isOverdue && (proposal.isPlanned || this.#hasOtherCandidate(proposal.link, now))) {
      this.#close(proposal.link, 'a proposal was not answered in time', now)
    }
    for (const link of [...this.links.values()]) {
      if (now >= this.#retireAt(link)) this.#close(link, 'another carrier is active', now)
    }
    this.propose(now)
  }

  /** Announces the best candidate, if a move is wanted and none is under way. */
  propose(now: number): void {
    if (this.#proposal !== undefined || !this.#isMoveWanted || now < this.#waitUntil) return
    const link = this.#bestCandidate(now)
    const reason = this.wantsPath
    if (link === undefined || reason === undefined || this.#step('candidate ready') === undefined) return
    const epoch = ++this.#greatestEpoch
    const isQuiet = isPlanned(reason) && this.active !== undefined
    link.epoch = epoch
    const dueAt = now + (isQuiet ? LIMITS.handshakeMs : this.#announceMs(link))
    this.#proposal = {
      link,
      epoch,
      reason,
      isPlanned: isQuiet,
      announcedAt: now,
      dueAt,
      replayedBefore: this.#replayedBytes,
    }
    this.plan = undefined
    link.retireFrom = undefined
    link.awaitingSince ??= now
    link.send({ type: 'migrate', epoch, reason, endpoints: this.#options.endpoints() })
    if (isQuiet) return
    this.suspendedAt ??= now
    this.#options.sessions.handleSwitch(true)
  }

  /** Bytes that the running migration has sent a second time are counted while they leave. */
  handleTransmitted(): void {
    const running = this.#report
    if (running !== undefined) {
      running.report.bytesReplayed = this.#replayedBytes - running.replayedBefore
    }
  }

  // ---- private

  get #isMoveWanted(): boolean {
    return this.state === 'suspended' || this.plan !== undefined || this.doubtedSince !== undefined
  }

  /** @throws RemoteError PROTOCOL_VIOLATION when the epoch jumps too far */
  #see(epoch: number): void {
    if (epoch > this.#greatestEpoch + LIMITS.epochJumpMax) {
      throw new RemoteError('PROTOCOL_VIOLATION', `epoch ${epoch} is too far above ${this.#greatestEpoch}`)
    }
    this.#greatestEpoch = Math.max(this.#greatestEpoch, epoch)
  }

  #step(event: MigrationEvent): Transition | undefined {
    const row = transition(this.state, event)
    if (row !== undefined && row.to !== 'expired') this.state = row.to
    return row
  }

  /** Greater than the pair in force, and than our own pending proposal. Equal epochs go by peer ID. */
  #isGreater(epoch: number): boolean {
    const theirsWins = !this.#options.isGreaterPeer
    const above = (other: number, isOurs: boolean) => epoch > other || (epoch === other && isOurs && theirsWins)
    return above(this.epoch, this.#isEpochOurs) && (this.#proposal === undefined || above(this.#proposal.epoch, true))
  }

  #activate(link: Link, epoch: number, isOurs: boolean, isTailAlive: boolean): void {
    if (this.#tail !== undefined && this.#tail !== link) this.#giveUpTail()
    this.#previous = this.active?.id ?? this.#previous
    this.#tail = isTailAlive ? this.active : undefined
    this.active = link
    if (!link.isResumed) this.keyedAt = link.readyAt
    this.epoch = epoch
    this.#isEpochOurs = isOurs
    this.plan = undefined
    this.doubtedSince = undefined
    this.suspendedAt = undefined
    link.retireFrom = undefined
  }

  #loseActive(now: number): void {
    this.#previous = this.active?.id
    this.active = undefined
    this.doubtedSince = undefined
    this.plan = undefined
    this.suspendedAt ??= now
    this.#detectedAt ??= now
    this.#step('active lost')
    // What was of no more use may be the next path.
    for (const link of this.links.values()) link.retireFrom = undefined
    const proposal = this.#proposal
    if (proposal?.isPlanned) {
      proposal.isPlanned = false
      this.#options.sessions.handleSwitch(true)
    }
  }

  #failProposal(now: number, why: 'refused' | 'lost' = 'lost'): void {
    const proposal = this.#proposal!
    this.#proposal = undefined
    if (why === 'refused') proposal.link.awaitingSince = undefined
    if (this.active === undefined) {
      this.#step('failed, active lost')
      this.suspendedAt ??= now
      return
    }
    this.#step('failed, active lives')
    this.suspendedAt = undefined
    if (!proposal.isPlanned) this.#options.sessions.handleSwitch(true)
  }

  #giveUpTail(): void {
    this.#tail = undefined
    this.#options.sessions.replayTails()
  }

  get #replayedBytes(): number {
    return this.#options.sessions.schedule.replayedBytes
  }

  #tell(
    move: Pick<MigrationReport, 'reason' | 'migrator' | 'suspendedAt' | 'announcedAt'>,
    replayedBefore: number,
    now: number,
  ): void {
    const report: MigrationReport = {
      ...move,
      epoch: this.epoch,
      from: this.#previous,
      to: this.active!.id,
      detectedAt: this.#detectedAt,
      acknowledgedAt: now,
      resumedAt: now,
      bytesReplayed: this.#replayedBytes - replayedBefore,
    }
    this.#detectedAt = undefined
    this.#report = { report, replayedBefore }
    this.#options.emit({ type: 'migrated', migration: report })
  }

  #announceMs(link: Link): number {
    return Math.max(2 * (link.rttMs ?? 0), LIMITS.announceMs)
  }

  /** From when on `link` may carry a proposal of ours. The dialer of a fresh carrier proposes first. */
  #candidateFrom(link: Link): number {
    if (link === this.active || link.held !== undefined || link.retireFrom !== undefined)
      return Number.POSITIVE_INFINITY
    const isFresh = link.readyAt >= Math.max(this.plan?.since ?? 0, this.doubtedSince ?? 0)
    if (this.active !== undefined && !(link.isDialed && isFresh)) return Number.POSITIVE_INFINITY
    const canSpeak = link.isHelloReceived || link.isResumed || !this.#options.sessions.hasShared
    if (!canSpeak) return Number.POSITIVE_INFINITY
    if (link.isDialed) return Math.max(link.readyAt, this.#answerFrom())
    // A carrier of an earlier epoch may be as dead as its dialer knows it to be, who is on the way with another.
    const since = Math.max(link.readyAt, this.suspendedAt ?? 0)
    return link.isHelloReceived && link.isConfirmed ? since + LIMITS.announceMs : Number.POSITIVE_INFINITY
  }

  /** A doubted carrier may answer its probe first: the round trip that a candidate needs anyway, and a little. */
  #answerFrom(): number {
    if (this.active === undefined || this.doubtedSince === undefined) return Number.NEGATIVE_INFINITY
    return this.doubtedSince + 1.25 * (this.active.rttMs ?? 0) + LIMITS.doubtGraceMs
  }

  /** The one heard last. */
  #bestCandidate(now: number): Link | undefined {
    let best: Link | undefined
    for (const link of this.links.values()) {
      if (this.#candidateFrom(link) > now) continue
      if (best === undefined || link.lastHeardAt > best.lastHeardAt) best = link
    }
    return best
  }

  #hasOtherCandidate(pending: Link, now: number): boolean {
    return [...this.links.values()].some(link => link !== pending && this.#candidateFrom(link) <= now)
  }

  /** The accepted migrator, nobody else, closes carriers that carried a smaller epoch, once they are read empty. */
  #retireOld(now: number): void {
    for (const link of this.links.values()) {
      if (link !== this.active && (link.epoch > 0 || link.isDialed)) link.retireFrom ??= now
    }
  }

  /** Attempts of ours that nobody needs any more. */
  #retireUseless(now: number): void {
    for (const link of this.links.values()) {
      if (link !== this.active && link.isDialed && link.epoch === 0) link.retireFrom ??= now
    }
  }

  #retireAt(link: Link): number {
    if (link.retireFrom === undefined || link === this.active) return Number.POSITIVE_INFINITY
    return Math.max(link.retireFrom, link.lastHeardAt) + link.probeMs
  }

  #close(link: Link, detail: string, now: number): void {
    this.#options.emit({ type: 'closeCarrier', carrier: link.id, code: 'SUPERSEDED', detail })
    this.handleLost(link, now)
  }
}

function isPlanned(reason: MigrateReason): boolean {
  return reason === 'better' || reason === 'command' || reason === 'rekey'
}
