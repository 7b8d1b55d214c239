/**
 * What goes wrong in a run, drawn from the seed before it begins (swarm testing: each seed knows some kinds, and how often they
 * come). A fault draws its own details from its own seed, so that leaving one out changes no other.
 */
import { Random } from '../support/random.ts'
import type { Host, HostWorld } from './host.ts'

export interface Fault {
  readonly atMs: number
  readonly kind: FaultKind
  readonly seed: number
}

export type FaultKind = keyof typeof KINDS

/** Faults happen before this; then everything heals. */
export const FAULTS_END_MS = 20_000

/** All jumps of a run together are shorter than the usual hold time. */
const CLOCK_JUMP_MS_MAX = 1_800_000

type Hosts = readonly [Host, Host]

const KINDS = {
  /** Most carriers are cut; their tails are lost, and each end learns of it in its own time. */
  cut: (_hosts: Hosts, { network }: HostWorld, random: Random) => {
    for (const carrier of [...network.carriers]) if (random.chance(0.8)) carrier.cut()
  },
  /** Carriers are cut when so many records more have travelled: in the middle of an announcement, or of a replay. */
  cutLater: (_hosts: Hosts, { network }: HostWorld, random: Random) => {
    network.recordsUntilCut = random.int(0, 12)
  },
  /** No path at all for a time. */
  down: (hosts: Hosts, world: HostWorld, random: Random) => {
    const { network, clock } = world
    network.isDown = true
    KINDS.cut(hosts, world, random)
    clock.after(random.int(0, 5_000), () => {
      network.isDown = false
      for (const host of hosts) host.drain()
    })
  },
  /** Nothing arrives, in one direction or both, and nobody is told. */
  blackhole: (_hosts: Hosts, { network, clock }: HostWorld, random: Random) => {
    network.blackhole(
      random.pick([
        [true, true],
        [true, false],
        [false, true],
      ] as const),
    )
    clock.after(random.int(50, 3_000), () => network.heal())
  },
  /** One carrier is late, so that others overtake it. */
  stall: (_hosts: Hosts, { network, clock }: HostWorld, random: Random) => {
    const [carrier] = [...network.carriers].filter(() => random.chance(0.6))
    if (carrier === undefined) return
    carrier.isStalled = true
    clock.after(random.int(10, 4_000), () => {
      carrier.isStalled = false
      carrier.heal()
    })
  },
  /** An event on a link, or a wake after sleep. */
  doubt: (hosts: Hosts, _world: HostWorld, random: Random) => {
    const host = random.pick(hosts)
    host.association.handleDoubt(host.now, random.chance(0.3) ? random.int(0, 3_600_000) : 0)
    host.drain()
  },
  planned: (hosts: Hosts, _world: HostWorld, random: Random) => {
    const host = random.pick(hosts)
    host.association.migrate(random.pick(['command', 'better', 'rekey'] as const), host.now)
    host.drain()
  },
  /** Several moves of both sides within one round trip. */
  burst: (hosts: Hosts, world: HostWorld, random: Random) => {
    for (let left = random.int(2, 5); left > 0; left--) {
      world.clock.after(random.int(0, 40), () => {
        random.pick([KINDS.planned, KINDS.doubt, KINDS.cut])(hosts, world, random)
      })
    }
  },
  /** Both sides get other addresses at the same moment. */
  bothMove: (hosts: Hosts, { network }: HostWorld) => {
    for (const carrier of [...network.carriers]) carrier.destroy()
    for (const host of hosts) host.drain()
  },
  /** A process stands still: garbage collection, an overloaded machine. What comes meanwhile waits. */
  freeze: (hosts: Hosts, { clock }: HostWorld, random: Random) => {
    random.pick(hosts).frozenUntil = clock.now + random.int(20, 2_000)
  },
  /** The clock of one host jumps forward, as when its machine was suspended and its monotonic clock was not. */
  clockJump: (hosts: Hosts, _world: HostWorld, random: Random) => {
    random.pick(hosts).jump(random.int(1_000, random.chance(0.5) ? 60_000 : CLOCK_JUMP_MS_MAX))
  },
  /** The next records come twice, at once or after others: what the engine was told before must change nothing. */
  duplicate: (_hosts: Hosts, { network }: HostWorld, random: Random) => {
    network.duplicates = { records: random.int(1, 8), laterMs: random.chance(0.5) ? 0 : random.int(1, 500) }
  },
  /** Applications of one host stop reading. */
  slowReader: (hosts: Hosts, { clock }: HostWorld, random: Random) => {
    for (const application of random.pick(hosts).applications.values()) {
      if (random.chance(0.5)) application.readsFrom = clock.now + random.int(100, 8_000)
    }
  },
  /** SIGKILL and a new process; nothing of the old one arrives any more. */
  restart: (hosts: Hosts, _world: HostWorld, random: Random) => random.pick(hosts).kill(),
  /** The same, but its kernel still delivers what was sent, while the new process begins. */
  slowKill: (hosts: Hosts, _world: HostWorld, random: Random) => random.pick(hosts).slowKill(),
  /** An orderly stop, and a new process. */
  goodbye: (hosts: Hosts, _world: HostWorld, random: Random) => random.pick(hosts).stopOrderly(),
  /** A host has other addresses, and says so. */
  endpoints: (hosts: Hosts, _world: HostWorld, random: Random) => {
    const host = random.pick(hosts)
    host.association.handleEndpointsChanged()
    host.drain()
  },
  /** Carriers die, and only one end ever learns of it, or neither. */
  silentCut: (_hosts: Hosts, { network }: HostWorld, random: Random) => {
    for (const carrier of [...network.carriers]) if (random.chance(0.7)) carrier.silentCut(random.int(0, 2))
  },
  /** A path dies without a word while, or just after, a planned move leaves it. */
  plannedThenSilent: (hosts: Hosts, world: HostWorld, random: Random) => {
    KINDS.planned(hosts, world, random)
    world.clock.after(random.int(0, 200), () => {
      const [first] = [...world.network.carriers]
      first?.silentCut(random.int(0, 2))
    })
  },
  /** Applications end by a reset, at whatever stage they are. */
  resetAll: (hosts: Hosts, _world: HostWorld, random: Random) => {
    const host = random.pick(hosts)
    for (const application of host.applications.values()) if (random.chance(0.3)) application.resetNow()
  },
} as const

export const KINDS_OF_FAULTS = Object.keys(KINDS) as readonly FaultKind[]
const RARE = new Set<FaultKind>(['restart', 'slowKill', 'goodbye', 'resetAll'])

export function drawFaults(random: Random): readonly Fault[] {
  const known = KINDS_OF_FAULTS.filter(name => random.chance(RARE.has(name) ? 0.15 : 0.5))
  if (known.length === 0) return []
  const count = random.int(0, 25)
  return Array.from({ length: count }, () => ({
    atMs: random.int(0, FAULTS_END_MS - 1),
    kind: random.pick(known),
    seed: random.int(0, 2 ** 31),
  })).sort((a, b) => a.atMs - b.atMs)
}

export function happen({ kind, seed }: Fault, hosts: Hosts, world: HostWorld): void {
  KINDS[kind](hosts, world, new Random(seed))
}
