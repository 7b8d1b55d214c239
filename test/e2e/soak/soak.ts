/** Mixed traffic through one pair of sidecars, disturbed at random for as long as it is asked for, and what is left of it. */
import { Random } from '../../support/random.ts'
import { CarrierWatch } from '../lab/carriers.ts'
import { ADDRESS } from '../lab/lab.ts'
import { type Cause, Hosts } from '../migrations/causes.ts'
import { PORT } from '../scenarios/places.ts'
import { Stand } from '../scenarios/stand.ts'
import type { Identity, Sidecar } from '../sidecar.ts'
import { Turn } from '../turn.ts'
import { lasting, until } from '../wait.ts'
import { type Disturbance, GROWTH_MAX, growthOf, ownDescriptors, type Sample, sampleOf, sessionsOf } from './samples.ts'
import { Traffic } from './traffic.ts'

export interface SoakPlan {
  readonly minutes: number
  readonly seed: number
  readonly identities: readonly [Identity, Identity]
  readonly logDirectory: string
  readonly signal: AbortSignal
  readonly print: (line: string) => void
}

const LAB = { rttMs: 10, mbits: 100, prefix: 'relab' } as const
const CAUSES: readonly Cause[] = ['renumbering', 'uplink', 'link', 'command', 'far', 'both', 'cut']
const PAUSE_MS = { from: 500, to: 30_000 } as const
/** In a run of few minutes the pauses are shorter: some of everything shall happen. */
const PARTS = 8
const STOP_CHANCE = 0.2
const STOP_MS = { from: 500, to: 5_000 } as const
const MOVE_DEADLINE_MS = 30_000
const REST_DEADLINE_MS = 60_000
const SAMPLES_MIN = 60

export async function soak(plan: SoakPlan) {
  const [near, far] = plan.identities
  const stand = await Stand.create(1, new Turn(), { near, far }, 'tcp', ['upload', 'download'], {
    lab: LAB,
    farEndpoints: ['far.lab'],
    nearEndpoints: ['near.lab'],
    names: { 'far.lab': ADDRESS.far.v4, 'near.lab': ADDRESS.a.v4 },
  })
  try {
    const run = new Soak(stand, plan)
    await run.play()
    return run.result()
  } finally {
    stand.keepLogs(plan.logDirectory, `soak-${plan.seed}`)
    await stand.close()
  }
}

class Soak {
  readonly #stand: Stand
  readonly #plan: SoakPlan
  readonly #random: Random
  readonly #samples: Sample[] = []
  readonly #disturbances: Disturbance[] = []
  readonly #failures: string[] = []
  readonly #watch: CarrierWatch
  #traffic: Traffic | undefined
  #stopped: Sidecar | undefined
  #startMs = performance.now()

  constructor(stand: Stand, plan: SoakPlan) {
    this.#stand = stand
    this.#plan = plan
    this.#random = new Random(plan.seed)
    this.#watch = new CarrierWatch(stand.lab.far.name, [PORT.tcp])
  }

  async play(): Promise<void> {
    const stand = this.#stand
    const hosts = new Hosts(stand)
    await hosts.begin()
    await stand.start()
    await this.#once()
    const atStart = await this.#descriptors()
    this.#startMs = performance.now()
    const traffic = new Traffic(stand, this.#random)
    this.#traffic = traffic
    const sampling = this.#sample()
    try {
      await this.#disturb(hosts)
    } catch (error) {
      this.#failures.push((error as Error).message)
    }
    await traffic.end()
    await sampling
    this.#failures.push(...traffic.failures)
    if (this.#failures.length === 0) await this.#judge(atStart)
  }

  result() {
    const { done, comparedBytes } = this.#traffic ?? { done: {}, comparedBytes: 0 }
    return {
      seconds: this.#second(),
      samples: this.#samples,
      disturbances: this.#disturbances,
      done,
      comparedBytes,
      growth: this.#growth(),
      failures: this.#failures,
    }
  }

  /** A first connection, so that what is loaded once is there before anything is counted. */
  async #once(): Promise<void> {
    this.#stand.open({ id: 'first', kind: 'bytes', up: true, down: true, mbits: 2 })
    await until('the first bytes', { deadlineMs: MOVE_DEADLINE_MS }, async () => {
      const reports = await Promise.all(
        [this.#stand.nearAgent, this.#stand.farAgent].map(agent => agent.report('first')),
      )
      return reports.every(report => (report?.receivedBytes ?? 0) > 0) ? true : undefined
    })
    await this.#stand.settleBoth('first')
    await this.#empty()
  }

  async #disturb(hosts: Hosts): Promise<void> {
    const { near, far } = this.#stand
    const endSecond = this.#plan.minutes * 60
    const pauseMsMax = Math.min(PAUSE_MS.to, Math.max(PAUSE_MS.from, (endSecond * 1_000) / PARTS))
    let causes: Cause[] = []
    for (;;) {
      await this.#pause(this.#random.int(PAUSE_MS.from, pauseMsMax), endSecond)
      if (this.#isOver(endSecond)) return
      if (this.#random.chance(STOP_CHANCE)) {
        const side = this.#random.pick([near, far])
        const ms = this.#random.int(STOP_MS.from, STOP_MS.to)
        this.#note(`stop of the ${side === near ? 'near' : 'far'} sidecar for ${ms} ms`)
        this.#stopped = side
        try {
          await side.pause()
          await lasting(ms)
        } finally {
          side.resume()
          this.#stopped = undefined
        }
      }
      if (causes.length === 0) causes = [...CAUSES]
      const [cause] = causes.splice(this.#random.int(0, causes.length - 1), 1) as [Cause]
      const before = await this.#watch.active(MOVE_DEADLINE_MS)
      await hosts.cause(cause)
      await this.#watch.movedFrom(before, cause, MOVE_DEADLINE_MS)
      this.#note(`migration: ${cause}`)
    }
  }

  async #sample(): Promise<void> {
    const endSecond = this.#plan.minutes * 60
    const everyMs = Math.min(10_000, Math.max(500, (endSecond * 1_000) / SAMPLES_MIN))
    while (!this.#isOver(endSecond)) {
      const failures = this.#traffic?.failures.length ?? 0
      const sample = await sampleOf(this.#stand, this.#second(), failures, this.#stopped)
      this.#samples.push(sample)
      const { near, far } = sample
      const mib = [near, far].map(side => Math.round(side.residentKib / 1024)).join(' and ')
      if (this.#samples.length % 10 === 0)
        this.#plan.print(
          `${Math.round(sample.second)} s: ${this.#disturbances.length} disturbances, ${near.sessions} sessions, ${mib} MiB`,
        )
      await this.#pause(everyMs, endSecond)
    }
  }

  /** Nothing may be left of all that was. */
  async #judge(atStart: readonly number[]): Promise<void> {
    const check = async (what: string, prove: () => Promise<unknown>) => {
      await prove().catch((error: Error) => this.#failures.push(`${what}: ${error.message}`))
    }
    await check('sessions at the end', () => this.#empty())
    await check('descriptors at the end', async () => {
      let now: readonly number[] = []
      const isBack = async () => {
        now = await this.#descriptors()
        return now.every((count, side) => count <= (atStart[side] ?? 0)) ? true : undefined
      }
      const describe = () => `near and far have ${now.join(' and ')}; they had ${atStart.join(' and ')}`
      await until('as many as at the start', { deadlineMs: REST_DEADLINE_MS, everyMs: 250 }, isBack, describe)
    })
    for (const [side, growth] of Object.entries(this.#growth()))
      if (!(growth <= GROWTH_MAX))
        this.#failures.push(`${side}: resident memory of the last third is ${growth} of the middle third's`)
    const resets = this.#samples.at(-1)
    for (const side of ['near', 'far'] as const)
      if ((resets?.[side].faultyResets ?? 0) > 0) this.#failures.push(`${side}: sessions were reset by no application`)
    if (this.#disturbances.length === 0) this.#failures.push('nothing has happened')
  }

  #growth(): { readonly near: number; readonly far: number } {
    const of = (side: 'near' | 'far') =>
      Math.round(growthOf(this.#samples.map(sample => sample[side].residentKib)) * 1_000) / 1_000
    return { near: of('near'), far: of('far') }
  }

  async #empty(): Promise<void> {
    await until('no session', { deadlineMs: REST_DEADLINE_MS, everyMs: 100 }, async () => {
      const counts = await Promise.all([this.#stand.near, this.#stand.far].map(sessionsOf))
      return counts.every(count => count === 0) ? true : undefined
    })
  }

  #descriptors(): Promise<readonly number[]> {
    return Promise.all([this.#stand.near, this.#stand.far].map(ownDescriptors))
  }

  #note(what: string): void {
    this.#disturbances.push({ second: this.#second(), what })
  }

  #second(): number {
    return Math.round((performance.now() - this.#startMs) / 10) / 100
  }

  #isOver(endSecond: number): boolean {
    return this.#second() >= endSecond || this.#plan.signal.aborted || (this.#traffic?.failures.length ?? 0) > 0
  }

  async #pause(ms: number, endSecond: number): Promise<void> {
    const endMs = performance.now() + ms
    while (performance.now() < endMs && !this.#isOver(endSecond))
      await lasting(Math.min(250, endMs - performance.now()))
  }
}
