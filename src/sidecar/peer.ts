/**
 * One configured peer: its pump, the dialing for it, where it may be, and what its last migrations were. A ticket's key may
 * be used on several machines, so such a peer has one association for each incarnation that says Hello.
 */
import { performance } from 'node:perf_hooks'
import { CODES, type Code, type WireCode, withAdvice } from '../base/codes.ts'
import { type Endpoint, formatHostPort, printableEndpoint } from '../base/endpoint.ts'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import type { Carrier } from '../carrier/carrier.ts'
import type { DialFailure } from '../carrier/dial-round.ts'
import type { PeerConfig } from '../config/config.ts'
import { SecureChannel } from '../secure/channel.ts'
import type { PeerId } from '../secure/identity.ts'
import type { Migration } from '../session/events.ts'
import { sourceAddressFor } from '../watch/source-address.ts'
import type { MigrateReason } from '../wire/control.ts'
import { Dialing, type Handshake } from './dialing.ts'
import { Path } from './path.ts'
import { type FailedRound, Presence } from './presence.ts'
import { Pump } from './pump.ts'
import type { Shared } from './shared.ts'
import type { MigrationStatus, PeerStatus } from './status.ts'
import { MigrationLog, pathStatus, sessionStatus } from './status-of.ts'
import { Whereabouts } from './whereabouts.ts'

export class Peer {
  readonly config: PeerConfig
  readonly presence: Presence
  readonly #shared: Shared
  readonly #dialing: Dialing
  readonly #pumps = new Set<Pump>()
  readonly #whereabouts: Whereabouts
  readonly #migrations = new MigrationLog()
  #lastFailure: PeerStatus['lastFailure'] = null
  /** What was logged last of each endpoint, until there is a path: a failure is told once. */
  readonly #toldFailures = new Map<string, string>()

  constructor(config: PeerConfig, shared: Shared) {
    this.config = config
    this.#shared = shared
    this.presence = new Presence({ clock: shared.clock, onPassedBy: () => this.#reportPassedBy() })
    const whereabouts = new Whereabouts(config.endpoints, shared.isOwn)
    this.#whereabouts = whereabouts
    this.#dialing = new Dialing({
      resolver: shared.resolver,
      clock: shared.clock,
      dial: shared.dial,
      endpoints: () => whereabouts.endpoints(),
      objection: (endpoint, address) => whereabouts.objection(endpoint, address),
      localAddresses: shared.localAddresses,
      rttMs: () => this.pump?.lastRttMs,
      makePath: (carrier, endpoint, handshake) => this.#makePath(carrier, endpoint, handshake),
      canResume: () => shared.keyring.has(this.pump!),
      onFailed: (failures, round) => this.#handleDialFailed(failures, round),
    })
    if (config.isTicket !== true) this.#pumps.add(this.#newPump())
  }

  get peerId(): PeerId {
    return this.config.id as PeerId
  }

  /** The one association of a pinned peer; a ticket's has none of its own. */
  get pump(): Pump | undefined {
    return this.config.isTicket === true ? undefined : [...this.#pumps][0]
  }

  /**
   * A ticket's machine has said Hello for the first time, or again.
   * @throws RemoteError TICKET_EXPIRED when it comes too late to begin, TICKET_IN_USE when it is one too many
   */
  pumpFor(incarnation: Uint8Array): Pump {
    const key = Buffer.from(incarnation)
    for (const pump of this.#pumps) {
      const known = pump.engine.peerIncarnation
      if (known !== undefined && key.equals(known)) return pump
    }
    if (this.#isExpired) throw new RemoteError('TICKET_EXPIRED')
    if (this.#pumps.size >= LIMITS.ticketPeersMax) this.#makeRoom()
    const pump = this.#newPump()
    this.#pumps.add(pump)
    return pump
  }

  /**
   * Whether it may come in, so far as its key tells. A ticket gates what begins: a machine that began in time makes full
   * handshakes later, too, and which one it is only its Hello says.
   */
  admit(): true | WireCode {
    return this.#isExpired && this.#pumps.size === 0 ? 'TICKET_EXPIRED' : true
  }

  /** Addresses of the host changed. */
  handleAddresses(change: { gone: readonly string[]; isLinkEvent: boolean; isEndpointsChanged: boolean }): void {
    for (const pump of this.#pumps) {
      if (change.gone.length > 0) pump.handleAddressesGone(change.gone)
      if (change.isEndpointsChanged) pump.handleEndpointsChanged()
      if (change.isLinkEvent) pump.handleDoubt()
      void this.#considerBetter(pump)
    }
    if (change.gone.length > 0) this.presence.handleMoved()
    this.#dialing.hurry(performance.now(), change.gone.length > 0)
  }

  handleWake(sleptMs: number): void {
    for (const pump of this.#pumps) pump.handleDoubt(sleptMs)
    this.presence.handleMoved()
    this.#dialing.hurry(performance.now())
  }

  get pumps(): ReadonlySet<Pump> {
    return this.#pumps
  }

  /** @returns `nowhere` when this side has a path but could not dial another */
  migrate(): 'moved' | 'refused' | 'nowhere' {
    const pumps = [...this.#pumps]
    if (!this.#canDial && pumps.some(pump => pump.activePath !== undefined)) return 'nowhere'
    return pumps.some(pump => pump.migrate('command')) ? 'moved' : 'refused'
  }

  stop(): void {
    this.presence.stop()
    this.#dialing.stop()
    for (const pump of this.#pumps) pump.stop()
  }

  status(): PeerStatus {
    const pumps = [...this.#pumps]
    const [first] = pumps
    return {
      name: this.config.name,
      peerId: this.peerId,
      state: first?.engine.state ?? 'idle',
      epoch: first?.engine.epoch ?? 0,
      paths: pumps.flatMap(pump => [...pump.paths.values()].map(path => pathStatus(pump, path))),
      sessions: pumps.flatMap(pump => [...pump.engine.sessions()].map(session => sessionStatus(session))),
      migrations: this.#migrations.list() as MigrationStatus[],
      lastFailure: this.#lastFailure,
    }
  }

  get #canDial(): boolean {
    return this.config.isTicket !== true && this.#whereabouts.endpoints().length > 0
  }

  get #isExpired(): boolean {
    return Date.now() > (this.config.expiresAt ?? Number.POSITIVE_INFINITY)
  }

  #newPump(): Pump {
    const { shared, config } = { shared: this.#shared, config: this.config }
    const pump: Pump = new Pump({
      identity: shared.identity,
      peerId: this.peerId,
      keyring: shared.keyring,
      budget: shared.budget,
      totals: shared.totals,
      name: config.name,
      holdMs: shared.holdMs,
      log: shared.log,
      connections: shared.connections,
      dialFar: (...asked) => shared.dialFar(config, ...asked),
      endpoints: shared.advertised,
      onMet: () => this.presence.handleMet(),
      onPathWish: reason => this.#handleWish(pump, reason),
      onPeerEndpoints: endpoints => this.#whereabouts.learn(endpoints),
      onMigrated: migration => this.#handleMigrated(pump, migration),
      onSuspended: carrier => {
        // A peer that alone can dial learns of the loss soonest from the answer to what it still sends here.
        if (this.#canDial) shared.onSuspended(pump, carrier)
      },
      onResumed: () => shared.onResumed(pump),
      onPeerStopped: () => shared.onPeerStopped(config.name),
      onPathLost: (path, code, detail) => this.#handlePathLost(pump, path, code, detail),
    })
    return pump
  }

  #handleWish(pump: Pump, reason: MigrateReason | undefined): void {
    if (this.config.isTicket !== true) this.#dialing.wish(reason)
    else if (pump.isOver) this.#letGo(pump)
  }

  /** A machine that went without a goodbye may come back as the same process, so it is kept while there is room. */
  #makeRoom(): void {
    const idle = [...this.#pumps].filter(pump => pump.isIdle)
    const since = (pump: Pump) => pump.engine.suspendedAt ?? 0
    const [longest] = idle.sort((a, b) => since(a) - since(b))
    if (longest === undefined) throw new RemoteError('TICKET_IN_USE')
    this.#letGo(longest)
  }

  #letGo(pump: Pump): void {
    if (this.#pumps.delete(pump)) pump.stop()
  }

  #makePath(carrier: Carrier, endpoint: Endpoint, handshake: Handshake): Path {
    const { identity, keyring } = this.#shared
    const owner = this.pump!
    const resume = handshake === 'full' ? undefined : keyring.take(owner)
    const path = new Path({
      id: this.#shared.nextPathId(),
      carrier,
      endpoint,
      owner: {
        handleReady: ready => owner.handleReady(ready),
        handleRecord: () => {},
        handleConfirmed: () => {},
        handleBlocked: () => {},
        handleLost: (lost, code, detail) => this.#handlePathLost(owner, lost, code, detail),
      },
      channel: handlers => SecureChannel.dial({ identity, keyring, expectedPeerId: this.peerId, resume }, handlers),
    })
    void sourceAddressFor(carrier.remote.host, carrier.remote.port).then(address => {
      path.sourceAddress = address
    })
    return path
  }

  #handleDialFailed(failures: readonly DialFailure[], round: FailedRound | undefined): void {
    if (round !== undefined) this.presence.handleRoundFailed(round)
    const last = failures.at(-1)
    if (last !== undefined) this.#remember(printableEndpoint(last.endpoint), last.error.code, last.error.message)
    for (const pump of this.#pumps) pump.handleDialFailed()
  }

  #handlePathLost(pump: Pump, path: Path, code: WireCode | undefined, detail: string): void {
    const where = path.endpoint === undefined ? formatHostPort(path.carrier.remote) : printableEndpoint(path.endpoint)
    this.#dialing.handleLost(path)
    // A code is a reason; without one a path that worked has merely ended.
    const isReason = code === undefined ? !path.hasRecord : !CODES[code].todo.startsWith('nothing')
    if (isReason) this.#remember(where, code ?? 'UNREACHABLE', detail)
    const isActiveLost = pump.engine.state === 'suspended' && path.hasRecord
    this.#shared.log[isActiveLost ? 'info' : 'debug'](`path lost: ${detail}`, {
      peer: this.config.name,
      endpoint: where,
      code,
    })
  }

  #reportPassedBy(): void {
    const why = 'no sidecar has answered at its endpoints, and routes say `withoutSidecar: direct`'
    this.#shared.log.warn(`connections go directly, without protection: ${why}`, { peer: this.config.name })
  }

  #remember(endpoint: string, code: Code, detail: string): void {
    const message = withAdvice(code, detail)
    const isNews = this.#toldFailures.get(endpoint) !== message
    if (this.#toldFailures.size >= LIMITS.dialCandidatesMax) this.#toldFailures.clear()
    this.#toldFailures.set(endpoint, message)
    this.#lastFailure = { endpoint, code, message, at: new Date().toISOString() }
    if (isNews) this.#shared.log.warn(message, { peer: this.config.name, endpoint, code })
  }

  #handleMigrated(pump: Pump, migration: Migration): void {
    const path = pump.paths.get(migration.to)
    if (path !== undefined) this.#dialing.handleAnswered(path)
    if (path?.isDialed === false) this.#whereabouts.handleSeen(path.carrier.remote.host)
    this.#lastFailure = null
    this.#toldFailures.clear()
    const row = this.#migrations.add(migration, pump)
    this.#shared.totals.countMigration(row)
    const { to, blackoutMs } = row()
    if (migration.reason === 'first') this.#shared.onPeerConnected(this.config.name)
    this.#shared.log.info(migration.reason === 'first' ? 'connected' : 'migrated', {
      peer: this.config.name,
      reason: migration.reason,
      migrator: migration.migrator,
      epoch: migration.epoch,
      to,
      blackoutMs,
    })
  }

  /** The kernel would now choose another source address than when the active path was dialed. */
  async #considerBetter(pump: Pump): Promise<void> {
    const path = pump.activePath
    if (path === undefined || !path.isDialed || path.sourceAddress === undefined) return
    const source = await sourceAddressFor(path.carrier.remote.host, path.carrier.remote.port)
    if (source !== undefined && source !== path.sourceAddress && pump.activePath === path) pump.migrate('better')
  }
}
