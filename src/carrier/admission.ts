/**
 * Who may try to prove an identity, and how often. A stranger costs us a socket until the deadline of the handshake,
 * and a full handshake costs two signatures, the TLS around a wss carrier one more: all are bounded in all and for each
 * address, before any work is done.
 *
 * Addresses are counted by group: an IPv4 address, or the /64 of an IPv6 address, which one host owns whole.
 * All tables are small by construction: a group has a row only while it holds one of LIMITS.unauthenticatedMax
 * places, or while its bucket is not full, that is for a second after one of the handshakes granted in all.
 */
import { LIMITS } from '../base/limits.ts'
import { addressGroup, type Place, Places } from '../base/places.ts'

export interface AdmissionLimits {
  readonly unauthenticatedMax: number
  readonly unauthenticatedPerAddressMax: number
  readonly handshakesPerSecondMax: number
  readonly handshakesPerSecondPerAddressMax: number
}

export class Admission {
  /** Each is released when its connection has proved its identity, or has closed. */
  readonly #places: Places
  readonly #handshakes: Rate
  readonly #outerHandshakes: Rate

  /** @param limits for tests; by default LIMITS */
  constructor(limits: AdmissionLimits = LIMITS) {
    const { unauthenticatedMax, unauthenticatedPerAddressMax } = limits
    this.#places = new Places({ inAllMax: unauthenticatedMax, perAddressMax: unauthenticatedPerAddressMax })
    this.#handshakes = new Rate(limits)
    this.#outerHandshakes = new Rate(limits)
  }

  /** Connections without a proven identity, now. */
  get unauthenticated(): number {
    return this.#places.held
  }

  /** @returns undefined when the connection must be refused with TOO_MANY_CONNECTIONS */
  admit(address: string): Place | undefined {
    return this.#places.take(address)
  }

  /** Asks for one full handshake. @returns false when it must be refused with TOO_MANY_CONNECTIONS */
  allowHandshake(address: string, nowMs: number): boolean {
    return this.#handshakes.take(addressGroup(address), nowMs)
  }

  /**
   * Asks for the outer TLS handshake of a wss listener: a signature, too, but of other buckets. Who gets through it has a full
   * handshake before it, or a RESUME, which is to stay cheap while handshakes are refused.
   */
  allowOuterHandshake(address: string, nowMs: number): boolean {
    return this.#outerHandshakes.take(addressGroup(address), nowMs)
  }
}

/** Handshakes of one kind, in all and by group. */
class Rate {
  readonly #limits: AdmissionLimits
  readonly #bucket: TokenBucket
  readonly #bucketByGroup = new Map<string, TokenBucket>()
  #sweptMs = Number.NEGATIVE_INFINITY

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
    this.#bucket = new TokenBucket(limits.handshakesPerSecondMax)
  }

  take(group: string, nowMs: number): boolean {
    this.#sweep(nowMs)
    const bucket = this.#bucketByGroup.get(group) ?? new TokenBucket(this.#limits.handshakesPerSecondPerAddressMax)
    // Its own bucket first: one address that floods must not take what is there for all.
    if (!bucket.has(nowMs) || !this.#bucket.has(nowMs)) return false
    bucket.take()
    this.#bucket.take()
    this.#bucketByGroup.set(group, bucket)
    return true
  }

  /** Full buckets say nothing that a missing one would not. */
  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < 1_000) return
    this.#sweptMs = nowMs
    for (const [group, bucket] of this.#bucketByGroup) if (bucket.isFull(nowMs)) this.#bucketByGroup.delete(group)
  }
}

/** Holds one second's worth of tokens and fills at that rate. */
class TokenBucket {
  readonly #perSecond: number
  #tokens: number
  #filledMs: number | undefined

  constructor(perSecond: number) {
    this.#perSecond = perSecond
    this.#tokens = perSecond
  }

  has(nowMs: number): boolean {
    this.#fill(nowMs)
    return this.#tokens >= 1
  }

  isFull(nowMs: number): boolean {
    this.#fill(nowMs)
    return this.#tokens === this.#perSecond
  }

  take(): void {
    this.#tokens--
  }

  #fill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - (this.#filledMs ?? nowMs))
    this.#tokens = Math.min(this.#perSecond, this.#tokens + (elapsedMs * this.#perSecond) / 1_000)
    this.#filledMs = nowMs
  }
}
