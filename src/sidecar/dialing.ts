/**
 * Finds paths to one peer, for as long as its engine wishes for one.
 *
 *     wished -> round over all endpoints (dial-round.ts) -> path made: is it answered? -> the engine is content: settle
 *                   ^                                          |
 *                   '--- backoff; at once after an address or link event, or to try the other handshake
 *
 * An attempt that connected and brought no record is followed, at that endpoint, by a full handshake, and so on in turn,
 * whatever the reason was: an unknown handle, a captive portal, expired state.
 */
import { type Endpoint, formatEndpoint } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import { Backoff } from '../carrier/backoff.ts'
import type { Carrier } from '../carrier/carrier.ts'
import type { Clock } from '../carrier/clock.ts'
import type { DialOptions } from '../carrier/dial.ts'
import { type DialFailure, DialRound } from '../carrier/dial-round.ts'
import type { Resolver } from '../carrier/resolver.ts'
import type { MigrateReason } from '../wire/control.ts'
import type { Path } from './path.ts'

export interface DialingOptions {
  readonly resolver: Resolver
  readonly clock: Clock
  readonly dial: (endpoint: Endpoint, options: DialOptions) => Promise<Carrier>
  /** Where the peer may be now, most preferred first. */
  readonly endpoints: () => readonly Endpoint[]
  /**
   * This host's addresses: each is tried as the source after the kernel's own choice. Where there is only one that is a
   * second attempt: the kernel would send a lost SYN again only after a second.
   */
  readonly localAddresses: () => readonly string[]
  /** Makes a path of a connection. @param isFresh with a full handshake */
  readonly makePath: (carrier: Carrier, endpoint: Endpoint, isFresh: boolean) => Path
  /** A round is over and nothing came of it. */
  onFailed(failures: readonly DialFailure[]): void
}

export class Dialing {
  readonly #options: DialingOptions
  readonly #backoff = new Backoff(Math.random)
  #reason: MigrateReason | undefined
  #round: DialRound | undefined
  #roundSince = 0
  #cancelRetry: (() => void) | undefined
  /** Paths made and not yet answered. */
  readonly #pending = new Set<Path>()
  /** Endpoints whose last connection brought no record: the other kind of handshake is next. */
  readonly #fresh = new Set<string>()
  #isStopped = false

  constructor(options: DialingOptions) {
    this.#options = options
  }

  /** What the engine wishes now; called after every drain. */
  wish(reason: MigrateReason | undefined): void {
    const had = this.#reason
    this.#reason = reason
    if (reason === undefined) return this.#settle()
    if (had === undefined && !this.#isStopped) this.#start()
  }

  /**
   * An address or link changed: what is under way may go nowhere, and waiting is over. A young round is left alone, unless
   * an address is gone: then its attempts may have it as their source, and would wait for an answer that cannot come.
   */
  hurry(nowMs: number, isAddressGone = false): void {
    this.#backoff.reset()
    if (this.#reason === undefined || this.#isStopped) return
    const isYoung = this.#round !== undefined && nowMs - this.#roundSince < LIMITS.dialStaggerMs
    if (isYoung && !isAddressGone) return
    this.#start()
  }

  /** A path that was made here has been answered. */
  handleAnswered(path: Path): void {
    this.#pending.delete(path)
    if (path.endpoint !== undefined) this.#fresh.delete(formatEndpoint(path.endpoint))
    this.#backoff.reset()
  }

  /** A path that was made here ended. */
  handleLost(path: Path): void {
    if (!this.#pending.delete(path) || path.endpoint === undefined || path.hasRecord) return
    const key = formatEndpoint(path.endpoint)
    const isNewsWorth = !this.#fresh.delete(key)
    if (isNewsWorth) this.#fresh.add(key)
    if (this.#reason === undefined || this.#isStopped) return
    // The other handshake is tried at once; after both have failed, in good time.
    if (isNewsWorth) this.#start()
    else if (this.#round === undefined) this.#retryLater()
    else this.#round.hurry()
  }

  stop(): void {
    this.#isStopped = true
    this.#reason = undefined
    this.#settle()
  }

  #start(): void {
    this.#settle()
    const endpoints = this.#options.endpoints()
    if (endpoints.length === 0) return
    const { resolver, clock, dial } = this.#options
    const round: DialRound = new DialRound({
      endpoints,
      localAddresses: this.#options.localAddresses(),
      resolver,
      clock,
      dial,
      onCarrier: (carrier, endpoint) => this.#handleCarrier(carrier, endpoint),
      onExhausted: failures => this.#handleExhausted(failures),
    })
    this.#round = round
    this.#roundSince = performance.now()
    round.start()
  }

  #handleCarrier(carrier: Carrier, endpoint: Endpoint): void {
    const isFresh = this.#reason === 'rekey' || this.#fresh.has(formatEndpoint(endpoint))
    const path = this.#options.makePath(carrier, endpoint, isFresh)
    this.#pending.add(path)
    path.start()
  }

  #handleExhausted(failures: readonly DialFailure[]): void {
    this.#round = undefined
    if (this.#reason === undefined) return
    if (this.#pending.size === 0) this.#options.onFailed(failures)
    if (this.#reason !== undefined) this.#retryLater()
  }

  #retryLater(): void {
    this.#cancelRetry?.()
    // Those that connected get the time of a handshake on a slow path before more are made beside them.
    const atLeastMs = this.#pending.size > 0 ? LIMITS.heartbeatAnswerMs : 0
    const delayMs = Math.max(atLeastMs, this.#backoff.next(performance.now()))
    this.#cancelRetry = this.#options.clock.after(delayMs, () => {
      this.#cancelRetry = undefined
      if (this.#reason !== undefined && this.#round === undefined) this.#start()
    })
  }

  #settle(): void {
    this.#round?.settle()
    this.#round = undefined
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
  }
}
