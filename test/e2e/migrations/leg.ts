/**
 * A few connections and many migrations of them, one after the other, while checked bytes flow in both directions.
 *
 * A migration counts when the far host's kernel shows it: the carrier that carries the bytes has other ends than the one
 * that did before, at an address its cause has left in force. Which carrier that is, is told by the growth of its byte counts
 * in both directions. The blackout is the longest silence of a tick stream around the cause.
 */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '../../support/random.ts'
import { type CarrierCount, CarrierWatch } from '../lab/carriers.ts'
import { ADDRESS } from '../lab/lab.ts'
import { monotonicMs } from '../programs/agent-protocol.ts'
import { PORT } from '../scenarios/places.ts'
import type { CarrierKind } from '../scenarios/scenario.ts'
import { Stand } from '../scenarios/stand.ts'
import type { Identity } from '../sidecar.ts'
import { Turn } from '../turn.ts'
import { until } from '../wait.ts'
import { type Cause, Hosts, WEIGHTS } from './causes.ts'

export interface LegPlan {
  /** From 1; also the seed. */
  readonly leg: number
  readonly count: number
  readonly carrier: CarrierKind
  readonly isTranslated: boolean
}

export interface Move {
  readonly cause: Cause
  readonly blackoutMs: number
}

export interface LegResult extends LegPlan {
  readonly commit: string
  readonly at: string
  readonly seconds: number
  readonly rttMs: number
  readonly moves: readonly Move[]
  /** Bytes compared, in both directions. */
  readonly bytes: number
  /** Near addresses of which the router forwarded bytes. */
  readonly addresses: number
  readonly failures: readonly string[]
}

export interface LegStage {
  readonly identities: readonly [Identity, Identity]
  readonly logDirectory: string
  readonly commit: string
  readonly signal: AbortSignal
  readonly onMove: (move: Move) => void
}

/** Short and fast, so that the time goes into migrations. */
const LAB = { rttMs: 4, mbits: 100, prefix: 'relab' } as const
const BYTES_MBITS = 2
const CONNECTIONS = ['bytes-1', 'bytes-2', 'ticks'] as const
const PROOF_DEADLINE_MS = 20_000
const PAUSE_MS_MAX = 80
/** The router must have forwarded so much of each near address. */
const ADDRESS_BYTES_MIN = 1_000

/** @returns undefined when it was interrupted: its connections are gone, so nothing of it counts */
export async function playLeg(plan: LegPlan, stage: LegStage): Promise<LegResult | undefined> {
  const startMs = performance.now()
  const isTurned = plan.leg % 4 >= 2
  const [near, far] = isTurned ? [...stage.identities].reverse() : stage.identities
  const turn = new Turn()
  const options = {
    lab: LAB,
    farEndpoints: ['far.lab'],
    names: { 'far.lab': ADDRESS.far.v4, 'near.lab': ADDRESS.a.v4 },
    isTranslated: plan.isTranslated,
    ...(plan.isTranslated ? {} : { nearEndpoints: ['near.lab'] }),
  }
  const identities = { near: near as Identity, far: far as Identity }
  const stand = await Stand.create(plan.leg, turn, identities, plan.carrier, ['upload', 'download'], options)
  const moves: Move[] = []
  const failures: string[] = []
  const carried = { bytes: 0, addresses: 0 }
  try {
    const leg = new Leg(stand, plan)
    await leg.begin()
    while (moves.length < plan.count && !stage.signal.aborted) {
      const move = await leg.migrate()
      moves.push(move)
      stage.onMove(move)
    }
    if (stage.signal.aborted) return undefined
    Object.assign(carried, await leg.end())
  } catch (error) {
    if (stage.signal.aborted) return undefined
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
    failures.push(`leg ${plan.leg} (${plan.carrier}), after ${moves.length} migrations: ${why}`)
    stand.keepLogs(stage.logDirectory, `leg-${plan.leg}`)
  } finally {
    await stand.close()
  }
  const seconds = Math.round((performance.now() - startMs) / 100) / 10
  const at = new Date().toISOString()
  return { ...plan, commit: stage.commit, at, seconds, rttMs: stand.rttMs, moves, ...carried, failures }
}

class Leg {
  readonly #stand: Stand
  readonly #hosts: Hosts
  readonly #watch: CarrierWatch
  readonly #random: Random
  readonly #weights: readonly (readonly [Cause, number])[]
  readonly #isTranslated: boolean
  /** Of each change, the addresses of both families. */
  readonly #used: (readonly string[])[] = []

  constructor(stand: Stand, plan: LegPlan) {
    this.#stand = stand
    this.#hosts = new Hosts(stand)
    this.#watch = new CarrierWatch(stand.lab.far.name, [PORT.tcp, PORT.ws])
    this.#random = new Random(plan.leg)
    this.#isTranslated = plan.isTranslated
    this.#weights = Object.entries(WEIGHTS[plan.isTranslated ? 'translated' : 'open']) as [Cause, number][]
  }

  async begin(): Promise<void> {
    await this.#hosts.begin()
    await this.#stand.start()
    for (const id of CONNECTIONS) {
      const kind = id === 'ticks' ? 'ticks' : 'bytes'
      this.#stand.open({ id, kind, mbits: BYTES_MBITS, up: true, down: true })
    }
    await this.#flowing(monotonicMs())
    await this.#watch.look()
  }

  /** @throws Error when it is not proven in time */
  async migrate(): Promise<Move> {
    await pause(this.#random.int(0, PAUSE_MS_MAX))
    const active = await this.#watch.active(PROOF_DEADLINE_MS)
    await this.#watch.look()
    const cause = this.#draw()
    const causedMs = monotonicMs()
    await this.#hosts.cause(cause)
    const doneMs = monotonicMs()
    await this.#watch.movedFrom(active, `a migration by ${cause}`, PROOF_DEADLINE_MS, now => this.#isExpected(now))
    await this.#flowing(doneMs)
    if (cause === 'renumbering' || cause === 'uplink' || cause === 'link') this.#used.push(this.#hosts.near)
    return { cause, blackoutMs: Math.round((await this.#blackout(causedMs)) * 10) / 10 }
  }

  /** Ends the connections, compares what they have carried, and asks the router. */
  async end(): Promise<{ readonly bytes: number; readonly addresses: number }> {
    let bytes = 0
    for (const id of CONNECTIONS) {
      const [up, down] = [await this.#stand.settle(id, 'upload'), await this.#stand.settle(id, 'download')]
      bytes += up.receivedBytes + down.receivedBytes
    }
    const sources = await this.#stand.lab.router.sources()
    const isSeen = (address: string) => (sources.get(address)?.bytes ?? 0) > ADDRESS_BYTES_MIN
    const unseen = this.#used.filter(addresses => !addresses.some(isSeen))
    assert.deepEqual(unseen, [], 'changes after which the router saw no bytes of the new addresses')
    return { bytes, addresses: this.#used.flat().filter(isSeen).length }
  }

  #isExpected({ nearHost, farHost }: CarrierCount): boolean {
    return this.#hosts.far.includes(farHost) && (this.#isTranslated || this.#hosts.near.includes(nearHost))
  }

  /** Returns when every connection has got something, both ways, since then; none may have failed. */
  async #flowing(sinceMs: number): Promise<void> {
    const { nearAgent, farAgent } = this.#stand
    for (const id of CONNECTIONS) {
      for (const agent of [nearAgent, farAgent]) {
        await until(`traffic of ${id}`, { deadlineMs: PROOF_DEADLINE_MS, everyMs: 2 }, async () => {
          const report = await agent.report(id)
          assert.equal(report?.error ?? null, null, `${id} failed`)
          assert.equal(report?.wrongAt ?? null, null, `${id}: first wrong byte or tick`)
          return (report?.lastArrivalMs ?? 0) > sinceMs ? true : undefined
        })
      }
    }
    const accepts = await Promise.all(CONNECTIONS.map(async id => (await farAgent.report(id))?.accepts))
    assert.deepEqual(accepts, [1, 1, 1], 'connections the server accepted')
  }

  /** In the worse direction. */
  async #blackout(sinceMs: number): Promise<number> {
    const { nearAgent, farAgent } = this.#stand
    const reports = await Promise.all([nearAgent, farAgent].map(agent => agent.report('ticks', sinceMs)))
    return Math.max(0, ...reports.flatMap(report => report?.gaps ?? []).map(({ fromMs, toMs }) => toMs - fromMs))
  }

  #draw(): Cause {
    let left = this.#random.next() * this.#weights.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [cause, weight] of this.#weights) {
      left -= weight
      if (left < 0) return cause
    }
    return 'renumbering'
  }
}
