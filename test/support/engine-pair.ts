/**
 * Two engines on a virtual clock, joined by carriers that the test makes, delays, blackholes and cuts. The duties of a pump
 * and of applications are done as plainly as can be; everything sent and told is kept for the test to look at.
 */
import { strict as assert } from 'node:assert'
import { RemoteError } from '../../src/base/errors.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { Association } from '../../src/session/association.ts'
import type { AssociationOptions } from '../../src/session/association-options.ts'
import { Budget } from '../../src/session/budget.ts'
import type { CarrierId, EngineEvent, Ref } from '../../src/session/events.ts'
import { concatBytes } from '../../src/wire/bytes.ts'
import { frameTexts } from './frame-text.ts'

export type SideName = 'a' | 'b'
type EventOf<T extends EngineEvent['type']> = EngineEvent & { readonly type: T }

const STEPS_MAX = 200_000
export const DELAY_MS = 10
export const NEVER = Number.MAX_SAFE_INTEGER

/** One carrier between the two, as both see it. */
export class Wire {
  readonly id: CarrierId
  readonly dialer: SideName
  readonly dialedAt: number
  /** One way; may be changed while records are under way. */
  delayMs: number
  /** Records from this side that still arrive; the rest waits until the wire heals, or is lost with it. */
  readonly passes: Record<SideName, number> = { a: Number.POSITIVE_INFINITY, b: Number.POSITIVE_INFINITY }
  isCut = false
  readonly #stalled: (() => void)[] = []
  readonly #pair: EnginePair

  constructor(pair: EnginePair, id: CarrierId, dialer: SideName, delayMs: number) {
    this.#pair = pair
    this.id = id
    this.dialer = dialer
    this.dialedAt = pair.now
    this.delayMs = delayMs
  }

  /** Loses what is under way; both sides learn of it after so many milliseconds, or NEVER. */
  cut(aAfterMs = 0, bAfterMs = aAfterMs): void {
    this.close(aAfterMs, bAfterMs)
    this.#pair.advance(0)
  }

  /** The same, while the pair is at work: told in its turn. */
  close(aAfterMs = 0, bAfterMs = aAfterMs): void {
    this.isCut = true
    this.#pair.after(aAfterMs, () => this.#pair.a.handleLost(this.id))
    this.#pair.after(bAfterMs, () => this.#pair.b.handleLost(this.id))
  }

  /** From now on nothing arrives, and nobody is told; a transport repeats what was lost once it can. */
  blackhole(): void {
    this.passes.a = 0
    this.passes.b = 0
  }

  heal(): void {
    this.passes.a = Number.POSITIVE_INFINITY
    this.passes.b = Number.POSITIVE_INFINITY
    for (const deliver of this.#stalled.splice(0)) this.#pair.after(this.delayMs, deliver)
  }

  stall(deliver: () => void): void {
    this.#stalled.push(deliver)
  }
}

export class Side {
  readonly name: SideName
  association: Association
  readonly budget: Budget
  readonly events: EngineEvent[] = []
  /** Frames in words, in the order they were handed to carriers: `CARRIER: FRAME`. */
  readonly sent: string[] = []
  /** Codes of the faults this side found with its peer. */
  readonly faults: string[] = []
  /** What its applications were given, by session. */
  readonly received = new Map<Ref, string>()
  readonly carriers = new Set<CarrierId>()
  endpoints: readonly string[]
  /** Opens are accepted, and bytes taken by the application, at once. */
  isAccepting = true
  isConsuming = true
  /** Its event loop is blocked: neither timers nor records are handled. */
  isBlocked = false
  readonly #pair: EnginePair
  readonly #options: Partial<AssociationOptions>

  constructor(pair: EnginePair, name: SideName, options: Partial<AssociationOptions>) {
    this.#pair = pair
    this.name = name
    this.#options = options
    this.endpoints = [`tcp://${name}.example:7000`]
    this.budget = options.budget ?? new Budget()
    this.association = this.#make(name === 'a' ? 0xaa : 0xbb)
  }

  get peer(): Side {
    return this.#pair.other(this)
  }

  /** Another process in the place of this one; its carriers must have been cut. */
  restart(incarnationByte: number): void {
    this.carriers.clear()
    this.association = this.#make(incarnationByte)
  }

  // ---- the application's part

  open(host = 'db.example'): Ref {
    const sessionId = new Uint8Array(16).fill(1)
    const ref = this.association.open({ sessionId, host, port: 5432, client: '192.0.2.1:50000' }, this.#pair.now)
    this.drain()
    return ref
  }

  write(ref: Ref, text: string | Uint8Array): boolean {
    const hasRoom = this.association.write(ref, typeof text === 'string' ? Buffer.from(text) : text)
    this.drain()
    return hasRoom
  }

  finish(ref: Ref): void {
    this.association.finish(ref)
    this.drain()
  }

  consume(ref: Ref, bytes: number): void {
    this.association.handleConsumed(ref, bytes, this.#pair.now)
    this.drain()
  }

  do(command: (association: Association, now: number) => void): void {
    command(this.association, this.#pair.now)
    this.drain()
  }

  // ---- what it was told

  all<T extends EngineEvent['type']>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type)
  }

  /** How a session ended here: `closed`, a code, or undefined. */
  outcome(ref: Ref): string | undefined {
    const last = this.events.filter(event => event.type === 'closed' || event.type === 'reset').find(e => e.ref === ref)
    return last?.type === 'reset' ? last.code : last?.type
  }

  /** Carriers that it has closed, and why: `CARRIER CODE`. */
  get closes(): string[] {
    return this.all('closeCarrier').map(({ carrier, code }) => `${carrier} ${code}`)
  }

  /** Frames it sent on one carrier. */
  sentOn(wire: Wire): string[] {
    const prefix = `${wire.id}: `
    return this.sent.filter(text => text.startsWith(prefix)).map(text => text.slice(prefix.length))
  }

  // ---- the pump's part

  handleReady(wire: Wire, isResumed: boolean, rttMs: number | undefined): void {
    this.carriers.add(wire.id)
    const isDialed = wire.dialer === this.name
    const handshakeFrom = isResumed ? undefined : wire.dialedAt
    this.association.handleCarrierReady({ id: wire.id, isDialed, isResumed, handshakeFrom, rttMs }, this.#pair.now)
    this.drain()
  }

  /** A record has arrived. A fault of the peer's closes the carrier, as the pump does. */
  handleRecord(carrier: CarrierId, record: Uint8Array): void {
    if (!this.carriers.has(carrier)) return
    try {
      this.association.handleRecord(carrier, [record], this.#pair.now)
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error
      this.faults.push(error.code)
      this.#pair.wire(carrier).close()
    }
    this.drain()
  }

  handleLost(carrier: CarrierId): void {
    if (!this.carriers.delete(carrier)) return
    this.association.handleCarrierLost(carrier, this.#pair.now)
    this.drain()
  }

  drain(): void {
    for (;;) {
      for (let event = this.association.pollEvent(); event; event = this.association.pollEvent()) this.#handle(event)
      const transmit = this.association.pollTransmit(this.#pair.now)
      if (transmit === undefined) return
      assert(this.carriers.has(transmit.carrier), 'a record for a carrier that is gone')
      const record = concatBytes(transmit.parts).slice()
      assert(record.length <= LIMITS.recordBytesMax + LIMITS.controlBytesMax, 'a record fits a frame')
      for (const text of frameTexts([record])) this.sent.push(`${transmit.carrier}: ${text}`)
      this.#pair.carry(this, transmit.carrier, record)
    }
  }

  #handle(event: EngineEvent): void {
    this.events.push(event)
    if (event.type === 'open' && this.isAccepting) this.association.acceptOpen(event.ref, 'destination:1')
    if (event.type === 'closeCarrier') this.#pair.wire(event.carrier).close()
    if (event.type !== 'data') return
    const bytes = concatBytes(event.parts)
    this.received.set(event.ref, (this.received.get(event.ref) ?? '') + Buffer.from(bytes).toString('latin1'))
    if (this.isConsuming) this.association.handleConsumed(event.ref, bytes.length, this.#pair.now)
  }

  #make(incarnationByte: number): Association {
    return new Association(
      {
        isGreaterPeer: this.name === 'b',
        incarnation: new Uint8Array(16).fill(incarnationByte),
        holdMs: LIMITS.holdMs,
        sessionsMax: 1_000,
        endpoints: () => this.endpoints,
        ...this.#options,
        budget: this.budget,
      },
      this.#pair.now,
    )
  }
}

export interface ConnectOptions {
  /** @default once both have met */
  readonly isResumed?: boolean
  readonly delayMs?: number
  /** No record under both nonces ever opens at the acceptor. */
  readonly isNeverConfirmed?: boolean
}

export class EnginePair {
  now = 1_000
  readonly a: Side
  readonly b: Side
  readonly wires: Wire[] = []
  /** Called after each record that was handed to a side. */
  onDelivered: (wire: Wire, from: SideName) => void = () => undefined
  #neverConfirmed = new Set<CarrierId>()
  #queue: { readonly at: number; readonly run: () => void }[] = []

  constructor(a: Partial<AssociationOptions> = {}, b: Partial<AssociationOptions> = {}) {
    this.a = new Side(this, 'a', a)
    this.b = new Side(this, 'b', b)
  }

  other(side: Side): Side {
    return side === this.a ? this.b : this.a
  }

  wire(id: CarrierId): Wire {
    return this.wires[id - 1]!
  }

  /** A new carrier that both sides may use from now on. */
  connect(dialer: SideName = 'a', options: ConnectOptions = {}): Wire {
    const { delayMs = DELAY_MS } = options
    const haveMet = [this.a, this.b].every(side => side.association.peerIncarnation !== undefined)
    const isResumed = options.isResumed ?? haveMet
    const wire = new Wire(this, this.wires.length + 1, dialer, delayMs)
    this.wires.push(wire)
    if (options.isNeverConfirmed) this.#neverConfirmed.add(wire.id)
    const dialing = this[dialer]
    dialing.peer.handleReady(wire, isResumed, undefined)
    dialing.handleReady(wire, isResumed, 2 * delayMs)
    return wire
  }

  /** A pair that has met, and is at rest. */
  static met(a: Partial<AssociationOptions> = {}, b: Partial<AssociationOptions> = {}): EnginePair {
    const pair = new EnginePair(a, b)
    pair.connect()
    pair.advance(500)
    return pair
  }

  /** Hands a made-up record to one side, as if its peer had sent it. */
  inject(to: Side, wire: Wire, ...frames: Uint8Array[]): void {
    to.association.handleCarrierConfirmed(wire.id)
    to.handleRecord(wire.id, concatBytes(frames).slice())
  }

  after(ms: number, run: () => void): void {
    const at = this.now + ms
    const index = this.#queue.findLastIndex(entry => entry.at <= at)
    this.#queue.splice(index + 1, 0, { at, run })
  }

  carry(from: Side, carrier: CarrierId, record: Uint8Array): void {
    const wire = this.wire(carrier)
    this.after(wire.delayMs, () => this.#deliver(wire, from, record))
  }

  /** Lets so much time pass: records arrive, timers fire. */
  advance(ms: number): void {
    const until = this.now + ms
    for (let steps = 0; ; steps++) {
      assert(steps < STEPS_MAX, 'the engines do not come to rest')
      const first = this.#queue[0]
      const timer = this.#nextTimer()
      const at = Math.min(first?.at ?? Number.POSITIVE_INFINITY, timer?.at ?? Number.POSITIVE_INFINITY)
      if (at > until) break
      this.now = Math.max(this.now, at)
      if (first !== undefined && first.at <= at) {
        this.#queue.shift()
        first.run()
      } else {
        timer!.side.association.handleTimeout(this.now)
        timer!.side.drain()
      }
    }
    this.now = Math.max(this.now, until)
  }

  #nextTimer(): { readonly at: number; readonly side: Side } | undefined {
    const [first] = [this.a, this.b]
      .filter(side => !side.isBlocked)
      .map(side => ({ at: side.association.nextTimeout(), side }))
      .sort((one, other) => one.at - other.at)
    return first
  }

  #deliver(wire: Wire, from: Side, record: Uint8Array): void {
    const to = this.other(from)
    if (to.isBlocked) return this.after(1, () => this.#deliver(wire, from, record))
    if (wire.isCut) return
    if (wire.passes[from.name] <= 0) return wire.stall(() => this.#deliver(wire, from, record))
    wire.passes[from.name]--
    if (!this.#neverConfirmed.has(wire.id)) to.association.handleCarrierConfirmed(wire.id)
    to.handleRecord(wire.id, record)
    this.onDelivered(wire, from.name)
  }
}
