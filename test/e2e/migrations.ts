/**
 * `npm run migrations`: thousands of real migrations of live connections between two hosts of namespaces, each proven from
 * outside (migrations/leg.ts). Legs that were finished are kept: the same command again goes on after an interrupt.
 * Exit code 0: all that was asked for passed; 1: not; 2: it cannot run here, or the command line is wrong.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { longRun } from './long-run.ts'
import { type LegPlan, type LegResult, playLeg } from './migrations/leg.ts'
import { summaryOf } from './migrations/summary.ts'

const USAGE = `usage: npm run migrations -- [--count N] [--leg N] [--afresh]

  --count N   migrations (default 3000), into e2e-results/migrations/COMMIT.jsonl; the same command again goes on
  --leg N     only this leg of them, as to repeat one that has failed
  --afresh    what an earlier run has finished does not count`
const LEG_MOVES = 250
const PROGRESS_MS = 10_000

process.exitCode = await longRun('migrations', USAGE, async run => {
  const options = {
    count: { type: 'string', default: '3000' },
    leg: { type: 'string' },
    afresh: { type: 'boolean', default: false },
  } as const
  const { values } = parseArgs({ args: [...run.args], options })
  const count = numberOf('--count', values.count)
  const plans = plansOf(count).filter(({ leg }) => values.leg === undefined || leg === numberOf('--leg', values.leg))
  const asked = plans.reduce((sum, plan) => sum + plan.count, 0)
  if (asked === 0) throw new Error(`There is no leg ${values.leg} of ${count} migrations.`)

  return async () => {
    const file = join(run.directory, `${run.commit}.jsonl`)
    const earlier = existsSync(file) && !values.afresh ? readFileSync(file, 'utf8').split('\n').flatMap(finished) : []
    const results: LegResult[] = []
    const logDirectory = join(run.directory, 'logs', run.commit)
    mkdirSync(logDirectory, { recursive: true })
    let moved = 0
    let shownMs = performance.now()
    for (const plan of plans) {
      const known = earlier.find(result => result.leg === plan.leg && result.count === plan.count)
      if (known !== undefined) {
        results.push(known)
        moved += known.moves.length
        run.print(`leg ${plan.leg}: ${known.moves.length} migrations, of ${known.at}`)
        continue
      }
      const onMove = () => {
        moved++
        if (performance.now() - shownMs < PROGRESS_MS) return
        shownMs = performance.now()
        run.print(`${moved} of ${asked}`)
      }
      const { identities, commit, signal } = run
      const result = await playLeg(plan, { identities, logDirectory, commit, signal, onMove })
      if (result === undefined) return false
      results.push(result)
      appendFileSync(file, `${JSON.stringify(result)}\n`)
      run.print(
        `leg ${plan.leg} (${plan.carrier}${plan.isTranslated ? ', translated' : ''}): ${result.moves.length} migrations in ${result.seconds} s`,
      )
      for (const failure of result.failures) run.print(`FAILED ${failure}`)
    }
    const { json, markdown, failures } = summaryOf(results, asked, run.machine)
    run.keep(`${run.commit}.json`, `${JSON.stringify(json, null, 2)}\n`)
    run.print(markdown)
    return failures === 0
  }
})

/** Carriers take turns; every fourth leg has a translator between the hosts. */
function plansOf(count: number): readonly LegPlan[] {
  return Array.from({ length: Math.ceil(count / LEG_MOVES) }, (_, index) => ({
    leg: index + 1,
    count: Math.min(LEG_MOVES, count - index * LEG_MOVES),
    carrier: index % 2 === 0 ? 'tcp' : 'ws',
    isTranslated: index % 4 === 2 || index % 8 === 5,
  }))
}

function numberOf(option: string, text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number > 0) return number
  throw new Error(`${option} needs a number above 0, not ${text}.`)
}

/** Those that failed are made again; a line that was cut in the middle is as good as none. */
function finished(line: string): readonly LegResult[] {
  try {
    const result = JSON.parse(line) as LegResult
    return result.failures.length === 0 ? [result] : []
  } catch {
    return []
  }
}
