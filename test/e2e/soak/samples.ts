/** What both sidecars weigh, over time; and whether they have come back to where they began. */
import { descriptorsOf, residentKib } from '../lab/process.ts'
import type { Stand } from '../scenarios/stand.ts'
import type { Sidecar } from '../sidecar.ts'

export interface SideSample {
  readonly residentKib: number
  readonly descriptors: number
  /** Null while it is stopped: it does not answer. */
  readonly sessions: number | null
  readonly migrations: number | null
  /** Sessions reset for another reason than that an application did it. */
  readonly faultyResets: number | null
}

export interface Sample {
  readonly second: number
  readonly near: SideSample
  readonly far: SideSample
  readonly failures: number
}

export interface Disturbance {
  readonly second: number
  readonly what: string
}

/** Resident memory of the last third may be so much of the middle third's: more is growth, less is the collector's mood. */
export const GROWTH_MAX = 1.2

export async function sampleOf(stand: Stand, second: number, failures: number, stopped?: Sidecar): Promise<Sample> {
  const [near, far] = await Promise.all([stand.near, stand.far].map(side => sideOf(side, side === stopped)))
  return { second, near: near as SideSample, far: far as SideSample, failures }
}

/** Descriptors that are not carriers': of those there may be one more or less at any time. */
export async function ownDescriptors(sidecar: Sidecar): Promise<number> {
  const { peers } = await sidecar.status()
  return descriptorsOf(sidecar.pid) - peers.reduce((sum, peer) => sum + peer.paths.length, 0)
}

export async function sessionsOf(sidecar: Sidecar): Promise<number> {
  const { peers } = await sidecar.status()
  return peers.reduce((sum, peer) => sum + peer.sessions.length, 0)
}

/** @returns the mean of the last third by that of the middle third */
export function growthOf(values: readonly number[]): number {
  const third = Math.floor(values.length / 3)
  const mean = (part: readonly number[]) => part.reduce((sum, value) => sum + value, 0) / part.length
  return mean(values.slice(2 * third)) / mean(values.slice(third, 2 * third))
}

async function sideOf(sidecar: Sidecar, isStopped: boolean): Promise<SideSample> {
  const size = { residentKib: residentKib(sidecar.pid), descriptors: descriptorsOf(sidecar.pid) }
  // One that is stopped while it is asked does not answer either.
  const metrics = isStopped ? undefined : await sidecar.metrics().catch(() => undefined)
  if (metrics === undefined) return { ...size, sessions: null, migrations: null, faultyResets: null }
  const sum = (isMeant: (series: string) => boolean) =>
    [...metrics].reduce((total, [series, value]) => total + (isMeant(series) ? value : 0), 0)
  return {
    ...size,
    sessions: sum(series => series.startsWith('holdfast_sessions{')),
    migrations: sum(series => series.startsWith('holdfast_migrations_total{')),
    faultyResets: sum(
      series => series.startsWith('holdfast_session_resets_total{') && !series.includes('"APPLICATION_RESET"'),
    ),
  }
}
