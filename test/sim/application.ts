/** Applications on both ends of every session, and the judge of what they were given. */
import { strict as assert } from 'node:assert'
import type { Ref } from '../../src/session/events.ts'
import { toHex } from '../../src/wire/bytes.ts'
import type { Random } from '../support/random.ts'
import type { Census } from './census.ts'
import type { VirtualClock } from './clock.ts'
import type { Host } from './host.ts'
import { Pattern } from './pattern.ts'

/** Knows both ends of every session, and judges them. */
export class Ledger {
  readonly pairs = new Map<string, { near: Application; far: Application | undefined }>()
  readonly #clock: VirtualClock
  readonly #random: Random
  readonly #census: Census | undefined

  constructor(clock: VirtualClock, random: Random, census?: Census) {
    this.#clock = clock
    this.#random = random
    this.#census = census
  }

  create(number: number): Application {
    const near = new Application(this.#random.bytes(16), number, 0, this.#clock, this.#random, this.#census)
    this.pairs.set(toHex(near.id), { near, far: undefined })
    return near
  }

  /** The far side dials: once per session, or something is wrong. */
  accept(id: Uint8Array): Application {
    const pair = this.pairs.get(toHex(id))
    assert(pair !== undefined, 'a session that nobody opened')
    assert(pair.far === undefined, 'the destination was dialed twice')
    pair.far = new Application(id, pair.near.number, 1, this.#clock, this.#random, this.#census)
    pair.far.peer = pair.near
    pair.near.peer = pair.far
    return pair.far
  }

  /**
   * After faults have stopped: everything written has arrived, every close is agreed.
   * @param excuses codes with which a session may have been reset in this run, and from when on
   */
  judge(excuses: ReadonlyMap<string, number>): void {
    for (const { near, far } of this.pairs.values()) {
      for (const one of [near, far]) {
        if (one?.outcome === undefined) continue
        assert(
          one.endedAt >= (excuses.get(one.outcome) ?? Number.POSITIVE_INFINITY),
          `session ${near.number}: ${one.outcome} at ${one.endedAt}, and nothing here excuses that`,
        )
        if (one.outcome !== 'APPLICATION_RESET') continue
        assert.equal(one.peer?.outcome, 'reset by itself', `session ${near.number}: reset for nobody`)
      }
      assert(
        near.isOver,
        `session ${near.number}: the near application never ended (${near.describe()} | ${far?.describe()})`,
      )
      if (far === undefined) {
        assert(near.outcome !== 'closed', `session ${near.number}: closed cleanly, but never dialed`)
        continue
      }
      assert(
        far.isOver,
        `session ${near.number}: the far application never ended (${near.describe()} | ${far.describe()})`,
      )
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        if (one.outcome !== 'closed') continue
        assert.equal(one.received, other.written, `session ${near.number}: bytes to what has closed`)
        if (other.hasReset) continue
        assert.equal(other.received, one.written, `session ${near.number}: bytes of what has closed`)
      }
    }
  }
}

export class Application {
  readonly id: Uint8Array
  readonly number: number
  received = 0
  written = 0
  outcome: string | undefined
  /** By the world's clock, for what has an outcome. */
  endedAt = Number.POSITIVE_INFINITY
  /** At the other end of its session, once there is one. */
  peer: Application | undefined
  hasReset = false
  /** Given, and not read yet. */
  unreadBytes = 0
  /** Nothing is read before this. */
  readsFrom = 0
  readonly #outgoing: Pattern
  readonly #incoming: Pattern
  readonly #clock: VirtualClock
  readonly #random: Random
  readonly #total: number
  readonly #resetAt: number
  #host: Host | undefined
  #ref: Ref = 0
  #life = 0
  readonly #census: Census | undefined
  #isOpened: boolean
  #isFinished = false
  #isEnded = false

  constructor(
    id: Uint8Array,
    number: number,
    direction: 0 | 1,
    clock: VirtualClock,
    random: Random,
    census: Census | undefined,
  ) {
    this.id = id
    this.number = number
    this.#outgoing = new Pattern(number, direction)
    this.#incoming = new Pattern(number, 1 - direction)
    this.#clock = clock
    this.#random = random
    this.#census = census
    this.#isOpened = direction === 1
    this.#total = random.pick([0, 1, 100, 5_000, 70_000, 600_000])
    this.#resetAt = random.chance(0.08) ? random.int(0, this.#total) : Number.POSITIVE_INFINITY
  }

  get isOver(): boolean {
    return this.outcome !== undefined
  }

  get isFinished(): boolean {
    return this.#isFinished
  }

  get isHalfClosed(): boolean {
    return !this.isOver && this.#isFinished !== this.#isEnded
  }

  /**
   * What somebody has to keep for it, by its own account: written and not given to its peer, or given and not read. A peer that
   * has reset is given no more of what still comes, so nothing can be told of that.
   */
  get keptBytes(): number {
    if (this.isOver) return 0
    return this.unreadBytes + (this.peer?.hasReset ? 0 : this.written - (this.peer?.received ?? 0))
  }

  attach(host: Host, ref: Ref): void {
    this.#host = host
    this.#ref = ref
    this.#life = host.life
  }

  describe(): string {
    const session =
      this.#host?.association !== undefined
        ? [...this.#host.association.sessions()].find(s => s.ref === this.#ref)
        : undefined
    const out = session && {
      acked: session.outbox.acked,
      sent: session.outbox.sent,
      end: session.outbox.end,
      limit: session.outbox.limit,
    }
    return `${this.outcome ?? 'open'} wrote ${this.written}/${this.#total}${this.#isFinished ? ' FIN' : ''} got ${this.received}${this.#isEnded ? ' FIN' : ''} ${JSON.stringify(out)} in ${session?.inbox.received} consumed ${session?.inbox.consumed}`
  }

  /** Writes until the outbox is full or everything is written, in pieces of all sizes. */
  go(): void {
    const host = this.#host
    if (host === undefined || host.life !== this.#life || this.isOver || this.#isFinished) return
    while (this.written < this.#total) {
      // The socket is not read; the host calls again.
      if (host.isHeld) return
      if (this.written >= this.#resetAt) return this.#reset(host)
      const size = Math.min(this.#total - this.written, this.#random.pick([1, 50, 1_000, 30_000, 65_536]))
      const bytes = new Uint8Array(this.#outgoing.slice(this.written, size))
      this.written += size
      const hasRoom = host.association.write(this.#ref, bytes)
      if (!hasRoom) return host.drain()
      if (this.#random.chance(0.2)) {
        this.#clock.after(this.#random.int(0, 400), () => this.go())
        return host.drain()
      }
    }
    if (this.#resetAt <= this.#total) return this.#reset(host)
    this.#isFinished = true
    host.association.finish(this.#ref)
    host.drain()
  }

  handleOpened(): void {
    // The engine may have told it before it was reset from here.
    if (this.hasReset) return
    assert(!this.isOver, `session ${this.number}: opened after its end`)
    this.#isOpened = true
  }

  handleData(parts: readonly Uint8Array[]): void {
    if (this.hasReset) return
    assert(!this.isOver && !this.#isEnded, `session ${this.number}: bytes after the end`)
    let bytes = 0
    for (const part of parts) {
      if (!this.#incoming.matches(this.received, part)) {
        assert.fail(`session ${this.number}: a wrong byte in ${this.received}…${this.received + part.length}`)
      }
      this.received += part.length
      bytes += part.length
    }
    assert(this.received <= (this.peer?.written ?? 0), `session ${this.number}: more than was written`)
    this.unreadBytes += bytes
    if (this.readsFrom > this.#clock.now) this.#census?.see('an application read slowly')
    const host = this.#host!
    const slowness = this.#random.chance(0.05) ? this.#random.int(0, 2_000) : this.#random.int(0, 3)
    this.#clock.after(Math.max(slowness, this.readsFrom - this.#clock.now), () => {
      if (host.life !== this.#life) return
      this.unreadBytes -= bytes
      host.association.handleConsumed(this.#ref, bytes, host.now)
      host.drain()
    })
  }

  handleEnd(): void {
    assert(!this.#isEnded, `session ${this.number}: ended twice`)
    this.#isEnded = true
    if (this.hasReset) return
    const { isFinished, written } = this.peer!
    assert(isFinished && written === this.received, `session ${this.number}: a truncated stream looks complete`)
  }

  handleReset(code: string): void {
    this.#end(code)
  }

  handleClosed(): void {
    assert(this.#isEnded && this.#isFinished, `session ${this.number}: closed before both ends`)
    this.#end('closed')
  }

  /** It ends by a reset, wherever it is. */
  resetNow(): void {
    const host = this.#host
    if (host === undefined || host.life !== this.#life || this.isOver) return
    this.#reset(host)
  }

  #reset(host: Host): void {
    this.#noteStage()
    this.#end('reset by itself')
    this.hasReset = true
    host.association.reset(this.#ref, 'APPLICATION_RESET')
    host.drain()
  }

  #end(outcome: string): void {
    if (this.isOver) return
    this.outcome = outcome
    this.endedAt = this.#clock.now
  }

  #noteStage(): void {
    if (!this.#isOpened) this.#census?.see('an application was reset before its open was answered')
    else if (this.#isEnded) this.#census?.see("an application was reset after its peer's FIN")
    else this.#census?.see(`an application was reset ${this.#isFinished ? 'after its own FIN' : 'in the middle'}`)
  }
}
