/**
 * Joins one association's engine with its paths, its applications and one timer. Its loop is one sentence: handle one input,
 * drain every output, arm one timer. Inputs of one turn of the event loop are drained together.
 */
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { CODES, type WireCode, withAdvice } from '../base/codes.ts'
import { LIMITS } from '../base/limits.ts'
import type { Carrier } from '../carrier/carrier.ts'
import type { Identity, PeerId } from '../secure/identity.ts'
import { peerIdBytes } from '../secure/identity.ts'
import type { Keyring } from '../secure/keyring.ts'
import { Association } from '../session/association.ts'
import type { Budget } from '../session/budget.ts'
import type { EngineEvent, Migration } from '../session/events.ts'
import type { PlannedReason } from '../session/migration.ts'
import { compareBytes } from '../wire/bytes.ts'
import type { MigrateReason } from '../wire/control.ts'
import { INCARNATION_BYTES } from '../wire/control.ts'
import { Applications, type DialFar, type SessionEnds } from './applications.ts'
import type { Connections } from './connections.ts'
import type { Path, PathOwner } from './path.ts'
import type { Log } from './sidecar-api.ts'
import type { TotalsCounter } from './totals.ts'

export interface PumpOptions {
  readonly identity: Identity
  readonly peerId: PeerId
  /** As the configuration names it, for the log. */
  readonly name: string
  readonly keyring: Keyring<Pump>
  readonly budget: Budget
  readonly totals: TotalsCounter
  readonly holdMs: number
  readonly log: Log
  readonly dialFar: DialFar
  readonly connections: Connections
  /** Where this sidecar can be dialed now. */
  readonly endpoints: () => readonly string[]
  /** The peer's key was proved on a path. */
  onMet(): void
  /** Called after every drain: dial, or stop dialing. */
  onPathWish(reason: MigrateReason | undefined): void
  onPeerEndpoints(endpoints: readonly string[]): void
  onMigrated(migration: Migration): void
  /** The active carrier is lost, and none has taken its place. */
  onSuspended(carrier: Carrier): void
  /** One has, or none will. May be called when nothing was suspended. */
  onResumed(): void
  /** The peer's process has ended in order. */
  onPeerStopped(): void
  onPathLost(path: Path, code: WireCode | undefined, detail: string): void
}

export class Pump implements PathOwner {
  readonly peerId: PeerId
  readonly paths = new Map<number, Path>()
  readonly applications: Applications
  readonly #options: PumpOptions
  #engine: Association
  #isDrainQueued = false
  #isStopped = false
  #isOutOfReach = false
  /** The carrier that was active last, until its loss was told. */
  #lastActive: Carrier | undefined
  #lostRttMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(options: PumpOptions) {
    this.#options = options
    this.peerId = options.peerId
    this.#engine = this.#newEngine()
    this.applications = new Applications({
      engine: () => this.#engine,
      now: () => performance.now(),
      changed: () => this.#changed(),
      dialFar: options.dialFar,
      connections: options.connections,
      totals: options.totals,
      onReset: (code, ends, why) => this.#reportReset(code, ends, why),
      isHeld: () => options.budget.isExhausted,
      readBytesMax: () => options.budget.outboxShareBytes / 4,
    })
    this.#changed()
  }

  get engine(): Association {
    return this.#engine
  }

  get activePath(): Path | undefined {
    const id = this.#engine.activeCarrier
    return id === undefined ? undefined : this.paths.get(id)
  }

  /** Of the active path, or of the last one; undefined before the first. */
  get lastRttMs(): number | undefined {
    const id = this.#engine.activeCarrier
    return id === undefined ? this.#lostRttMs : this.#engine.rttMs(id)
  }

  /** Nobody is there, and no session is held for anybody. */
  get isIdle(): boolean {
    return this.paths.size === 0 && this.#engine.sessions().next().done === true
  }

  /** Nobody can come back to it: its peer has said goodbye or was given up, or never said who it was. */
  get isOver(): boolean {
    return this.isIdle && this.#engine.peerIncarnation === undefined
  }

  // ---- inputs from paths

  handleReady(path: Path): void {
    path.owner = this
    this.#options.onMet()
    if (this.#isStopped) return path.close('GOODBYE', 'this sidecar is shutting down')
    this.#makeRoom()
    this.paths.set(path.id, path)
    const isResumed = path.channel.isResumed && path.channel.keyset?.owner === this
    const { id, isDialed, carrier } = path
    const { connectMs: rttMs } = carrier
    const handshakeFrom = path.channel.isResumed ? undefined : path.createdAt
    this.#engine.handleCarrierReady({ id, isDialed, isResumed, handshakeFrom, rttMs }, performance.now())
    this.#changed()
  }

  handleRecord(path: Path, parts: readonly Uint8Array[]): void {
    this.#engine.handleRecord(path.id, parts, performance.now())
    this.#changed()
  }

  handleConfirmed(path: Path): void {
    this.#engine.handleCarrierConfirmed(path.id)
    this.#changed()
  }

  handleBlocked(path: Path, isBlocked: boolean): void {
    this.#engine.handleCarrierBlocked(path.id, isBlocked)
    if (!isBlocked) this.#changed()
  }

  handleLost(path: Path, code: WireCode | undefined, detail: string): void {
    this.paths.delete(path.id)
    this.#lostRttMs = this.lastRttMs
    this.#engine.handleCarrierLost(path.id, performance.now())
    this.#options.onPathLost(path, code, detail)
    this.#changed()
  }

  // ---- inputs from the host

  /** These addresses of the host are gone: paths over them are lost. */
  handleAddressesGone(addresses: readonly string[]): void {
    for (const path of [...this.paths.values()]) {
      if (addresses.includes(path.carrier.local.host)) path.destroy(`the address ${path.carrier.local.host} is gone`)
    }
  }

  /** Something happened on a link, or the host slept. */
  handleDoubt(sleptMs = 0): void {
    this.#engine.handleDoubt(performance.now(), sleptMs)
    this.#changed()
  }

  handleEndpointsChanged(): void {
    this.#engine.handleEndpointsChanged()
    this.#changed()
  }

  handleDialFailed(): void {
    this.#engine.handleDialFailed()
    this.#changed()
  }

  // ---- commands

  /** @returns false when no move may be made now */
  migrate(reason: PlannedReason): boolean {
    const isPlanned = this.#engine.migrate(reason, performance.now())
    this.#changed()
    return isPlanned
  }

  /** Memory is short: sessions end while there is no path. @returns how many bytes that released */
  relieve(bytes: number): number {
    const released = this.#engine.relieve(bytes)
    this.#changed()
    return released
  }

  /** Tells the peer, resets all sessions, closes all paths: `Connections` knows when they have closed. */
  stop(): void {
    if (this.#isStopped) return
    this.#engine.goodbye()
    this.#drain()
    this.#isStopped = true
    this.#options.onResumed()
    clearTimeout(this.#timer)
    for (const path of [...this.paths.values()]) path.close('GOODBYE', 'this sidecar is shutting down')
    this.#options.keyring.drop(this)
  }

  // ---- the loop

  #changed(): void {
    if (this.#isDrainQueued || this.#isStopped) return
    this.#isDrainQueued = true
    // Not a microtask: that would come after every single read, with a record and a system call for each.
    setImmediate(() => this.#drain())
  }

  #drain(): void {
    this.#isDrainQueued = false
    if (this.#isStopped) return
    const now = performance.now()
    for (;;) {
      for (let event = this.#engine.pollEvent(); event !== undefined; event = this.#engine.pollEvent())
        this.#handle(event)
      const transmit = this.#engine.pollTransmit(now)
      if (transmit === undefined) break
      this.paths.get(transmit.carrier)?.channel.seal(transmit.parts)
    }
    this.#adoptKeys()
    this.#offerMemory()
    this.#tellSuspension()
    this.#arm(now)
    this.#options.onPathWish(this.#engine.wantsPath)
  }

  /** While it is out of reach, its sessions are the first to give way. */
  #offerMemory(): void {
    const isOutOfReach = this.#engine.state === 'suspended'
    if (isOutOfReach && !this.#isOutOfReach) this.#options.budget.handleOutOfReach()
    this.#isOutOfReach = isOutOfReach
  }

  /** A planned move suspends nothing, so it is not told here. */
  #tellSuspension(): void {
    const active = this.activePath?.carrier
    const last = this.#lastActive
    this.#lastActive = active
    if (active !== undefined && last === undefined) this.#options.onResumed()
    if (active === undefined && last !== undefined) this.#options.onSuspended(last)
  }

  #arm(now: number): void {
    const due = this.#engine.nextTimeout()
    if (due >= this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = due
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Number.POSITIVE_INFINITY
        this.#engine.handleTimeout(performance.now())
        this.#changed()
      },
      Math.min(TIMER_MAX_MS, Math.max(0, Math.ceil(due - now))),
    )
  }

  #handle(event: EngineEvent): void {
    const { log, name: peer } = this.#options
    switch (event.type) {
      case 'closeCarrier':
        this.paths.get(event.carrier)?.close(event.code, event.detail)
        return
      case 'migrated':
        return this.#options.onMigrated(event.migration)
      case 'endpoints':
        return this.#options.onPeerEndpoints(event.endpoints)
      case 'peerRestarted':
        log.warn('the peer restarted: its sessions here were reset', { code: 'PEER_RESTARTED', peer })
        return this.#options.keyring.drop(this)
      case 'peerStopped':
        log.info('the peer was stopped: its sessions here were reset', { code: 'SHUTTING_DOWN', peer })
        this.#options.keyring.drop(this)
        return this.#options.onPeerStopped()
      case 'expired':
        log.warn('no path within the hold time: sessions were reset; raise `hold` or repair the network', {
          code: 'HOLD_EXPIRED',
          peer,
        })
        return this.#startAnew()
      default:
        return this.applications.handle(event)
    }
  }

  /** A session that failed has one line on each side. What ends many sessions at once has a line of its own. */
  #reportReset(code: WireCode, ends: SessionEnds, why: string = CODES[code].says): void {
    const level = QUIET_RESETS.has(code) ? 'debug' : 'warn'
    const { name, log } = this.#options
    log[level](`a session was reset: ${withAdvice(code, why)}`, { code, peer: name, ...ends })
  }

  /** Keys belong to the association once both have said Hello on their carrier. */
  #adoptKeys(): void {
    for (const path of this.paths.values()) {
      if (path.isAdopted || !this.#engine.isAcquainted(path.id)) continue
      path.isAdopted = true
      const { keyset } = path.channel
      if (keyset !== undefined) this.#options.keyring.adopt(keyset, this)
    }
  }

  #startAnew(): void {
    for (const path of [...this.paths.values()]) path.destroy('the association expired')
    this.#options.keyring.drop(this)
    this.#engine = this.#newEngine()
    this.#options.onResumed()
    this.#changed()
  }

  #newEngine(): Association {
    const { identity, peerId, budget, holdMs, endpoints } = this.#options
    const isGreaterPeer = compareBytes(peerIdBytes(identity.peerId), peerIdBytes(peerId)) > 0
    const incarnation = randomBytes(INCARNATION_BYTES)
    const sessionsMax = LIMITS.sessionsPerPeerMax
    return new Association({ isGreaterPeer, incarnation, holdMs, sessionsMax, budget, endpoints }, performance.now())
  }

  /** The oldest standby gives way; the active path never does. */
  #makeRoom(): void {
    if (this.paths.size < LIMITS.carriersPerPeerMax) return
    for (const path of this.paths.values()) {
      if (path.id === this.#engine.activeCarrier) continue
      path.close('SUPERSEDED', 'too many carriers of one peer')
      return
    }
  }
}

/** Normal life, or told once for all. */
const QUIET_RESETS: ReadonlySet<WireCode> = new Set([
  'APPLICATION_RESET',
  'PEER_RESTARTED',
  'HOLD_EXPIRED',
  'BUDGET_EXHAUSTED',
  'SHUTTING_DOWN',
])

/** Node's timers overflow above this. */
const TIMER_MAX_MS = 2 ** 31 - 1
