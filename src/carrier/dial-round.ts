/**
 * One dialing round: every plausible way to a peer, started one after the other in the manner of RFC 8305.
 *
 * - Order: literal addresses and addresses remembered from earlier lookups, as the endpoints are preferred, IPv6 and
 *   IPv4 in turn. Then, where local addresses are given, the same again bound to each of them.
 * - Names are looked up beside that, every round, so that a changed name is followed. A new address goes to the front:
 *   whatever was tried before it is older knowledge. What the name no longer says goes to the back.
 * - A new attempt starts LIMITS.dialStaggerMs after the last, or at once when one has failed, with at most
 *   LIMITS.dialAttemptsMax open. Where the last path is known to have had a short round trip, three of them are enough: a
 *   SYN that is lost, as in a queue that the old path has left full, would be repeated only after a second.
 * - A connection is not yet a path: somebody else may have answered. So each one is handed on, and the round continues
 *   until `settle` says that there is a winner, or until nothing is left to try (`onExhausted`).
 * - Whoever was handed a connection that came to nothing may want it `again`, once, in another manner: it is next. The
 *   others are not disturbed, or one endpoint that fails quickly would keep a slow one from ever answering.
 */
import { isIP, isIPv6 } from 'node:net'
import { type Endpoint, formatEndpoint, isLocalOnly, printableEndpoint } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import type { Carrier } from './carrier.ts'
import type { Clock } from './clock.ts'
import type { DialOptions } from './dial.ts'
import { DialError } from './dial-error.ts'
import type { Resolver } from './resolver.ts'

/** One way to try. */
export interface DialCandidate {
  readonly endpoint: Endpoint
  /** The endpoint's host, or what its name stands for. */
  readonly address: string
  /** To bind to; undefined where the kernel chooses. */
  readonly localAddress?: string
}

export interface DialFailure {
  readonly endpoint: Endpoint
  /** Undefined when its name could not be resolved. */
  readonly candidate?: DialCandidate
  readonly error: DialError
}

export interface DialRoundOptions {
  /** Most preferred first. */
  readonly endpoints: readonly Endpoint[]
  /** Local addresses to bind to, after the kernel's own choice has been tried. @default none */
  readonly localAddresses?: readonly string[]
  readonly dial: (endpoint: Endpoint, options: DialOptions) => Promise<Carrier>
  /** Judges every address before it becomes a candidate. @returns why it is not dialed @default all are */
  readonly objection?: (endpoint: Endpoint, address: string) => DialError | undefined
  readonly resolver: Pick<Resolver, 'known' | 'resolve'>
  readonly clock: Clock
  /** The round trip of the last path, in milliseconds, where there was one. */
  readonly rttMs?: number | undefined
  /** An attempt connected; the carrier belongs to the callee. */
  onCarrier(carrier: Carrier, candidate: DialCandidate): void
  /**
   * Nothing is left to try and nothing is under way. Carriers handed over before may still succeed. Last, and once, but
   * for what `again` brings.
   */
  onExhausted(failures: readonly DialFailure[]): void
}

export class DialRound {
  readonly #options: DialRoundOptions
  readonly #stop = new AbortController()
  /**
   * Keys of all candidates so far: none is tried twice. Those bound to a local address have room of their own, or they would
   * take it from endpoints that come later, and from a name whose new address is only being looked up.
   */
  readonly #seen = { unbound: new Set<string>(), bound: new Set<string>() }
  /** Keys of those that were wanted `again`. */
  readonly #repeated = new Set<string>()
  #repeats: DialCandidate[] = []
  #unbound: DialCandidate[] = []
  #bound: DialCandidate[] = []
  /** Whom local addresses are tried for: all that ever were in `#unbound`. */
  readonly #reachable: DialCandidate[] = []
  #localAddresses: readonly string[]
  readonly #failures: DialFailure[] = []
  #openAttempts = 0
  #openLookups = 0
  #wasIPv6: boolean | undefined
  #cancelStagger: (() => void) | undefined
  #isOver = false

  /** Nothing happens before `start`. */
  constructor(options: DialRoundOptions) {
    this.#options = options
    this.#localAddresses = options.localAddresses ?? []
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Once. Callbacks come later, never from within. */
  start(): void {
    const { endpoints, resolver } = this.#options
    const names = new Set<string>()
    for (const endpoint of endpoints) {
      const isName = isIP(endpoint.host) === 0
      if (isName) names.add(endpoint.host)
      const addresses = isName ? resolver.known(endpoint.host) : [endpoint.host]
      this.#unbound.push(...this.#candidates([endpoint], addresses))
    }
    for (const name of names) this.#lookUp(name)
    this.#startNext()
    if (this.#isIdle()) queueMicrotask(() => this.#checkExhausted())
  }

  /** A carrier that was handed over came to nothing: the next attempt need not wait for the stagger. */
  hurry(): void {
    this.#startNext()
  }

  /**
   * A carrier that was handed over came to nothing, and the same way is worth another attempt: it is the next, also when
   * nothing else was left. @returns false when it was repeated before, or the round is settled
   */
  again(candidate: DialCandidate): boolean {
    const key = keyOf(candidate)
    if (this.#isOver || this.#repeated.has(key)) return false
    this.#repeated.add(key)
    this.#repeats.push(candidate)
    this.#startNext()
    return true
  }

  /** This host has these addresses now. Those that have come since are sources, too; between two attempts they wait. */
  handleLocalAddresses(addresses: readonly string[]): void {
    this.#localAddresses = addresses
    for (const candidate of this.#reachable) this.#bind(candidate)
    if (this.#cancelStagger === undefined) this.#startNext()
  }

  /** There is a winner, or nobody wants one any more: pending attempts are given up, and nothing is called. */
  settle(): void {
    this.#isOver = true
    this.#cancelStagger?.()
    this.#stop.abort()
  }

  #lookUp(name: string): void {
    const endpoints = this.#options.endpoints.filter(endpoint => endpoint.host === name)
    this.#openLookups++
    this.#options.resolver
      .resolve(name)
      .then(
        addresses => this.#handleAnswer(endpoints, addresses),
        (error: unknown) => {
          for (const endpoint of endpoints) this.#failures.push({ endpoint, error: asDialError(error, endpoint) })
        },
      )
      .finally(() => {
        this.#openLookups--
        this.#checkExhausted()
      })
  }

  #handleAnswer(endpoints: readonly Endpoint[], addresses: readonly string[]): void {
    if (this.#isOver) return
    const isStale = ({ endpoint, address }: DialCandidate) =>
      endpoints.includes(endpoint) && !addresses.includes(address)
    this.#unbound = [
      ...this.#candidates(endpoints, addresses),
      ...this.#unbound.filter(candidate => !isStale(candidate)),
      ...this.#unbound.filter(isStale),
    ]
    // Between two attempts it waits for the stagger like any other.
    if (this.#cancelStagger === undefined) this.#startNext()
  }

  /** New unbound candidates; their bound variants are queued on the way. */
  #candidates(endpoints: readonly Endpoint[], addresses: readonly string[]): DialCandidate[] {
    const fresh: DialCandidate[] = []
    for (const endpoint of endpoints) {
      for (const address of addresses) {
        const candidate = { endpoint, address }
        const error = this.#options.objection?.(endpoint, address)
        if (error !== undefined) {
          this.#failures.push({ endpoint, candidate, error })
          continue
        }
        if (!this.#claim(candidate)) continue
        fresh.push(candidate)
        this.#reachable.push(candidate)
        this.#bind(candidate)
      }
    }
    return fresh
  }

  #bind(candidate: DialCandidate): void {
    // What is on this host alone is reached from anywhere on it.
    if (isLocalOnly(candidate.address)) return
    for (const localAddress of this.#localAddresses) {
      const bound = { ...candidate, localAddress }
      if (isIPv6(candidate.address) === isIPv6(localAddress) && this.#claim(bound)) this.#bound.push(bound)
    }
  }

  #claim(candidate: DialCandidate): boolean {
    const key = keyOf(candidate)
    const seen = candidate.localAddress === undefined ? this.#seen.unbound : this.#seen.bound
    if (seen.has(key) || seen.size >= LIMITS.dialCandidatesMax) return false
    seen.add(key)
    return true
  }

  #startNext(): void {
    if (this.#isOver || this.#openAttempts >= LIMITS.dialAttemptsMax) return
    const candidate = this.#repeats.shift() ?? this.#takeCandidate(this.#unbound) ?? this.#takeCandidate(this.#bound)
    if (candidate === undefined) return
    this.#startStagger()
    this.#openAttempts++
    const { endpoint, address, localAddress } = candidate
    const bind = localAddress === undefined ? {} : { localAddress }
    this.#options.dial(endpoint, { address, ...bind, signal: this.#stop.signal }).then(
      carrier => this.#handleConnected(carrier, candidate),
      (error: unknown) => this.#handleFailed(error, candidate),
    )
  }

  /** The first of the other family than the last one taken, or else the first. */
  #takeCandidate(queue: DialCandidate[]): DialCandidate | undefined {
    const other = queue.findIndex(({ address }) => isIPv6(address) !== this.#wasIPv6)
    const [candidate] = queue.splice(Math.max(other, 0), 1)
    if (candidate !== undefined) this.#wasIPv6 = isIPv6(candidate.address)
    return candidate
  }

  #startStagger(): void {
    this.#cancelStagger?.()
    const roundTripsMs = 3 * (this.#options.rttMs ?? Number.POSITIVE_INFINITY)
    const staggerMs = Math.min(LIMITS.dialStaggerMs, Math.max(LIMITS.dialStaggerMinMs, roundTripsMs))
    this.#cancelStagger = this.#options.clock.after(staggerMs, () => {
      this.#cancelStagger = undefined
      this.#startNext()
    })
  }

  #handleConnected(carrier: Carrier, candidate: DialCandidate): void {
    if (this.#isOver) return carrier.destroy()
    this.#openAttempts--
    // All attempts were open, so no timer ran. It runs now: the one that connected gets its chance first.
    if (this.#cancelStagger === undefined) this.#startStagger()
    this.#options.onCarrier(carrier, candidate)
    this.#checkExhausted()
  }

  #handleFailed(error: unknown, candidate: DialCandidate): void {
    if (this.#isOver) return
    this.#openAttempts--
    this.#failures.push({ endpoint: candidate.endpoint, candidate, error: asDialError(error, candidate.endpoint) })
    this.#startNext()
    this.#checkExhausted()
  }

  #isIdle(): boolean {
    const left = this.#repeats.length + this.#unbound.length + this.#bound.length
    return this.#openAttempts + this.#openLookups + left === 0
  }

  #checkExhausted(): void {
    if (this.#isOver || !this.#isIdle()) return
    this.#cancelStagger?.()
    this.#cancelStagger = undefined
    this.#options.onExhausted(this.#failures)
  }
}

function keyOf({ endpoint, address, localAddress = '' }: DialCandidate): string {
  return `${formatEndpoint(endpoint)} ${address} ${localAddress}`
}

function asDialError(error: unknown, endpoint: Endpoint): DialError {
  if (error instanceof DialError) return error
  const why = error instanceof Error ? error.message : String(error)
  return new DialError('INTERNAL', `dialing ${printableEndpoint(endpoint)} failed: ${why}`, { cause: error })
}
