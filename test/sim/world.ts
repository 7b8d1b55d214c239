/**
 * One simulated run: two engines, a faulty network, applications on both ends, a virtual clock. Everything follows from the
 * seed. Safety is checked with every byte, liveness after the faults have healed (design: invariants 1, 2 and 4).
 */
import { strict as assert } from 'node:assert'
import { LIMITS } from '../../src/base/limits.ts'
import { Random } from '../support/random.ts'
import { Ledger } from './application.ts'
import type { Census } from './census.ts'
import { VirtualClock } from './clock.ts'
import { drawFaults, FAULTS_END_MS, type Fault, type FaultKind, happen } from './faults.ts'
import { Host, type HostWorld } from './host.ts'
import { Network } from './network.ts'

export interface Outcome {
  readonly faults: readonly Fault[]
  readonly migrations: number
  readonly sessions: number
  readonly bytes: number
  readonly replayedBytes: number
}

export interface SimulateOptions {
  readonly trace?: (line: string) => void
  /** Faults left out, by their index in the schedule: to find the smallest that fails. */
  readonly without?: ReadonlySet<number>
  /** Counts what really happens. */
  readonly census?: Census
  /** Many sessions and so little memory that they exhaust it: another run than that of the seed alone. */
  readonly isTight?: boolean
}

const LIVENESS_MS = 200_000
const STEPS_MAX = 2_000_000
/** One active, and what the peer dialed and has not given up. */
const CARRIERS_LEFT_MAX = 3
/** Not enough for all of so many sessions at once. */
const TIGHT = { budgetBytes: 262_144, sessions: 20 } as const
const RESTARTS: ReadonlySet<FaultKind> = new Set(['restart', 'slowKill', 'goodbye'])
/** The last thing that an application may have handed over when its host hears that memory is short. */
const READ_BYTES_MAX = 65_536
/** An open or its answer, which are taken whatever the budget says. */
const OPEN_BYTES_MAX = 64

/** @throws AssertionError or Bug: the seed has found something */
export function simulate(seed: number, options: SimulateOptions = {}): Outcome {
  const { trace = () => {}, without = new Set(), census, isTight = false } = options
  const random = new Random(seed)
  const drawn = drawFaults(random)
  const faults = drawn.filter((_, index) => !without.has(index))
  const world = { ...makeWorld(random, trace, census), ...(isTight ? { budgetBytes: TIGHT.budgetBytes } : {}) }
  const { clock, network, ledger } = world
  const hosts: readonly [Host, Host] = [new Host(0, world), new Host(1, world)]
  hosts[0].peer = hosts[1]
  hosts[1].peer = hosts[0]
  const sessions = random.pick([1, 2, 4, 8, 20])
  scheduleSessions(hosts, world, isTight ? TIGHT.sessions : sessions)
  for (const fault of faults) {
    clock.after(fault.atMs, () => {
      trace(`${clock.now.toFixed(1)} fault ${fault.kind}`)
      happen(fault, hosts, world)
    })
  }
  for (const host of hosts) host.drain()
  clock.after(FAULTS_END_MS, () => {
    network.heal()
    for (const host of hosts) host.drain()
  })
  let steps = 0
  while (clock.step(LIVENESS_MS)) {
    assert(++steps < STEPS_MAX, 'the world does not come to rest')
    for (const host of hosts) bounded(host)
  }
  // Keys are renewed at any time: a move that is under way is seen to its end.
  const isMoving = () => hosts.some(({ association }) => association.state === 'announcing')
  while (isMoving() && clock.step(LIVENESS_MS + LIMITS.handshakeMs)) assert(++steps < STEPS_MAX, 'a move has no end')
  ledger.judge(excuses(faults, hosts))
  agree(hosts)
  return {
    faults,
    migrations: hosts[0].migrations + hosts[1].migrations,
    sessions: ledger.pairs.size,
    bytes: [...ledger.pairs.values()].reduce((sum, { near, far }) => sum + near.received + (far?.received ?? 0), 0),
    replayedBytes: hosts[0].association.replayedBytes + hosts[1].association.replayedBytes,
  }
}

/** The smallest part of a seed's schedule that still fails: no fault of it can be left out. */
export function minimise(seed: number, options: SimulateOptions = {}): readonly Fault[] {
  const fails = (without: ReadonlySet<number>) => {
    try {
      simulate(seed, { ...options, without })
      return false
    } catch {
      return true
    }
  }
  const faults = drawFaults(new Random(seed))
  let without = new Set<number>()
  for (const index of faults.keys()) {
    const fewer = new Set([...without, index])
    if (fails(fewer)) without = fewer
  }
  return faults.filter((_, index) => !without.has(index))
}

function makeWorld(random: Random, trace: (line: string) => void, census: Census | undefined): HostWorld {
  const clock = new VirtualClock()
  const canDial = random.pick<readonly [boolean, boolean]>([
    [true, true],
    [true, false],
    [false, true],
  ])
  return {
    clock,
    random,
    trace,
    census,
    canDial,
    dialPaceMs: random.pick([0, 100, 250, 250]),
    network: new Network(),
    ledger: new Ledger(clock, random, census),
    // Mostly plenty; else so little that outboxes are small (see TIGHT for less), or so short that an outage outlasts it.
    budgetBytes: random.pick([268_435_456, 268_435_456, 4_194_304, 1_048_576]),
    holdMs: random.pick([86_400_000, 86_400_000, 86_400_000, 3_000]),
  }
}

function scheduleSessions(hosts: readonly [Host, Host], { clock, random, ledger }: HostWorld, count: number): void {
  for (let number = 1; number <= count; number++) {
    clock.after(random.int(0, 15_000), () => {
      const host = hosts[random.int(0, 1)]!
      const application = ledger.create(number)
      host.open(application)
      application.go()
      host.drain()
    })
  }
}

/** How a session may end in this run, and from when on. */
function excuses(faults: readonly Fault[], hosts: readonly [Host, Host]): ReadonlyMap<string, number> {
  const { holdMs, budgetBytes } = hosts[0].world
  const isHoldShort = holdMs < 10_000
  const isBudgetSmall = budgetBytes < 10_000_000
  const restartedAt = Math.min(...faults.filter(({ kind }) => RESTARTS.has(kind)).map(({ atMs }) => atMs))
  return new Map([
    // Where a code is named twice, the later line counts.
    // An open may leave before it is known whose carrier takes it. If another process has appeared by then, the near side
    // cannot know which of the two has it, and gives it up: no destination may be dialed twice.
    ...from(restartedAt, 'killed', 'PEER_RESTARTED', 'SHUTTING_DOWN', 'SESSION_GONE'),
    ...from(0, 'closed', 'reset by itself', 'APPLICATION_RESET'),
    ...from(0, ...(isHoldShort ? ['HOLD_EXPIRED', 'PEER_RESTARTED'] : [])),
    // A refusal may be lost with its carrier; asked again, the far side only knows that there is no such session.
    ...from(0, ...(isBudgetSmall ? ['OVERLOADED', 'SESSION_GONE'] : [])),
    ...from(Math.min(...hosts.map(({ exhaustedAt }) => exhaustedAt)), 'BUDGET_EXHAUSTED'),
  ])
}

function from(atMs: number, ...codes: string[]): (readonly [string, number])[] {
  return codes.map(code => [code, atMs] as const)
}

/** By its own account, and by that of the applications, who know what they wrote and read. */
function bounded({ budget, association, applications }: Host): void {
  const slack = READ_BYTES_MAX + OPEN_BYTES_MAX * [...association.sessions()].length
  let keptBytes = 0
  for (const application of applications.values()) keptBytes += application.keptBytes
  assert(keptBytes <= budget.totalBytes + slack, `${keptBytes} bytes of applications are kept`)
  assert(budget.usedBytes >= 0 && budget.usedBytes <= budget.totalBytes + slack, 'memory is not bounded')
}

/** Both ends are content with the same carrier. */
function agree(hosts: readonly [Host, Host]): void {
  const [a, b] = hosts
  assert.equal(a.association.state, 'stable', 'host 0 has no path though nothing is wrong')
  assert.equal(b.association.state, 'stable', 'host 1 has no path though nothing is wrong')
  assert.equal(a.association.activeCarrier, b.association.activeCarrier, 'the two ends settled on different carriers')
  assert.equal([...a.association.sessions(), ...b.association.sessions()].length, 0, 'a session was left behind')
  for (const { association, carriers, world, side } of hosts) {
    if (world.canDial[side]) assert.equal(association.wantsPath, undefined, 'a path is wanted for ever')
    const living = [...carriers.values()].filter(({ isCut }) => !isCut)
    assert.ok(living.length <= CARRIERS_LEFT_MAX, `${living.length} living carriers are left`)
  }
  for (const { budget } of hosts) assert.equal(budget.usedBytes, 0, 'memory of sessions that are gone is still counted')
}
