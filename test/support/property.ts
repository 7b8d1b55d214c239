import fc, { type IAsyncProperty, type IProperty } from 'fast-check'
import type { Test } from 'tap'

/** The same seed gives the same cases; another one is given as HOLDFAST_SEED. */
const SEED = Number(process.env['HOLDFAST_SEED'] ?? 1)

/** Checks a property with many cases. A failure shows the smallest counterexample found, and its seed. */
export async function holds<T>(t: Test, property: IProperty<T> | IAsyncProperty<T>, runs = 200): Promise<void> {
  t.comment(`replay with HOLDFAST_SEED=${SEED}`)
  const result = await fc.check(property, { seed: SEED, numRuns: runs })
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? `${result.numRuns} cases`)
}
