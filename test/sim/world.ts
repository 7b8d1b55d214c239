/**
 * One simulated run: two engines, a faulty network, applications on both ends, a virtual clock. Everything follows from the
 * seed. Safety is checked with every byte, liveness after the faults have healed (design: invariants 1 and 2).
 */
import { strict as assert } from 'node:assert'
import { Random } from '../support/random.ts'
import { Ledger } from './application.ts'
import { VirtualClock } from './clock.ts'
import { Host } from './host.ts'
import { Network } from './network.ts'

export interface Outcome {
  readonly faults: Readonly<Record<string, number>>
  readonly migrations: number
  readonly sessions: number
  readonly bytes: number
  readonly replayedBytes: number
}

const FAULTS_END_MS = 20_000
const LIVENESS_MS = 200_000
const STEPS_MAX = 2_000_000

/** @throws AssertionError or Bug: the seed has found something */
export function simulate(seed: number, trace: (line: string) => void = () => {}): Outcome {
  const random = new Random(seed)
  const clock = new VirtualClock()
  const network = new Network()
  const ledger = new Ledger(clock, random)
  const canDial: readonly [boolean, boolean] = random.pick([
    [true, true],
    [true, false],
    [false, true],
  ])
  const world = { clock, random, network, ledger, trace, canDial }
  const hosts: readonly [Host, Host] = [new Host(0, world), new Host(1, world)]
  hosts[0].peer = hosts[1]
  hosts[1].peer = hosts[0]
  const faults: Record<string, number> = {}
  scheduleSessions(hosts, world, random.int(1, 8))
  scheduleFaults(hosts, world, faults)
  for (const host of hosts) host.drain()
  clock.after(FAULTS_END_MS, () => {
    network.heal()
    for (const host of hosts) host.drain()
  })
  let steps = 0
  while (clock.step(LIVENESS_MS)) assert(++steps < STEPS_MAX, 'the world does not come to rest')
  ledger.judge()
  agree(hosts)
  return {
    faults,
    migrations: hosts[0].migrations + hosts[1].migrations,
    sessions: ledger.pairs.size,
    bytes: [...ledger.pairs.values()].reduce((sum, { near, far }) => sum + near.received + (far?.received ?? 0), 0),
    replayedBytes: hosts[0].association.replayedBytes + hosts[1].association.replayedBytes,
  }
}

type World = Host['world']

function scheduleSessions(hosts: readonly [Host, Host], { clock, random, ledger }: World, count: number): void {
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

/** Swarm testing: each seed draws which kinds of fault it knows, and how often they come. */
function scheduleFaults(hosts: readonly [Host, Host], world: World, counts: Record<string, number>): void {
  const { clock, random, network, trace } = world
  const host = () => hosts[random.int(0, 1)]!
  const kinds: Record<string, () => void> = {
    cut: () => cutSome(network, random),
    down: () => {
      network.isDown = true
      cutSome(network, random)
      clock.after(random.int(0, 5_000), () => {
        network.isDown = false
        for (const one of hosts) one.drain()
      })
    },
    blackhole: () => {
      network.isBlackholed = true
      clock.after(random.int(50, 3_000), () => network.heal())
    },
    doubt: () => {
      const one = host()
      one.association.handleDoubt(clock.now)
      one.drain()
    },
    planned: () => {
      const one = host()
      one.association.migrate(random.pick(['command', 'better', 'rekey']), clock.now)
      one.drain()
    },
    restart: () => host().kill(),
  }
  const names = Object.keys(kinds).filter(name => random.chance(name === 'restart' ? 0.15 : 0.6))
  if (names.length === 0) return
  for (let left = random.int(0, 25); left > 0; left--) {
    clock.after(random.int(0, FAULTS_END_MS - 1), () => {
      const name = random.pick(names)
      counts[name] = (counts[name] ?? 0) + 1
      trace(`${clock.now.toFixed(1)} fault ${name}`)
      kinds[name]!()
    })
  }
}

function cutSome(network: Network, random: Random): void {
  for (const carrier of [...network.carriers]) if (random.chance(0.8)) carrier.cut()
}

/** Both ends are content with the same carrier. */
function agree(hosts: readonly [Host, Host]): void {
  const [a, b] = hosts
  assert.equal(a.association.state, 'stable', 'host 0 has no path though nothing is wrong')
  assert.equal(b.association.state, 'stable', 'host 1 has no path though nothing is wrong')
  assert.equal(a.association.activeCarrier, b.association.activeCarrier, 'the two ends settled on different carriers')
  assert.equal([...a.association.sessions(), ...b.association.sessions()].length, 0, 'a session was left behind')
}
