/**
 * One carrier as the engine sees it: what was said on it, how long a round trip takes, and whether it is alive.
 *
 * Round-trip time is measured by Ping and smoothed as in RFC 6298. Any opened record is a sign of life.
 */
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { type Control, encodeControl } from '../wire/control.ts'
import { controlFrame } from '../wire/inner-frame.ts'
import type { CarrierId } from './events.ts'

export interface LinkInit {
  readonly id: CarrierId
  /** We dialed it. */
  readonly isDialed: boolean
  /** It resumed keys of this association, so the peer is the process we know. */
  readonly isResumed: boolean
  /** The peer's process lived after this: its full handshake answers what we sent later. Undefined for a resumed carrier. */
  readonly handshakeFrom: number | undefined
  /** Round trip as the transport's connect took it, or undefined. */
  readonly rttMs: number | undefined
}

export class Link {
  readonly id: CarrierId
  readonly isDialed: boolean
  readonly isResumed: boolean
  readonly readyAt: number
  isConfirmed: boolean
  /** From when its confirmation is waited for. */
  confirmFrom: number
  isHelloReceived = false
  /** The carrier takes no more for now. */
  isBlocked = false
  /** Greatest epoch of a MIGRATE that it carried, either way; 0 for none. */
  epoch = 0
  lastHeardAt: number
  /** Since when something is outstanding here without a sign of life; undefined when nothing is. */
  awaitingSince: number | undefined
  lastPingAt = Number.NEGATIVE_INFINITY
  /** Control messages to leave on this carrier; they die with it. */
  readonly control: Uint8Array[] = []
  /** Records that wait until it is known which process of the peer's is alive: incarnations.ts. */
  held: { readonly records: (readonly Uint8Array[])[]; bytes: number } | undefined
  /** The peer's process at its other end lived after this: it has answered what was sent then. */
  aliveAfter: number
  /** Plaintext handed over to be sealed here. */
  sentBytes = 0
  /** Bytes of applications are in flight on it. */
  hasFlight = false
  /** When a carrier without use is closed; undefined while it has one. */
  retireFrom: number | undefined
  /**
   * Stands for the round trip until that is measured, so that an answer is waited for long enough. It is no sample: a proxy on
   * the way may have answered, or a SYN was lost.
   */
  readonly #connectMs: number | undefined
  #smoothedRttMs: number | undefined
  #leastRttMs = Number.POSITIVE_INFINITY
  #ratePerMs = 0
  #rateFrom = 0
  #rateBytes = 0
  #pings = new Map<number, { sentAt: number; answerMs: number }>()
  #nextPing = 1

  constructor(init: LinkInit, now: number) {
    this.id = init.id
    this.isDialed = init.isDialed
    this.isResumed = init.isResumed
    this.isConfirmed = init.isDialed
    this.aliveAfter = init.handshakeFrom ?? Number.NEGATIVE_INFINITY
    this.readyAt = now
    this.lastHeardAt = now
    this.confirmFrom = now
    this.#rateFrom = now
    if (init.rttMs !== undefined) this.#connectMs = Math.min(init.rttMs, LIMITS.rttMaxMs)
  }

  get rttMs(): number | undefined {
    return this.#smoothedRttMs ?? this.#connectMs
  }

  /** Silence longer than this, while something is outstanding, is doubt. */
  get probeMs(): number {
    const rttMs = this.#smoothedRttMs ?? Math.max(this.#connectMs ?? 0, LIMITS.doubtMs)
    return Math.max(3 * rttMs, LIMITS.doubtMs)
  }

  /** An accepted carrier that resumed is a replay until a record under both nonces has opened; until when it may be. */
  get confirmBy(): number {
    if (this.isConfirmed) return Number.POSITIVE_INFINITY
    return this.confirmFrom + Math.max(LIMITS.confirmMs, 4 * (this.rttMs ?? 0))
  }

  get isPinging(): boolean {
    return this.#pings.size > 0
  }

  /** Bytes that may be handed over and not acknowledged: Node cannot see the kernel's queue, so this keeps it short. */
  get flightBytesMax(): number {
    if (this.#leastRttMs === Number.POSITIVE_INFINITY) return LIMITS.flightBytesMin
    const product = Math.floor(2 * this.#ratePerMs * (this.#leastRttMs + LIMITS.flightSlackMs))
    return Math.min(LIMITS.flightBytesMax, Math.max(LIMITS.flightBytesMin, product))
  }

  /** About 2 ms of the carrier's rate: large enough to be cheap, small enough that control is not far behind. */
  get recordBytesMax(): number {
    return Math.min(LIMITS.recordBytesMax, Math.max(LIMITS.recordBytesMin, Math.floor(this.#ratePerMs * 2)))
  }

  send(message: Control): void {
    this.control.push(controlFrame(encodeControl(message)))
  }

  /**
   * Answers a message of the peer's.
   * @throws RemoteError PROTOCOL_VIOLATION when it asks for more than it reads answers to
   */
  answer(message: Control): void {
    if (this.control.length >= LIMITS.controlQueueMax) {
      throw new RemoteError('PROTOCOL_VIOLATION', `${this.control.length} answers wait for a peer that asks for more`)
    }
    this.send(message)
  }

  /**
   * Counts as an attempt where too many wait for an answer already, or the heartbeat would be due again at once.
   */
  ping(now: number, answerMs: number): void {
    this.lastPingAt = now
    if (this.#pings.size >= LIMITS.pingsMax) return
    const id = this.#nextPing++
    this.#pings.set(id, { sentAt: now, answerMs })
    this.awaitingSince ??= now
    this.send({ type: 'ping', id })
  }

  /** @returns whether it answers a ping that waits */
  handlePong(id: number, now: number): boolean {
    const ping = this.#pings.get(id)
    if (ping === undefined) return false
    for (const older of this.#pings.keys()) if (older <= id) this.#pings.delete(older)
    this.aliveAfter = Math.max(this.aliveAfter, ping.sentAt)
    this.#sampleRtt(now - ping.sentAt)
    return true
  }

  /** A record has opened. @param hasFlight bytes of applications are still in flight here */
  handleHeard(now: number, hasFlight: boolean): void {
    this.lastHeardAt = now
    this.hasFlight = hasFlight
    this.awaitingSince = hasFlight || this.isPinging ? now : undefined
  }

  /** So many bytes were acknowledged. */
  handleDelivered(bytes: number, now: number): void {
    this.#rateBytes += bytes
    const span = now - this.#rateFrom
    if (span < Math.max(LIMITS.rateSpanMs, this.#smoothedRttMs ?? 0)) return
    this.#ratePerMs = Math.max(this.#rateBytes / span, this.#ratePerMs * 0.9)
    this.#rateFrom = now
    this.#rateBytes = 0
  }

  /** When silence becomes doubt; infinite while nothing is outstanding. */
  get doubtAt(): number {
    if (this.awaitingSince === undefined) return Number.POSITIVE_INFINITY
    let patienceMs = this.probeMs
    if (!this.hasFlight && this.isPinging) {
      patienceMs = Math.max(patienceMs, Math.min(...[...this.#pings.values()].map(ping => ping.answerMs)))
    }
    return this.awaitingSince + patienceMs
  }

  #sampleRtt(measuredMs: number): void {
    const sampleMs = Math.min(measuredMs, LIMITS.rttMaxMs)
    this.#leastRttMs = Math.min(this.#leastRttMs, sampleMs)
    this.#smoothedRttMs = this.#smoothedRttMs === undefined ? sampleMs : this.#smoothedRttMs * 0.875 + sampleMs * 0.125
  }
}
