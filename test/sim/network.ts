/**
 * A faulty network: carriers that delay, stall, are cut and lose their tails. A carrier is reliable and ordered until cut.
 * Resumption is modelled as the handshake shows it to the engine: the dialer may speak after one round trip, the acceptor is
 * ready with the first record, and confirmed one round trip later.
 */
import { LIMITS } from '../../src/base/limits.ts'
import type { Random } from '../support/random.ts'
import type { Census } from './census.ts'
import type { VirtualClock } from './clock.ts'
import type { Host } from './host.ts'

/** Of a rack, of a country, of a satellite; each carrier has its own. */
const ROUND_TRIPS_MS: readonly (readonly [number, number])[] = [
  [1, 80],
  [1, 10],
  [100, 600],
]
/** Beyond the end of any run. */
const NEVER_MS = 1_000_000

export interface CarrierWorld {
  readonly clock: VirtualClock
  readonly random: Random
  readonly network: Network
  readonly census: Census | undefined
}

export class SimCarrier {
  readonly id: number
  readonly ends: readonly [Host, Host]
  isCut = false
  /** What is on its way waits. */
  isStalled = false
  /** A record has come twice, so that one end may say that the other broke the protocol. */
  hasDuplicates = false
  /** Index of the end that dialed. */
  readonly dialer: 0 | 1
  readonly isResumed: boolean
  /** By the clock of each end. */
  readonly dialedAt: readonly [number, number]
  /** What was dialed to: the peer's process at that time. */
  readonly #lives: readonly [number, number]
  readonly rttMs: number
  readonly #world: CarrierWorld
  #isReady: [boolean, boolean] = [false, false]
  #lastArrival: [number, number] = [0, 0]
  /** What is on its way, oldest first, per sending end; deliveries take the head, so order holds through a blackhole. */
  readonly #queues: readonly [(() => void)[], (() => void)[]] = [[], []]
  #stalled: (0 | 1)[] = []
  /** Whose record has arrived, by the end that took it. */
  readonly #heard: [boolean, boolean] = [false, false]

  constructor(id: number, ends: readonly [Host, Host], dialer: 0 | 1, isResumed: boolean, world: CarrierWorld) {
    this.id = id
    this.ends = ends
    this.dialer = dialer
    this.isResumed = isResumed
    this.dialedAt = [ends[0].now, ends[1].now]
    this.#world = world
    this.#lives = [ends[0].life, ends[1].life]
    this.rttMs = world.random.int(...world.random.pick(ROUND_TRIPS_MS))
    this.#travel(dialer, () => this.#travel(other(dialer), () => this.#connected()))
  }

  send(from: 0 | 1, record: Uint8Array): void {
    const { network, clock, census } = this.#world
    census?.handleSent(this, from, record)
    this.#travel(from, () => {
      this.#ready(other(from))
      this.#heard[other(from)] = true
      census?.handleArrived(this, from, record)
      this.ends[other(from)].handleRecord(this, record)
    })
    const laterMs = network.takeDuplicate()
    if (laterMs !== undefined) {
      const again = () => {
        census?.see('a record came twice')
        this.ends[other(from)].handleDuplicate(this, record)
      }
      clock.after(laterMs, () => this.#travel(from, again))
    }
    network.countRecord()
  }

  /** Both ends know at once: their addresses are gone. */
  destroy(): void {
    this.#end(() => 0)
  }

  /** Both directions end; what is on its way is lost. Each end learns of it in its own time. */
  cut(): void {
    const { random } = this.#world
    this.#end(() => (random.chance(0.5) ? 0 : random.int(0, 3_000)))
  }

  /**
   * Both directions end without a word, as on a path that drops everything. An end that was never answered gives up by
   * itself; the others do not within a run.
   * @param informed the end that learns of it at once; 2 for neither
   */
  silentCut(informed: number): void {
    if (this.isCut) return
    this.isCut = true
    this.#world.network.carriers.delete(this)
    this.#world.census?.handleCut(this)
    for (const side of [0, 1] as const) {
      const end = this.ends[side]
      const noticeMs = side === informed ? 0 : this.#heard[side] ? NEVER_MS : LIMITS.handshakeMs
      this.#world.clock.after(noticeMs, () => end.whenAwake(() => end.handleLost(this)))
    }
  }

  heal(): void {
    for (const from of this.#stalled.splice(0)) this.#world.clock.after(0, () => this.#arrive(from))
  }

  #end(noticeMs: () => number): void {
    if (this.isCut) return
    this.isCut = true
    this.#world.network.carriers.delete(this)
    this.#world.census?.handleCut(this)
    for (const side of [0, 1] as const) {
      const end = this.ends[side]
      this.#world.clock.after(noticeMs(), () => end.whenAwake(() => end.handleLost(this)))
    }
  }

  #connected(): void {
    if (this.isCut || this.ends[0].life !== this.#lives[0] || this.ends[1].life !== this.#lives[1]) return this.cut()
    this.#ready(this.dialer)
  }

  #ready(side: 0 | 1): void {
    if (this.#isReady[side]) return
    // Its keys are gone: what was dialed to an earlier association cannot resume.
    if (this.ends[side].life !== this.#lives[side]) return this.cut()
    this.#isReady[side] = true
    const isDialed = side === this.dialer
    this.ends[side].handleReady(this, isDialed, this.rttMs)
    if (isDialed) return
    // ACCEPT travels back, the dialer's first RECORD travels forth.
    this.#travel(side, () => this.#travel(this.dialer, () => this.ends[side].handleConfirmed(this)))
  }

  #travel(from: 0 | 1, arrive: () => void): void {
    const { clock, random } = this.#world
    const jitter = random.chance(0.1) ? random.int(0, 50) : 0
    const at = Math.max(this.#lastArrival[from], clock.now + this.rttMs / 2 + jitter)
    this.#lastArrival[from] = at
    this.#queues[from].push(arrive)
    clock.after(at - clock.now, () => this.#arrive(from))
  }

  #arrive(from: 0 | 1): void {
    if (this.isCut) return
    const { network, census } = this.#world
    if (this.isStalled || network.isBlackholed[from]) {
      if (this.isStalled) census?.see('a record waited in a stalled carrier')
      if (network.isBlackholed[from] !== network.isBlackholed[other(from)])
        census?.see('a record waited in a blackhole of one way')
      this.#stalled.push(from)
    } else this.ends[other(from)].whenAwake(() => !this.isCut && this.#queues[from].shift()!())
  }
}

export class Network {
  readonly carriers = new Set<SimCarrier>()
  /** No new carrier comes about. */
  isDown = false
  /** Nothing that this end sends arrives, nobody is told. */
  isBlackholed: readonly [boolean, boolean] = [false, false]
  /** All carriers are cut when so many records more have been sent. */
  recordsUntilCut = Number.POSITIVE_INFINITY
  /** So many records come a second time, so much later. */
  duplicates = { records: 0, laterMs: 0 }
  #ids = 1

  nextId(): number {
    return this.#ids++
  }

  blackhole(ends: readonly [boolean, boolean]): void {
    this.isBlackholed = ends
  }

  countRecord(): void {
    if (--this.recordsUntilCut > 0) return
    this.recordsUntilCut = Number.POSITIVE_INFINITY
    for (const carrier of [...this.carriers]) carrier.cut()
  }

  /** @returns how much later this record comes again, or undefined when it does not */
  takeDuplicate(): number | undefined {
    return this.duplicates.records-- > 0 ? this.duplicates.laterMs : undefined
  }

  heal(): void {
    this.isDown = false
    this.isBlackholed = [false, false]
    this.recordsUntilCut = Number.POSITIVE_INFINITY
    this.duplicates.records = 0
    for (const carrier of [...this.carriers]) carrier.heal()
  }
}

export function other(side: 0 | 1): 0 | 1 {
  return side === 0 ? 1 : 0
}
