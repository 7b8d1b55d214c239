/** Plays one run of a scenario from an empty machine to an empty machine, and judges it. */
import type { Identity } from '../sidecar.ts'
import type { CarrierKind, Direction, Result, Scenario } from './scenario.ts'
import { Stand } from './stand.ts'

export interface Run {
  readonly scenario: Scenario
  readonly carrier: CarrierKind
  readonly directions: readonly Direction[]
}

/** @returns one result per direction; a fault of the run is in all of them, with the ends of both logs */
export async function playRun(
  { scenario, carrier, directions }: Run,
  number: number,
  identities: { readonly near: Identity; readonly far: Identity },
  /** Told of the stand as soon as it needs to be closed, so that a signal can do it. */
  onStand: (stand: Stand) => void,
): Promise<readonly Result[]> {
  const startMs = performance.now()
  const stand = await Stand.create(number, identities, carrier, directions, scenario.stand?.(carrier))
  onStand(stand)
  let failure: string | undefined
  try {
    await stand.start()
    if (scenario.opensItsOwn !== true) await stand.load()
    await scenario.play(stand)
    await stand.finish()
  } catch (error) {
    failure = `${(error as Error).stack ?? error}\n${stand.logs}`
  } finally {
    await stand.close()
  }
  const durationMs = Math.round(performance.now() - startMs)
  return directions.map(direction => ({
    scenario: scenario.name,
    carrier,
    direction,
    ...judge(stand, direction, failure),
    rttMs: round(stand.rttMs),
    durationMs,
  }))
}

function judge(stand: Stand, direction: Direction, failure: string | undefined) {
  const blackouts = stand.blackouts.filter(blackout => blackout.direction === direction)
  const worst = [...blackouts].sort((a, b) => b.ms / b.maxMs - a.ms / a.maxMs)[0]
  const tooLong = worst !== undefined && worst.ms > worst.maxMs
  const notes = [...stand.notes]
  if (tooLong)
    notes.push(
      `blackouts of ${blackouts.map(({ ms }) => ms.toFixed(0)).join(', ')} ms\n${failure === undefined ? '' : failure}`,
    )
  else if (failure !== undefined) notes.push(failure)
  return {
    passed: failure === undefined && !tooLong,
    blackoutMs: worst === undefined ? null : round(worst.ms),
    blackoutMaxMs: worst === undefined ? null : round(worst.maxMs),
    notes,
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
