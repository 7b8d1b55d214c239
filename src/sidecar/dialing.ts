/**
 * Finds paths to one peer, for as long as its engine wishes for one.
 *
 *     wished -> round over all endpoints (dial-round.ts) -> path made: is it answered? -> the engine is content: settle
 *                   ^                                          |
 *                   '--- backoff; at once after an address or link event
 *
 * An attempt that connected and brought no record is followed, at that endpoint, by a full handshake, and so on in turn,
 * whatever the reason was: an unknown handle, a captive portal, expired state. The other handshake is tried at once, within
 * the round and beside its other attempts, which are never given up because one has failed; after both have failed, the
 * next round goes on in turn.
 */
import { type Endpoint, formatEndpoint } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import { Backoff } from '../carrier/backoff.ts'
import type { Carrier } from '../carrier/carrier.ts'
import type { Clock } from '../carrier/clock.ts'
import type { DialOptions } from '../carrier/dial.ts'
import type { DialError } from '../carrier/dial-error.ts'
import { type DialCandidate, type DialFailure, DialRound } from '../carrier/dial-round.ts'
import type { Resolver } from '../carrier/resolver.ts'
import type { MigrateReason } from '../wire/control.ts'
import type { Path } from './path.ts'
import type { FailedRound } from './presence.ts'

export interface DialingOptions {
  readonly resolver: Resolver
  readonly clock: Clock
  readonly dial: (endpoint: Endpoint, options: DialOptions) => Promise<Carrier>
  /** Where the peer may be now, most preferred first. */
  readonly endpoints: () => readonly Endpoint[]
  /** Why an endpoint is not dialed at an address. */
  readonly objection: (endpoint: Endpoint, address: string) => DialError | undefined
  /**
   * This host's addresses: each is tried as the source after the kernel's own choice. Where there is only one that is a
   * second attempt: the kernel would send a lost SYN again only after a second.
   */
  readonly localAddresses: () => readonly string[]
  /** The round trip of the last path, in milliseconds; undefined before the first. */
  readonly rttMs: () => number | undefined
  readonly makePath: (carrier: Carrier, endpoint: Endpoint, handshake: Handshake) => Path
  /** Whether there are keys to resume with; without, every handshake is a full one. */
  readonly canResume: () => boolean
  /**
   * A round is over and nothing came of it, or there is no endpoint to dial.
   * @param failures of attempts that did not connect, unless a path was lost last
   * @param round undefined without an endpoint
   */
  onFailed(failures: readonly DialFailure[], round?: FailedRound): void
}

export type Handshake = 'full' | 'resumption'

interface Round {
  readonly ways: DialRound
  readonly sinceMs: number
  /** Nothing is left to dial in it, and it was not given up. */
  isExhausted: boolean
  /** Before the next round; drawn when this one is exhausted. */
  pauseMs: number | undefined
  failures: readonly DialFailure[]
  /** Connections that brought no record. */
  readonly lost: Path[]
}

/** A connection that has not been answered yet. */
interface Attempt {
  readonly round: Round
  readonly candidate: DialCandidate
  readonly handshake: Handshake
}

export class Dialing {
  readonly #options: DialingOptions
  readonly #backoff = new Backoff(Math.random)
  #reason: MigrateReason | undefined
  /** The newest, also when it is exhausted. */
  #round: Round | undefined
  #cancelRetry: (() => void) | undefined
  readonly #attempts = new Map<Path, Attempt>()
  /** What is next at endpoints whose last connection brought no record. At all others it is a resumption. */
  readonly #next = new Map<string, Handshake>()
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
   * An address or link changed: what is under way may go nowhere, and waiting is over. A young round goes on, unless an
   * address is gone: then its attempts may have it as their source, and would wait for an answer that cannot come. It learns
   * of new addresses, though: in IPv6 they are often usable only a moment after the old one has gone.
   */
  hurry(nowMs: number, isAddressGone = false): void {
    this.#backoff.reset()
    if (this.#reason === undefined || this.#isStopped) return
    const round = this.#round
    const isYoung = round !== undefined && !round.isExhausted && nowMs - round.sinceMs < LIMITS.dialStaggerMs
    if (isYoung && !isAddressGone) return round.ways.handleLocalAddresses(this.#options.localAddresses())
    this.#settle()
    this.#start()
  }

  /** A path that was made here has been answered. */
  handleAnswered(path: Path): void {
    this.#attempts.delete(path)
    if (path.endpoint !== undefined) this.#next.delete(formatEndpoint(path.endpoint))
    this.#backoff.reset()
  }

  /** A path that was made here ended. */
  handleLost(path: Path): void {
    const attempt = this.#attempts.get(path)
    if (attempt === undefined) return
    this.#attempts.delete(path)
    const { round, candidate, handshake } = attempt
    if (!path.hasRecord) {
      this.#next.set(formatEndpoint(candidate.endpoint), otherThan(handshake))
      round.lost.push(path)
    }
    if (this.#reason === undefined || this.#isStopped) return
    const isOtherNext = !path.hasRecord && this.#handshakeAt(candidate.endpoint) !== handshake
    if (round === this.#round && isOtherNext && round.ways.again(candidate)) return this.#resume(round)
    round.ways.hurry()
    if (!round.isExhausted || this.#isAwaited(round)) return
    this.#options.onFailed([], round)
    if (round === this.#round) this.#retryAfter(round.pauseMs!)
  }

  /** Ends also the handshakes under way; a path that is ready is its pump's to close. */
  stop(): void {
    this.#isStopped = true
    this.#reason = undefined
    this.#settle()
    for (const path of [...this.#attempts.keys()]) {
      if (!path.channel.isReady) path.destroy('this sidecar is shutting down', 'GOODBYE')
    }
  }

  #start(): void {
    const endpoints = this.#options.endpoints()
    const known = new Set(endpoints.map(formatEndpoint))
    for (const key of this.#next.keys()) if (!known.has(key)) this.#next.delete(key)
    if (endpoints.length === 0) return this.#options.onFailed([])
    const { resolver, clock, dial, objection } = this.#options
    const ways: DialRound = new DialRound({
      endpoints,
      localAddresses: this.#options.localAddresses(),
      resolver,
      clock,
      rttMs: this.#options.rttMs(),
      dial,
      objection,
      onCarrier: (carrier, candidate) => this.#handleCarrier(round, carrier, candidate),
      onExhausted: failures => this.#handleExhausted(round, failures),
    })
    const sinceMs = performance.now()
    const round: Round = { ways, sinceMs, isExhausted: false, pauseMs: undefined, failures: [], lost: [] }
    this.#round = round
    ways.start()
  }

  #handleCarrier(round: Round, carrier: Carrier, candidate: DialCandidate): void {
    const handshake = this.#handshakeAt(candidate.endpoint)
    const path = this.#options.makePath(carrier, candidate.endpoint, handshake)
    this.#attempts.set(path, { round, candidate, handshake })
    path.start()
  }

  #handshakeAt(endpoint: Endpoint): Handshake {
    if (this.#reason === 'rekey' || !this.#options.canResume()) return 'full'
    return this.#next.get(formatEndpoint(endpoint)) ?? 'resumption'
  }

  #handleExhausted(round: Round, failures: readonly DialFailure[]): void {
    round.isExhausted = true
    round.failures = failures
    round.pauseMs ??= this.#backoff.next(performance.now())
    const isAwaited = this.#isAwaited(round)
    if (!isAwaited) this.#options.onFailed(failures, round)
    // Those that connected get the time of a handshake on a slow path before more are made beside them.
    this.#retryAfter(isAwaited ? Math.max(LIMITS.heartbeatAnswerMs, round.pauseMs) : round.pauseMs)
  }

  /** A connection of this round may still be answered. */
  #isAwaited(round: Round): boolean {
    return [...this.#attempts.values()].some(attempt => attempt.round === round)
  }

  /** There is something to dial again before the next round. */
  #resume(round: Round): void {
    round.isExhausted = false
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
  }

  #retryAfter(delayMs: number): void {
    this.#cancelRetry?.()
    this.#cancelRetry = this.#options.clock.after(delayMs, () => {
      this.#cancelRetry = undefined
      if (this.#reason !== undefined) this.#start()
    })
  }

  /** Gives up the round; a path of it that is lost later is no news to the engine. */
  #settle(): void {
    this.#round?.ways.settle()
    if (this.#round !== undefined) this.#round.isExhausted = false
    this.#round = undefined
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
  }
}

function otherThan(handshake: Handshake): Handshake {
  return handshake === 'full' ? 'resumption' : 'full'
}
