/** One side of the simulation: an association, the pump's duties, and applications that check every byte. */

import { RemoteError } from '../../src/base/errors.ts'
import { Association } from '../../src/session/association.ts'
import { Budget } from '../../src/session/budget.ts'
import type { EngineEvent, Ref } from '../../src/session/events.ts'
import { concatBytes, equalBytes } from '../../src/wire/bytes.ts'
import type { Application, Ledger } from './application.ts'
import { type CarrierWorld, SimCarrier } from './network.ts'

export interface HostWorld extends CarrierWorld {
  readonly ledger: Ledger
  readonly trace: (line: string) => void
  readonly canDial: readonly [boolean, boolean]
  /** Between two attempts of one side: from as fast as can be to that of a patient dialer. */
  readonly dialPaceMs: number
  readonly budgetBytes: number
  readonly holdMs: number
}

export class Host {
  readonly side: 0 | 1
  readonly world: HostWorld
  /** Counts restarts: a new one is another process. */
  life = 0
  peer!: Host
  association!: Association
  incarnation: Uint8Array = new Uint8Array(0)
  migrations = 0
  /** When its memory was exhausted for the first time. */
  exhaustedAt = Number.POSITIVE_INFINITY
  /** The process stands still until then. */
  frozenUntil = 0
  budget = new Budget()
  readonly applications = new Map<Ref, Application>()
  readonly carriers = new Map<number, SimCarrier>()
  #dialing = 0
  #dialedAt = Number.NEGATIVE_INFINITY
  #timerAt = Number.POSITIVE_INFINITY
  /** How far its clock is ahead of the world's. */
  #aheadMs = 0

  constructor(side: 0 | 1, world: HostWorld) {
    this.side = side
    this.world = world
    this.start()
  }

  start(): void {
    const { clock, random, budgetBytes } = this.world
    this.life++
    this.frozenUntil = 0
    this.budget = new Budget(budgetBytes)
    this.budget.handlers = {
      onExhausted: () => {
        this.exhaustedAt = Math.min(this.exhaustedAt, clock.now)
        this.world.census?.see('memory was exhausted')
        clock.after(0, () => this.#relieve())
      },
      onRelieved: () => clock.after(0, () => this.#resumeAll()),
    }
    this.carriers.clear()
    this.applications.clear()
    this.#dialing = 0
    this.#timerAt = Number.POSITIVE_INFINITY
    this.#associate(random.bytes(16))
  }

  /** What its own clock says. */
  get now(): number {
    return this.world.clock.now + this.#aheadMs
  }

  /** Its clock goes on so much later; timers that are due by then fire at once. */
  jump(ms: number): void {
    if (this.applications.size > 0) this.world.census?.see('a clock jumped while sessions lived')
    this.#aheadMs += ms
    this.#timerAt = Number.POSITIVE_INFINITY
    this.drain()
  }

  /** Nothing is read from applications: memory is short. */
  get isHeld(): boolean {
    return this.budget.isExhausted
  }

  /** Runs `input` now, or when the process runs again. */
  whenAwake(input: () => void): void {
    const { clock, census } = this.world
    if (clock.now >= this.frozenUntil) return input()
    census?.see('a standing process kept something waiting')
    clock.after(this.frozenUntil - clock.now, () => this.whenAwake(input))
  }

  #associate(incarnation: Uint8Array): void {
    const { holdMs } = this.world
    this.incarnation = incarnation
    this.association = new Association(
      {
        isGreaterPeer: this.side === 1,
        incarnation: this.incarnation,
        holdMs,
        sessionsMax: 1_000,
        budget: this.budget,
        endpoints: () => [],
      },
      this.now,
    )
  }

  /** SIGKILL: carriers end, applications are reset by the kernel. */
  kill(): void {
    this.#die()
    for (const carrier of [...this.world.network.carriers]) carrier.cut()
    this.start()
    this.drain()
  }

  /** SIGKILL, but the kernel still flushes what was sent. */
  slowKill(): void {
    this.#die()
    this.#leave()
  }

  /** SIGTERM, and a new process. */
  stopOrderly(): void {
    this.association.goodbye()
    this.drain()
    this.#die()
    this.#leave()
  }

  #die(): void {
    if (this.applications.size > 0) this.world.census?.see('a process died with sessions')
    for (const application of this.applications.values()) application.handleReset('killed')
  }

  /** Another process begins; carriers of this one end in their own time. */
  #leave(): void {
    const { clock, random } = this.world
    for (const carrier of [...this.carriers.values()]) clock.after(random.int(0, 4_000), () => carrier.cut())
    for (const carrier of [...this.world.network.carriers]) if (!this.carriers.has(carrier.id)) carrier.cut()
    this.start()
    this.drain()
  }

  /** Keys outlive neither process. */
  knows(peer: Host): boolean {
    const known = this.association.peerIncarnation
    return known !== undefined && equalBytes(known, peer.incarnation)
  }

  open(application: Application): void {
    try {
      const ref = this.association.open(
        { sessionId: application.id, host: 'destination', port: 1, client: 'client:1' },
        this.now,
      )
      application.attach(this, ref)
      this.applications.set(ref, application)
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error
      application.handleReset(error.code)
    }
  }

  // ---- inputs of the engine

  handleReady(carrier: SimCarrier, isDialed: boolean, rttMs: number): void {
    this.#dialing = Math.max(0, this.#dialing - (isDialed ? 1 : 0))
    this.carriers.set(carrier.id, carrier)
    const { id, isResumed } = carrier
    const handshakeFrom = isResumed ? undefined : carrier.dialedAt[this.side]
    this.association.handleCarrierReady(
      { id, isDialed, isResumed, handshakeFrom, rttMs: isDialed ? rttMs : undefined },
      this.now,
    )
    this.drain()
  }

  handleConfirmed(carrier: SimCarrier): void {
    this.association.handleCarrierConfirmed(carrier.id)
    this.drain()
  }

  handleRecord(carrier: SimCarrier, record: Uint8Array): void {
    if (!this.carriers.has(carrier.id)) return
    try {
      this.association.handleRecord(carrier.id, [record], this.now)
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error
      // Else it takes its peer for another process, or for one that has ended.
      const isExcused = error.code === 'PROTOCOL_VIOLATION' ? carrier.hasDuplicates : this.life + this.peer.life > 2
      if (!isExcused) throw error
      carrier.cut()
    }
    this.drain()
  }

  /** The channel refuses such a record before the engine sees it. The engine may refuse it as well, but must not believe it. */
  handleDuplicate(carrier: SimCarrier, record: Uint8Array): void {
    carrier.hasDuplicates = true
    this.handleRecord(carrier, record)
  }

  handleLost(carrier: SimCarrier): void {
    if (carrier.dialer === this.side && !this.carriers.has(carrier.id)) this.#dialing = Math.max(0, this.#dialing - 1)
    if (this.carriers.delete(carrier.id)) this.association.handleCarrierLost(carrier.id, this.now)
    this.drain()
  }

  // ---- the pump

  drain(): void {
    for (;;) {
      for (let event = this.association.pollEvent(); event; event = this.association.pollEvent()) this.#handle(event)
      const transmit = this.association.pollTransmit(this.now)
      if (transmit === undefined) break
      this.carriers.get(transmit.carrier)?.send(this.side, concatBytes(transmit.parts).slice())
    }
    this.#dial()
    this.#arm()
  }

  #handle(event: EngineEvent): void {
    const { ledger, clock, trace, census } = this.world
    if (event.type !== 'data' && event.type !== 'writable' && event.type !== 'endpoints') {
      trace(
        `${clock.now.toFixed(1)} host${this.side} ${JSON.stringify(event, (_, v) => (v instanceof Uint8Array ? v.length : v))}`,
      )
    }
    switch (event.type) {
      case 'open': {
        const application = ledger.accept(event.request.sessionId)
        application.attach(this, event.ref)
        this.applications.set(event.ref, application)
        this.association.acceptOpen(event.ref, 'destination:1')
        clock.after(0, () => application.go())
        return
      }
      case 'opened':
        return this.applications.get(event.ref)?.handleOpened()
      case 'data':
        return this.applications.get(event.ref)?.handleData(event.parts)
      case 'end':
        return this.applications.get(event.ref)?.handleEnd()
      case 'reset':
        if (event.code === 'OVERLOADED') census?.see('a session was refused for want of memory')
        if (event.code === 'BUDGET_EXHAUSTED') census?.see('a session gave way for want of memory')
        this.applications.get(event.ref)?.handleReset(event.code)
        this.applications.delete(event.ref)
        return
      case 'closed':
        this.applications.get(event.ref)?.handleClosed()
        this.applications.delete(event.ref)
        return
      case 'writable':
        return this.applications.get(event.ref)?.go()
      case 'closeCarrier':
        this.carriers.get(event.carrier)?.cut()
        this.carriers.delete(event.carrier)
        return
      case 'migrated':
        this.migrations++
        return
      case 'peerRestarted':
        return census?.see('a process learned that its peer is another one')
      case 'peerStopped':
        return census?.see('a process learned that its peer has stopped')
      case 'expired':
        census?.see('the hold time was over')
        return this.#startAnew()
      default:
        return
    }
  }

  #dial(): void {
    const { network, clock, random, canDial, dialPaceMs } = this.world
    if (this.association.wantsPath === undefined || this.#dialing > 0 || network.isDown || !canDial[this.side]) return
    this.#dialing++
    const life = this.life
    clock.after(Math.max(random.int(0, 30), this.#dialedAt + dialPaceMs - clock.now), () => {
      if (this.life !== life) return
      this.#dialedAt = clock.now
      if (network.isDown || this.association.wantsPath === undefined) {
        this.#dialing--
        return
      }
      const ends: readonly [Host, Host] = this.side === 0 ? [this, this.peer] : [this.peer, this]
      const carrier = new SimCarrier(
        network.nextId(),
        ends,
        this.side,
        // Only a full handshake renews keys.
        this.association.wantsPath !== 'rekey' && this.knows(this.peer) && this.peer.knows(this),
        this.world,
      )
      network.carriers.add(carrier)
    })
  }

  #arm(): void {
    const { clock } = this.world
    const due = this.association.nextTimeout()
    if (due >= this.#timerAt || due === Number.POSITIVE_INFINITY) return
    this.#timerAt = due
    const life = this.life
    clock.after(due - this.now, () => {
      if (this.life !== life || this.#timerAt !== due) return
      this.#timerAt = Number.POSITIVE_INFINITY
      this.whenAwake(() => {
        if (this.life !== life) return
        this.association.handleTimeout(this.now)
        this.drain()
      })
    })
  }

  /** As the sidecar does: who has no path gives way, else applications wait. */
  #relieve(): void {
    if (this.budget.isExhausted) this.association.relieve(this.budget.totalBytes / 16)
    this.drain()
  }

  #resumeAll(): void {
    for (const application of [...this.applications.values()]) application.go()
  }

  /** The hold time is over: another association, of the same process. */
  #startAnew(): void {
    for (const carrier of [...this.carriers.values()]) carrier.cut()
    this.carriers.clear()
    // Its keys are gone too: what was dialed before cannot resume.
    this.life++
    this.#dialing = 0
    this.#timerAt = Number.POSITIVE_INFINITY
    this.#associate(this.world.random.bytes(16))
  }
}
