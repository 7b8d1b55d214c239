/** A fixed set of seeds in every run of the tests; `npm run sim` takes any others. */
import t from 'tap'
import { type Outcome, simulate } from './world.ts'

const FIRST_SEED = 1
const SEEDS = 200

const seeds = Array.from({ length: SEEDS }, (_, index) => FIRST_SEED + index)
const outcomes: Outcome[] = []

t.test('no seed loses, repeats or changes a byte, and everything ends once the faults are over', async t => {
  for (const seed of seeds) {
    t.doesNotThrow(() => outcomes.push(simulate(seed)), `replay it: npm run sim -- --replay ${seed}`)
  }
})

t.test('what was judged was worth judging', async t => {
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0)
  t.ok(sum(({ migrations }) => migrations) > 5 * SEEDS, 'carriers were changed')
  t.ok(sum(({ replayedBytes }) => replayedBytes) > 0, 'bytes were sent again')
  t.ok(sum(({ sessions }) => sessions) > 3 * SEEDS, 'sessions were opened')
  const kinds = new Set(outcomes.flatMap(({ faults }) => faults.map(({ kind }) => kind)))
  t.ok(kinds.size > 8, `only ${[...kinds].join(', ')} occurred`)
})

t.test('a seed gives the same run each time', async t => {
  const trace = (seed: number) => {
    const lines: string[] = []
    const outcome = simulate(seed, { trace: line => lines.push(line) })
    return { lines, outcome }
  }
  for (const seed of seeds.slice(0, 5)) t.same(trace(seed), trace(seed), `seed ${seed}`)
})
