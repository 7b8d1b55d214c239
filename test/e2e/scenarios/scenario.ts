/** What a scenario is: a fault, how it is proved from outside, and how long applications may notice it. */
import type { Stand, StandOptions } from './stand.ts'
import type { Capture, Way } from './ways.ts'

export type Direction = 'upload' | 'download'
export type CarrierKind = 'tcp' | 'ws'

/** The longest blackout that passes: `rounds` measured round trips of the idle path and `extraMs`. */
export interface Bound {
  readonly rounds: number
  readonly extraMs: number
}

export interface Scenario {
  /** As `--only` names it: its number in the list of scenarios and a word. */
  readonly name: string
  readonly title: string
  /** Directions that run at the same time, as two sessions of one run; apart where one would keep the other awake. */
  readonly runs: readonly (readonly Direction[])[]
  /** Programs it needs beside the lab's, each with the Debian package that has it. */
  readonly programs?: Readonly<Record<string, string>>
  /** Lab and sidecars beyond the usual: the near side dials the far one's IPv4 address. */
  readonly stand?: (capture: Capture) => StandOptions
  /** Waits aside for most of its time, so it begins before the others. */
  readonly isLong?: boolean
  /** Lets the faults happen while traffic flows. Whatever is not proved throws. */
  readonly play: (stand: Stand) => Promise<void>
}

/** One direction of one run of a scenario. */
export interface Result {
  readonly scenario: string
  readonly carrier: CarrierKind
  readonly direction: Direction
  readonly passed: boolean
  /** Of all its faults the blackout nearest to what it may be, or null when none was measured. */
  readonly blackoutMs: number | null
  /** What it may be. */
  readonly blackoutMaxMs: number | null
  /** The longest blackout on each way in; empty when none was measured. */
  readonly blackoutsMs: Readonly<Partial<Record<Way, number>>>
  /** Measured round trip of the idle path. */
  readonly rttMs: number
  /** What was seen from outside. */
  readonly proofs: readonly string[]
  /** Why it failed; empty when it passed. */
  readonly faults: readonly string[]
  readonly seconds: number
}
