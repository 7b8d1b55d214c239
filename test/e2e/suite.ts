/**
 * Plays all runs. Stands have the machine in turn; one that waits aside lets the next one begin, so the long waits cost
 * nothing but the time of the longest.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Options } from './options.ts'
import type { ResultsFile } from './results-file.ts'
import { playRun, type Run, type Stage } from './scenarios/run-scenario.ts'
import type { Result } from './scenarios/scenario.ts'

/** Enough for all carriers of a long scenario and the others beside them. */
const STANDS_MAX = 3

interface Job {
  readonly run: Run
  readonly repetition: number
}

export interface Tally {
  readonly ran: number
  readonly expected: number
  readonly failed: number
  /** Of `ran`, those found in the results file. */
  readonly earlier: number
}

/** @param file undefined: results are only printed */
export async function playAll(
  options: Pick<Options, 'scenarios' | 'carriers' | 'repeat'>,
  file: ResultsFile | undefined,
  stage: Omit<Stage, 'capture'>,
  print: (line: string) => void,
): Promise<Tally> {
  const runs = runsOf(options)
  const tally = { ran: 0, expected: 0, failed: 0, earlier: 0 }
  let number = 0
  for (let repetition = 1; repetition <= (options.repeat ?? 1); repetition++) {
    tally.expected += runs.reduce((sum, { directions }) => sum + directions.length, 0)
    if (options.repeat !== undefined) print(`repetition ${repetition} of ${options.repeat}`)
    const queue: Job[] = []
    for (const run of runs) {
      const earlier = file?.resultsOf(run, repetition) ?? []
      count(tally, earlier)
      tally.earlier += earlier.length
      if (earlier.length === 0) queue.push({ run, repetition })
    }
    await Promise.all(
      Array.from({ length: STANDS_MAX }, async () => {
        for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
          if (stage.signal.aborted) return
          const ownStage = stageOf(job, stage)
          const results = await playRun(job.run, number++, ownStage)
          file?.add(results, job.repetition)
          count(tally, results)
          for (const result of results) print(lineOf(result, ownStage.logDirectory))
        }
      }),
    )
  }
  return tally
}

/**
 * The greater peer ID wins ties, so it is near for one carrier and far for the other, and the other way round in the next
 * repetition. Likewise the captures, which change over after every second one: four repetitions have all that can be combined.
 */
function stageOf({ run, repetition }: Job, stage: Omit<Stage, 'capture'>): Stage {
  const { near, far } = stage.identities
  const carrier = run.carrier === 'ws' ? 1 : 0
  const isTurned = (repetition + carrier) % 2 === 0
  const capture = (Math.ceil(repetition / 2) + carrier) % 2 === 0 ? 'tproxy' : 'redirect'
  const logDirectory = join(stage.logDirectory, `repetition-${repetition}`)
  mkdirSync(logDirectory, { recursive: true })
  return { ...stage, capture, logDirectory, identities: isTurned ? { near: far, far: near } : { near, far } }
}

/** Long ones first. */
function runsOf({ scenarios, carriers }: Pick<Options, 'scenarios' | 'carriers'>): readonly Run[] {
  const runs = carriers.flatMap(carrier =>
    scenarios.flatMap(scenario => scenario.runs.map(directions => ({ scenario, carrier, directions }))),
  )
  const isLong = ({ scenario }: Run) => scenario.isLong === true
  return [...runs.filter(isLong), ...runs.filter(run => !isLong(run))]
}

function count(tally: { ran: number; failed: number }, results: readonly Result[]): void {
  tally.ran += results.length
  tally.failed += results.filter(({ passed }) => !passed).length
}

function lineOf(result: Result, logDirectory: string): string {
  const { scenario, carrier, direction, passed, blackoutMs, blackoutMaxMs, rttMs, seconds } = result
  const blackout =
    blackoutMs === null
      ? 'no blackout measured'
      : `blackout ${blackoutMs.toFixed(0)} ms = ${(blackoutMs / rttMs).toFixed(1)} R (bound ${blackoutMaxMs?.toFixed(0)} ms)`
  const line = `${passed ? 'ok    ' : 'FAILED'} ${scenario.padEnd(23)} ${carrier.padEnd(3)} ${direction.padEnd(8)} ${blackout}, ${seconds.toFixed(1)} s`
  const ways = Object.entries(result.blackoutsMs).map(([way, ms]) => `${way} ${ms.toFixed(0)} ms`)
  return [
    line,
    ...(ways.length > 1 ? [`       ${ways.join(', ')}`] : []),
    ...result.faults.map(fault => `       ${fault.replaceAll('\n', '\n       ')}`),
  ]
    .concat(passed ? [] : [`       the sidecars' logs: ${logDirectory}`])
    .join('\n')
}
