/** What the faults of `npm run faults` have in common. Each is a scenario that notes what proves that it has happened. */
import { ADDRESS, type LabOptions } from '../lab/lab.ts'
import { TOGETHER } from '../scenarios/addresses.ts'
import type { Bound, Scenario } from '../scenarios/scenario.ts'
import type { Stand, StandOptions } from '../scenarios/stand.ts'
import { until } from '../wait.ts'

export type Side = 'near' | 'far'

export const LAB: LabOptions = { prefix: 'relab' }
/** Enough that bytes are under way in every fault; the faults of the machine itself slow down what is around them, too. */
const LOAD_MBITS = 8
const FLOWING_DEADLINE_MS = 15_000

/** The fault lasts so long, and then one side has to be in doubt and dial. */
export function lasts(ms: number, extraMs = 1_500): Bound {
  return { rounds: 16, extraMs: ms + extraMs }
}

export function faultOf(
  name: string,
  title: string,
  play: (stand: Stand) => Promise<void>,
  more: Pick<Scenario, 'isLong' | 'programs'> & { readonly stand?: () => StandOptions } = {},
): Scenario {
  const { stand, ...rest } = more
  return {
    name,
    title,
    runs: TOGETHER,
    stand: () => ({ lab: LAB, loadMbits: LOAD_MBITS, ...stand?.() }),
    play,
    ...rest,
  }
}

/** So that a renumbering moves what runs, and to where it says. */
export async function onePathOnly({ lab }: Stand): Promise<void> {
  await lab.uplinkDown('b')
  await lab.removeAddress('a', ADDRESS.a.v6)
}

/** A new connection is opened, carries bytes in both directions, and ends in order. */
export async function newConnection(stand: Stand, id: string): Promise<void> {
  stand.open({ id, kind: 'bytes', up: true, down: true, mbits: 2 })
  await until(`bytes of ${id}`, { deadlineMs: FLOWING_DEADLINE_MS }, async () => {
    const reports = await Promise.all([stand.nearAgent, stand.farAgent].map(agent => agent.report(id)))
    return reports.every(report => (report?.receivedBytes ?? 0) > 0) ? true : undefined
  })
  await stand.settleBoth(id)
}
