/**
 * One simulated run: two engines, a faulty network, applications on both ends, a virtual clock. Everything follows from the
 * seed. Safety is checked with every byte, liveness after the faults have healed (design: invariants 1, 2 and 4).
 */
import { strict as assert } from 'node:assert'
import { Random } from '../support/random.ts'
import { Ledger } from './application.ts'
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
}

const LIVENESS_MS = 200_000
const STEPS_MAX = 2_000_000
/** One active, and what the peer dialed and has not given up. */
const CARRIERS_LEFT_MAX = 3
const RESTARTS: ReadonlySet<FaultKind> = new Set(['restart', 'slowKill', 'goodbye'])
/** What an application may have handed over when its host hears that memory is short. */
const READ_BYTES_MAX = 65_536

/** @throws AssertionError or Bug: the seed has found something */
export function simulate(seed: number, { trace = () => {}, without = new Set() }: SimulateOptions = {}): Outcome {
  const random = new Random(seed)
  const faults = drawFaults(random)
  const world = makeWorld(random, trace)
  const { clock, network, ledger } = world
  const hosts: readonly [Host, Host] = [new Host(0, world), new Host(1, world)]
  hosts[0].peer = hosts[1]
  hosts[1].peer = hosts[0]
  scheduleSessions(hosts, world, random.pick([1, 2, 4, 8, 20]))
  for (const [index, fault] of faults.entries()) {
    if (without.has(index)) continue
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
  ledger.judge(excuses(faults, hosts))
  agree(hosts)
  return {
    faults: faults.filter((_, index) => !without.has(index)),
    migrations: hosts[0].migrations + hosts[1].migrations,
    sessions: ledger.pairs.size,
    bytes: [...ledger.pairs.values()].reduce((sum, { near, far }) => sum + near.received + (far?.received ?? 0), 0),
    replayedBytes: hosts[0].association.replayedBytes + hosts[1].association.replayedBytes,
  }
}

/** The smallest part of a seed's schedule that still fails: no fault of it can be left out. */
export function minimise(seed: number): readonly Fault[] {
  const fails = (without: ReadonlySet<number>) => {
    try {
      simulate(seed, { without })
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

function makeWorld(random: Random, trace: (line: string) => void): HostWorld {
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
    canDial,
    dialPaceMs: random.pick([0, 100, 250, 250]),
    network: new Network(),
    ledger: new Ledger(clock, random),
    // Mostly plenty; else so little that a few sessions exhaust it, or so short that an outage outlasts it.
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

/** How a session may end in this run. */
function excuses(faults: readonly Fault[], hosts: readonly [Host, Host]): ReadonlySet<string> {
  const { holdMs, budgetBytes } = hosts[0].world
  const isHoldShort = holdMs < 10_000
  const isBudgetSmall = budgetBytes < 10_000_000
  return new Set([
    'closed',
    'reset by itself',
    'APPLICATION_RESET',
    ...(isHoldShort ? ['HOLD_EXPIRED', 'PEER_RESTARTED'] : []),
    // An open may leave before it is known whose carrier takes it. If another process has appeared by then, the near side
    // cannot know which of the two has it, and gives it up: no destination may be dialed twice.
    ...(faults.some(({ kind }) => RESTARTS.has(kind))
      ? ['killed', 'PEER_RESTARTED', 'SHUTTING_DOWN', 'SESSION_GONE']
      : []),
    // A refusal may be lost with its carrier; asked again, the far side only knows that there is no such session.
    ...(isBudgetSmall ? ['OVERLOADED', 'BUDGET_EXHAUSTED', 'SESSION_GONE'] : []),
  ])
}

function bounded({ budget, association }: Host): void {
  const slack = READ_BYTES_MAX * [...association.sessions()].length
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
