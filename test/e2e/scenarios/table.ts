/** All scenarios, in order. */
import { families, outage, renumbering, uplinks } from './addresses.ts'
import { blackhole } from './blackhole.ts'
import { farKilled, nearKilled } from './killed.ts'
import { bothMove, listenerDials, listenerName } from './listener.ts'
import { many } from './many.ts'
import { modes } from './modes.ts'
import { connecting, halfClosing, stoppedReader } from './moments.ts'
import { programs, programsModes } from './programs.ts'
import type { Scenario } from './scenario.ts'
import { rebinding } from './translator.ts'

export const SCENARIOS: readonly Scenario[] = [
  renumbering,
  uplinks,
  listenerName,
  listenerDials,
  bothMove,
  outage,
  blackhole,
  rebinding,
  families,
  connecting,
  halfClosing,
  stoppedReader,
  many,
  nearKilled,
  farKilled,
  ...modes,
  programs,
  programsModes,
]
