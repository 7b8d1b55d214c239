/**
 * The migration machine: which carrier is active, when another is proposed, and what an answer means. The table and its
 * theory are in migration-table.ts; this file holds the carriers and carries the table's actions out.
 *
 *     wanted because            what the applications notice                 how it is announced
 *     gone, first contact       suspended until the answer (new bytes)       replay follows MIGRATE in the same flight
 *     doubt                     the old carrier is used until a candidate    as above: the first answer wins
 *     better, command, rekey    nothing                                      bytes stay on the old carrier until the answer
 */
import { LIMITS } from '../base/limits.ts'
import type { Control, MigrateReason } from '../wire/control.ts'
import { bestCandidate, candidateFrom, type Need } from './candidates.ts'
import { Epochs } from './epochs.ts'
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
  /** Given up after this, if there is another way. */
  dueAt: number
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

export class Migration implements Need {
  state: MigrationState = 'suspended'
  active: Link | undefined
  /** Someone moved, a planned move is wanted, or the active carrier is doubted: since when. */
  plan: { readonly reason: PlannedReason; readonly since: number } | undefined
  doubtedSince: number | undefined
  suspendedAt: number | undefined
  /** When the newest carrier that was active and had a full handshake was ready. */
  keyedAt = Number.POSITIVE_INFINITY
  readonly links = new Map<CarrierId, Link>()
  readonly #epochs: Epochs
  #proposal: Proposal | undefined
  #waitUntil = 0
  #detectedAt: number | undefined
  #previous: CarrierId | undefined
  /** The old carrier of a planned move: bytes it took may still arrive, as long as it speaks. */
  #tail: { readonly link: Link; readonly since: number } | undefined
  #report: { readonly report: MigrationReport; readonly replayedBefore: number } | undefined
  #lastBetterAt = Number.NEGATIVE_INFINITY
  readonly #options: MigrationOptions

  constructor(options: MigrationOptions, now: number) {
    this.#options = options
    this.#epochs = new Epochs(options.isGreaterPeer)
    this.suspendedAt = now
  }

  get hasShared(): boolean {
    return this.#options.sessions.hasShared
  }

  /** Epoch in force; 0 before the first carrier. */
  get epoch(): number {
    return this.#epochs.inForce
  }

  /** Where the applications' bytes go now, and whether only what went out before may. */
  get sender(): { readonly link: Link; readonly isReplayOnly: boolean } | undefined {
    const proposal = this.#proposal
    if (proposal !== undefined && !proposal.isPlanned) {
      const { link, reason } = proposal
      // Nothing of a session goes to a process that is not known, though none was shared when this was proposed: it could be
      // of another process, or its own could die before its Hello has come, and the next one dial the same destinations.
      if (!link.isHelloReceived && !link.isResumed) return undefined
      return { link, isReplayOnly: reason !== 'first' }
    }
    return this.active === undefined ? undefined : { link: this.active, isReplayOnly: false }
  }

  /** Why another carrier should be dialed; undefined when none should. */
  get wantsPath(): MigrateReason | undefined {
    if (this.plan !== undefined) return this.plan.reason
    if (this.#proposal?.isPlanned === false) return this.#proposal.reason
    if (this.state === 'suspended') return this.epoch === 0 ? 'first' : 'gone'
    return this.doubtedSince === undefined ? undefined : 'doubt'
  }

  get nextTimeout(): number {
    const proposal = this.#proposal
    let due = this.#tailUntil
    if (proposal !== undefined && this.#canDoWithout(proposal)) due = Math.min(due, proposal.dueAt)
    const from = proposal === undefined ? this.#waitUntil : proposal.dueAt
    if (this.#isMoveWanted || proposal?.isPlanned === false) {
      for (const link of this.links.values()) {
        if (link !== proposal?.link) due = Math.min(due, Math.max(candidateFrom(link, this), from))
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
    if (link === this.#tail?.link) this.#giveUpTail()
    if (link === this.active) this.#loseActive(now)
    if (link === this.#proposal?.link) this.#failProposal(now)
  }

  /** Silence, an event on the link, or a wake: probe, and dial beside it. */
  handleDoubt(now: number): void {
    if (this.active === undefined || this.doubtedSince !== undefined) return
    this.doubtedSince = now
    this.#detectedAt ??= now
    this.active.ping(now, 0)
    this.#hastenPlanned(now)
  }

  /** The active carrier spoke: the doubt was wrong. */
  handleHeard(link: Link): void {
    if (link !== this.active || this.doubtedSince === undefined || this.#proposal?.isPlanned === false) return
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
    this.#epochs.see(epoch)
    const greatestEpoch = this.#epochs.greatest
    link.epoch = Math.max(link.epoch, epoch)
    if (!this.#epochs.isGreater(epoch, this.#proposal?.epoch)) {
      this.#step('smaller MIGRATE')
      return link.answer({ type: 'migrateAck', epoch, accepted: false, greatestEpoch })
    }
    const isTailAlive = isPlanned(message.reason) && this.active !== undefined && this.active !== link
    this.#step('greater MIGRATE')
    this.#proposal = undefined
    link.answer({ type: 'migrateAck', epoch, accepted: true, greatestEpoch })
    // What was said on the old carrier may be lost with it, and our Hello on this one may be older.
    link.send({ type: 'endpointUpdate', endpoints: this.#options.endpoints() })
    const { suspendedAt } = this
    const replayedBefore = this.#replayedBytes
    this.#epochs.take(epoch, false)
    this.#activate(link, isTailAlive, now)
    this.#options.sessions.handleSwitch(!isTailAlive)
    this.#tell({ reason: message.reason, migrator: 'peer', suspendedAt, announcedAt: undefined }, replayedBefore, now)
    this.#retireUseless(now)
  }

  handleMigrateAck(link: Link, message: Control & { type: 'migrateAck' }, now: number): void {
    this.#epochs.see(message.greatestEpoch)
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
    this.#epochs.take(proposal.epoch, true)
    this.#activate(link, isTailAlive, now)
    if (proposal.isPlanned) this.#options.sessions.handleSwitch(!isTailAlive)
    else this.#options.sessions.handleAccepted()
    this.#tell({ reason, migrator: 'local', suspendedAt, announcedAt }, replayedBefore, now)
    this.#retireOld(now)
  }

  /** Proposes on the best candidate, gives up what took too long, closes what is of no more use. */
  handleTimeout(now: number): void {
    if (now >= this.#tailUntil) this.#giveUpTail()
    const proposal = this.#proposal
    const isOverdue = proposal !== undefined && now >= proposal.dueAt
    if (isOverdue && (this.#canDoWithout(proposal) || this.#hasOtherCandidate(proposal.link, now))) {
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
    const link = bestCandidate(this.links.values(), this, now)
    const reason = this.wantsPath
    if (link === undefined || reason === undefined || this.#step('candidate ready') === undefined) return
    const epoch = this.#epochs.next()
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
    if (running !== undefined) running.report.bytesReplayed = this.#replayedBytes - running.replayedBefore
  }

  /** The peer is gone, or another process: what it had accepted means nothing any more. */
  forget(): void {
    this.#epochs.forget(this.#proposal?.epoch)
  }

  // ---- private

  get #isMoveWanted(): boolean {
    return this.state === 'suspended' || this.plan !== undefined || this.doubtedSince !== undefined
  }

  #step(event: MigrationEvent): Transition | undefined {
    const row = transition(this.state, event)
    if (row !== undefined && row.to !== 'expired') this.state = row.to
    return row
  }

  #activate(link: Link, isTailAlive: boolean, now: number): void {
    if (this.#tail !== undefined && this.#tail.link !== link) this.#giveUpTail()
    this.#previous = this.active?.id ?? this.#previous
    this.#tail = isTailAlive && this.active !== undefined ? { link: this.active, since: now } : undefined
    this.active = link
    if (!link.isResumed) this.keyedAt = link.readyAt
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
      this.#hastenPlanned(now)
      proposal.isPlanned = false
      this.#options.sessions.handleSwitch(true)
    }
  }

  /** A planned move had time; now a path is needed, and its carrier may be as dead as the old one. */
  #hastenPlanned(now: number): void {
    const proposal = this.#proposal
    if (proposal?.isPlanned) proposal.dueAt = Math.min(proposal.dueAt, now + this.#announceMs(proposal.link))
  }

  /** Without an answer it may be given up: the active carrier lives, or has spoken since. */
  #canDoWithout({ isPlanned, announcedAt }: Proposal): boolean {
    return isPlanned || (this.active !== undefined && this.active.lastHeardAt > announcedAt)
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

  /** A tail that no longer speaks may never arrive, and who accepted the move is not told that its carrier is dead. */
  get #tailUntil(): number {
    if (this.#tail === undefined) return Number.POSITIVE_INFINITY
    const { link, since } = this.#tail
    return Math.max(since, link.lastHeardAt) + link.probeMs
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

  #hasOtherCandidate(pending: Link, now: number): boolean {
    return [...this.links.values()].some(link => link !== pending && candidateFrom(link, this) <= now)
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
