/**
 * What applications do all day, at once: bulk both ways, many short connections, idle ones, a slow reader, half-closes and
 * resets. Each kind is a loop that ends with its present connection once it may; each connection is compared to its end.
 */
import assert from 'node:assert/strict'
import type { Random } from '../../support/random.ts'
import type { Agent } from '../programs/agent-driver.ts'
import type { FlowPlan, FlowReport } from '../programs/agent-protocol.ts'
import type { Direction } from '../scenarios/scenario.ts'
import type { Stand } from '../scenarios/stand.ts'
import { lasting, until } from '../wait.ts'

export const KINDS = ['bulk', 'short', 'idle', 'slow reader', 'half-close', 'reset'] as const
export type Kind = (typeof KINDS)[number]

/** A connection at a time for each. */
const LOOPS: readonly Kind[] = ['bulk', 'bulk', 'short', 'short', 'short', 'slow reader', 'half-close', 'reset']
const IDLE_CONNECTIONS = 10
const BULK_MBITS = 12
const LIGHT_MBITS = 2
/** A chunk at the beginning, and another every half a minute. */
const IDLE_MBITS = 0.01
/** Longer than any pause of a sidecar and the move after it. */
const DEADLINE_MS = 60_000
/** A reset must not reach further than this into what follows. */
const SOME_BYTES = 50_000

export class Traffic {
  readonly #stand: Stand
  readonly #random: Random
  readonly #loops: Promise<void>[]
  readonly failures: string[] = []
  readonly done: Record<Kind, number> = { bulk: 0, short: 0, idle: 0, 'slow reader': 0, 'half-close': 0, reset: 0 }
  comparedBytes = 0
  #count = 0
  #isEnding = false

  constructor(stand: Stand, random: Random) {
    this.#stand = stand
    this.#random = random
    this.#loops = LOOPS.map(kind => this.#loop(kind))
    const idle = Array.from({ length: IDLE_CONNECTIONS }, () => this.#open('idle', { mbits: IDLE_MBITS }))
    this.#loops.push(...idle.map(id => this.#guarded('idle', () => this.#idle(id))))
  }

  /** No more connections are made. Returns when the present ones have ended and were compared. */
  async end(): Promise<void> {
    this.#isEnding = true
    await Promise.all(this.#loops)
  }

  async #loop(kind: Kind): Promise<void> {
    while (!this.#isEnding && this.failures.length === 0) await this.#guarded(kind, () => this.#once(kind))
  }

  async #guarded(kind: Kind, play: () => Promise<void>): Promise<void> {
    try {
      await play()
      this.done[kind]++
    } catch (error) {
      this.failures.push(`${kind}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #once(kind: Kind): Promise<void> {
    switch (kind) {
      case 'short':
        return this.#short()
      case 'slow reader':
        return this.#slowReader()
      case 'half-close':
        return this.#halfClose()
      case 'reset':
        return this.#reset()
      default:
        return this.#bulk()
    }
  }

  async #bulk(): Promise<void> {
    const id = this.#open('bulk', { mbits: BULK_MBITS })
    await this.#whileOn(this.#random.int(3_000, 15_000))
    await this.#settle(id)
  }

  async #short(): Promise<void> {
    const id = this.#open('short', { mbits: LIGHT_MBITS })
    await this.#some(id, 1)
    await this.#whileOn(this.#random.int(0, 300))
    await this.#settle(id)
  }

  async #idle(id: string): Promise<void> {
    while (!this.#isEnding) await this.#whileOn(1_000)
    await this.#settle(id)
  }

  async #slowReader(): Promise<void> {
    const id = this.#open('slow', { mbits: BULK_MBITS })
    const reader = this.#random.pick([this.#stand.nearAgent, this.#stand.farAgent])
    await this.#some(id, 1)
    for (let pauses = 0; pauses < 3; pauses++) {
      reader.pause(id)
      await this.#whileOn(this.#random.int(500, 3_000))
      reader.resume(id)
      await this.#whileOn(this.#random.int(100, 500))
    }
    await this.#settle(id)
  }

  async #halfClose(): Promise<void> {
    const id = this.#open('half', { mbits: LIGHT_MBITS })
    await this.#some(id, SOME_BYTES)
    const first = this.#random.pick<Direction>(['upload', 'download'])
    const other = first === 'upload' ? 'download' : 'upload'
    const ended = await this.#stand.settle(id, first, DEADLINE_MS)
    const receiver = this.#stand.ends(other)[1]
    const before = (await receiver.report(id))?.receivedBytes ?? 0
    await this.#reported(receiver, id, report => report.receivedBytes > before)
    const rest = await this.#stand.settle(id, other, DEADLINE_MS)
    this.#forget(id, ended.receivedBytes + rest.receivedBytes)
  }

  /** The other side hears of it as a reset, after a true prefix. */
  async #reset(): Promise<void> {
    const id = this.#open('reset', { mbits: LIGHT_MBITS })
    await this.#some(id, SOME_BYTES)
    const { nearAgent, farAgent } = this.#stand
    const [from, to] = this.#random.chance(0.5) ? [nearAgent, farAgent] : [farAgent, nearAgent]
    from.reset(id)
    const report = await this.#reported(to, id, ({ state }) => state !== 'open')
    assert.match(report.error ?? '', /^(ECONNRESET|EPIPE)$/, `${id} was reset and ended with ${report.error}`)
    assert.equal(report.receivedSha256, null, `${id} was reset and seems to have ended cleanly`)
    assert.equal(report.wrongAt, null, `${id}: first wrong byte`)
    this.#forget(id, report.receivedBytes)
  }

  #open(kind: string, plan: Pick<FlowPlan, 'mbits'>): string {
    const id = `${kind}-${this.#count++}`
    this.#stand.open({ id, kind: 'bytes', up: true, down: true, ...plan })
    return id
  }

  /** Both sides have got so much. */
  async #some(id: string, bytes: number): Promise<void> {
    for (const agent of [this.#stand.nearAgent, this.#stand.farAgent])
      await this.#reported(agent, id, report => report.receivedBytes >= bytes)
  }

  #reported(agent: Agent, id: string, isTrue: (report: FlowReport) => boolean): Promise<FlowReport> {
    return until(`news of ${id}`, { deadlineMs: DEADLINE_MS }, async () => {
      const report = await agent.report(id)
      return report !== null && isTrue(report) ? report : undefined
    })
  }

  async #settle(id: string): Promise<void> {
    const reports = [this.#stand.settle(id, 'upload', DEADLINE_MS), this.#stand.settle(id, 'download', DEADLINE_MS)]
    const [up, down] = await Promise.all(reports)
    this.#forget(id, (up?.receivedBytes ?? 0) + (down?.receivedBytes ?? 0))
  }

  #forget(id: string, bytes: number): void {
    this.comparedBytes += bytes
    this.#stand.nearAgent.forget(id)
    this.#stand.farAgent.forget(id)
  }

  /** So long, or until all shall end. */
  async #whileOn(ms: number): Promise<void> {
    const endMs = performance.now() + ms
    while (performance.now() < endMs && !this.#isEnding) await lasting(Math.min(200, endMs - performance.now()))
  }
}
