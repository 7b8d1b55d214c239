/**
 * npm run sim -- [--seeds N] [--from S]    runs seeds S … S+N-1 and prints what they met
 * npm run sim -- --replay SEED             runs one seed, prints its trace and, if it fails, the smallest schedule that does
 *   --tight      many sessions, and memory that is not enough for them: other runs than those of the seeds alone
 *   --census     also counts what the faults have met, which takes longer
 */
import { parseArgs } from 'node:util'
import { Census, SIGHTS } from './census.ts'
import { minimise, simulate } from './world.ts'

const FAILURES_MAX = 10
/** A long run says how far it is after so many. */
const PROGRESS_SEEDS = 10_000

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '500' },
    from: { type: 'string', default: '1' },
    replay: { type: 'string' },
    tight: { type: 'boolean', default: false },
    census: { type: 'boolean', default: false },
  },
})

const census = new Census()
const mode = { isTight: values.tight, ...(values.census ? { census } : {}) }
const words = `npm run sim --${values.tight ? ' --tight' : ''} --replay`

if (values.replay === undefined) runMany(Number(values.from), Number(values.seeds))
else replay(Number(values.replay))

function runMany(from: number, count: number): void {
  const cpuBefore = process.cpuUsage()
  const faults = new Map<string, number>()
  let [failures, migrations, bytes, ran] = [0, 0, 0, 0]
  for (let seed = from; seed < from + count && failures < FAILURES_MAX; seed++) {
    ran++
    try {
      const outcome = simulate(seed, mode)
      migrations += outcome.migrations
      bytes += outcome.bytes
      for (const { kind } of outcome.faults) faults.set(kind, (faults.get(kind) ?? 0) + 1)
    } catch (error) {
      failures++
      console.error(`seed ${seed} failed: ${(error as Error).message}\n  replay it: ${words} ${seed}`)
    }
    if (ran % PROGRESS_SEEDS === 0 && ran < count) console.error(`${ran} of ${count} seeds, ${failures} failed`)
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  const seconds = (user + system) / 1e6
  const rate = Math.round((ran / seconds) * 60)
  console.log(`${ran} seeds from ${from} in ${seconds.toFixed(1)} s of CPU (${rate} a minute): ${failures} failed`)
  console.log(`${migrations} migrations, ${bytes} bytes judged`)
  console.log(`faults: ${[...faults].map(([kind, times]) => `${kind} ${times}`).join(', ')}`)
  if (values.census) for (const sight of SIGHTS) console.log(`${census.counts.get(sight) ?? 0}\t${sight}`)
  if (failures > 0) process.exitCode = 1
}

function replay(seed: number): void {
  try {
    console.log(simulate(seed, { ...mode, trace: line => console.log(line) }))
  } catch (error) {
    console.error((error as Error).message)
    for (const { atMs, kind, seed: details } of minimise(seed, { isTight: values.tight }))
      console.error(`  needs ${kind} at ${atMs} ms (${details})`)
    process.exitCode = 1
  }
}
