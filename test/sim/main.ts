/**
 * npm run sim -- [--seeds N] [--from S]    runs seeds S … S+N-1 and prints what they met
 * npm run sim -- --replay SEED             runs one seed and prints its trace
 */
import { parseArgs } from 'node:util'
import { simulate } from './world.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '500' },
    from: { type: 'string', default: '1' },
    replay: { type: 'string' },
  },
})

if (values.replay !== undefined) {
  console.log(simulate(Number(values.replay), line => console.log(line)))
} else {
  const from = Number(values.from)
  const count = Number(values.seeds)
  const startedAt = Date.now()
  let failures = 0
  let migrations = 0
  let bytes = 0
  const faults: Record<string, number> = {}
  for (let seed = from; seed < from + count; seed++) {
    try {
      const outcome = simulate(seed)
      migrations += outcome.migrations
      bytes += outcome.bytes
      for (const [name, times] of Object.entries(outcome.faults)) faults[name] = (faults[name] ?? 0) + times
    } catch (error) {
      failures++
      console.error(`seed ${seed} failed: ${(error as Error).message}\n  replay it: npm run sim -- --replay ${seed}`)
      if (failures >= 10) break
    }
  }
  const seconds = (Date.now() - startedAt) / 1000
  console.log(
    `${count} seeds from ${from} in ${seconds.toFixed(1)} s: ${failures} failed, ${migrations} migrations, ${bytes} bytes`,
  )
  console.log(
    `faults met: ${Object.entries(faults)
      .map(([name, times]) => `${name} ${times}`)
      .join(', ')}`,
  )
  if (failures > 0) process.exitCode = 1
}
