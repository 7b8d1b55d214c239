/** A fixed set of seeds in every run of the tests; `npm run sim` takes any others. */
import t from 'tap'
import { Census, SIGHTS } from './census.ts'
import { KINDS_OF_FAULTS } from './faults.ts'
import { type Outcome, simulate } from './world.ts'

const FIRST_SEED = 1
const SEEDS = 200
/** Of these, one in ten has a session that gives way. */
const TIGHT_SEEDS = Array.from({ length: 60 }, (_, index) => 241 + index)

const seeds = Array.from({ length: SEEDS }, (_, index) => FIRST_SEED + index)
const outcomes: Outcome[] = []
const census = new Census()

t.test('no seed loses, repeats or changes a byte, and everything ends once the faults are over', async t => {
  for (const seed of seeds) {
    t.doesNotThrow(() => outcomes.push(simulate(seed, { census })), `replay it: npm run sim -- --replay ${seed}`)
  }
})

t.test('nor where many sessions exhaust the memory', async t => {
  for (const seed of TIGHT_SEEDS) {
    const replay = `replay it: npm run sim -- --tight --replay ${seed}`
    t.doesNotThrow(() => simulate(seed, { census, isTight: true }), replay)
  }
})

t.test('what was judged was worth judging', async t => {
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0)
  t.ok(sum(({ migrations }) => migrations) > 5 * SEEDS, 'carriers were changed')
  t.ok(sum(({ replayedBytes }) => replayedBytes) > 0, 'bytes were sent again')
  t.ok(sum(({ sessions }) => sessions) > 3 * SEEDS, 'sessions were opened')
  const kinds = new Set(outcomes.flatMap(({ faults }) => faults.map(({ kind }) => kind)))
  t.same([...kinds].sort(), [...KINDS_OF_FAULTS].sort(), 'every kind of fault')
})

t.test('every kind of fault has met something: nothing that a run may show is missing', async t => {
  for (const sight of SIGHTS) t.ok(census.counts.has(sight), sight)
})

t.test('a seed plays the same whether it is watched or not', async t => {
  for (const seed of seeds.slice(0, 5)) t.same(simulate(seed), outcomes[seed - FIRST_SEED], `seed ${seed}`)
})

t.test('a seed gives the same run each time', async t => {
  const trace = (seed: number) => {
    const lines: string[] = []
    const outcome = simulate(seed, { trace: line => lines.push(line) })
    return { lines, outcome }
  }
  for (const seed of seeds.slice(0, 5)) t.same(trace(seed), trace(seed), `seed ${seed}`)
})
