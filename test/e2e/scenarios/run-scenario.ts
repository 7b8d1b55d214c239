/** Plays one run of a scenario from an empty machine to an empty machine, and judges it. */
import type { Identity } from '../sidecar.ts'
import type { Turn } from '../turn.ts'
import type { CarrierKind, Direction, Result, Scenario } from './scenario.ts'
import { Stand } from './stand.ts'
import type { Capture, Way } from './ways.ts'

export interface Run {
  readonly scenario: Scenario
  readonly carrier: CarrierKind
  readonly directions: readonly Direction[]
}

export interface Stage {
  readonly identities: { readonly near: Identity; readonly far: Identity }
  /** Of scenarios that capture connections. */
  readonly capture: Capture
  /** Taken for as long as a run plays. */
  readonly turn: Turn
  /** Where the sidecars' logs are kept. */
  readonly logDirectory: string
  /** Nothing more begins once it is aborted. */
  readonly signal: AbortSignal
}

/** @returns one result per direction; a fault of the run is in all of them. None when it did not begin */
export async function playRun(run: Run, number: number, stage: Stage): Promise<readonly Result[]> {
  await stage.turn.take()
  if (stage.signal.aborted) return []
  const startMs = performance.now()
  let stand: Stand | undefined
  let failure: string | undefined
  try {
    const { carrier, directions, scenario } = run
    stand = await Stand.create(
      number,
      stage.turn,
      stage.identities,
      carrier,
      directions,
      scenario.stand?.(stage.capture),
    )
    await play(run, stand)
  } catch (error) {
    failure = describe(error)
  }
  const kept = `${run.scenario.name}-${run.carrier}-${run.directions.join('-')}`
  try {
    stand?.keepLogs(stage.logDirectory, kept)
  } catch (error) {
    failure ??= describe(error)
  }
  try {
    await stand?.close()
  } catch (error) {
    failure ??= describe(error)
  }
  stage.turn.give()
  const seconds = round((performance.now() - startMs) / 1000)
  return run.directions.map(direction => ({
    scenario: run.scenario.name,
    carrier: run.carrier,
    direction,
    ...judge(stand, direction, failure),
    rttMs: round(stand?.rttMs ?? Number.NaN),
    seconds,
  }))
}

async function play({ scenario }: Run, stand: Stand): Promise<void> {
  await stand.start()
  await stand.load()
  await scenario.play(stand)
  await stand.finish()
}

function judge(stand: Stand | undefined, direction: Direction, failure: string | undefined) {
  const blackouts = (stand?.blackouts ?? []).filter(blackout => blackout.direction === direction)
  const worst = [...blackouts].sort((a, b) => b.ms / b.maxMs - a.ms / a.maxMs)[0]
  const tooLong = blackouts.filter(({ ms, maxMs }) => ms > maxMs)
  const faults = tooLong.map(
    ({ what, way, ms, maxMs }) =>
      `a blackout of ${ms.toFixed(0)} ms by ${way} around ${what}; it may be ${maxMs.toFixed(0)} ms`,
  )
  if (failure !== undefined) faults.push(failure)
  const blackoutsMs: Partial<Record<Way, number>> = {}
  for (const { way, ms } of blackouts) blackoutsMs[way] = Math.max(blackoutsMs[way] ?? 0, round(ms))
  return {
    passed: faults.length === 0,
    blackoutMs: worst === undefined ? null : round(worst.ms),
    blackoutMaxMs: worst === undefined ? null : round(worst.maxMs),
    blackoutsMs,
    proofs: stand?.notes ?? [],
    faults,
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
