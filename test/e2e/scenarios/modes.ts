/**
 * The moves again, each with a load on every way into the near sidecar at once, and each way a witness of its own: its
 * connections must live, move and be as quick as those of the forward. Of the two captures a sidecar has one: the other has
 * its turn with the other carrier, and they change over later (suite.ts).
 */
import { families, renumbering, shortOutage, TOGETHER, uplinks } from './addresses.ts'
import { blackhole } from './blackhole.ts'
import { bothMove, listenerDials, listenerName } from './listener.ts'
import { connecting, halfClosing } from './moments.ts'
import type { Scenario } from './scenario.ts'
import { rebinding } from './translator.ts'
import { waysWith } from './ways.ts'

const ADDRESSES = [renumbering, uplinks, listenerName, listenerDials, bothMove, shortOutage, families]
const OTHERS = [blackhole, rebinding, connecting, halfClosing]
/** Many connections cost more than many bytes. */
const LOAD_MBITS = 20

export const modes: readonly Scenario[] = [...ADDRESSES, ...OTHERS].map(move => ({
  ...move,
  name: `modes-${move.name}`,
  title: `${move.title}; on every way in`,
  runs: TOGETHER,
  stand: capture => ({ loadMbits: LOAD_MBITS, ...move.stand?.(capture), ways: waysWith(capture) }),
}))
