/**
 * Runs one target for a while: first its corpus, then changed inputs, of which those that reach new code join the corpus of
 * this run. The same seed makes the same inputs as long as the same ones reach new code; a failure is made smaller and
 * shown as hex, which needs no seed.
 */
import { concatBytes } from '../../src/wire/bytes.ts'
import { Random } from '../support/random.ts'
import { readCorpus } from './corpus.ts'
import type { Coverage } from './coverage.ts'
import { mutated } from './mutate.ts'
import type { Prepared, Target } from './target.ts'

export interface Outcome {
  readonly inputs: number
  readonly corpus: number
  readonly failure: Failure | undefined
}

export interface Failure {
  readonly input: Uint8Array
  readonly error: unknown
}

/** The clock of a busy machine lies now and then, but not so often in a row. */
const SLOW_TRIES = 4
const SHRINK_RUNS_MAX = 400

export async function fuzz(
  target: Target,
  options: { seconds: number; seed: number; coverage: Coverage },
): Promise<Outcome> {
  const { seconds, seed, coverage } = options
  const prepared = await target.prepare()
  const random = new Random(seed)
  const corpus = [...prepared.seeds, ...readCorpus(target.name)]
  let inputs = 0
  try {
    const until = performance.now() + seconds * 1_000
    let batch: readonly Uint8Array[] = corpus.slice()
    for (let isFirst = true; isFirst || performance.now() < until; isFirst = false) {
      for (const input of batch) {
        inputs++
        const error = await attempt(target, prepared, input)
        if (error !== undefined)
          return { inputs, corpus: corpus.length, failure: await shrink(target, prepared, input, error) }
      }
      if (coverage.look(isFirst ? 'keep' : 'forget') > 0 && !isFirst)
        corpus.push(...(await reachers(prepared, batch, coverage)))
      batch = Array.from({ length: target.batch }, () => mutated(corpus, random, target.inputBytesMax))
    }
    return { inputs, corpus: corpus.length, failure: undefined }
  } finally {
    await prepared.close?.()
  }
}

/** @returns what went wrong, or undefined */
export async function attempt(target: Target, prepared: Prepared, input: Uint8Array): Promise<unknown> {
  const limitMs = target.msBase + (target.msPerKib * input.length) / 1_024
  let leastMs = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < SLOW_TRIES && leastMs > limitMs; tries++) {
    const before = performance.now()
    try {
      await prepared.run(input)
    } catch (error) {
      return error
    }
    leastMs = Math.min(leastMs, performance.now() - before)
  }
  if (leastMs <= limitMs) return undefined
  return new Error(`${input.length} bytes took ${leastMs.toFixed(0)} ms, and ${limitMs.toFixed(0)} ms are the most`)
}

/** Those of a batch that reach new code: the halves are run again, and again in halves where they do. */
async function reachers(prepared: Prepared, batch: readonly Uint8Array[], coverage: Coverage): Promise<Uint8Array[]> {
  coverage.look('forget')
  for (const input of batch) await prepared.run(input)
  if (batch.length === 1) return coverage.look('keep') > 0 ? [...batch] : []
  if (coverage.look('forget') === 0) return []
  const half = batch.length >> 1
  const first = await reachers(prepared, batch.slice(0, half), coverage)
  return [...first, ...(await reachers(prepared, batch.slice(half), coverage))]
}

/** Drops pieces, large ones first, as long as the same error comes. */
async function shrink(target: Target, prepared: Prepared, input: Uint8Array, error: unknown): Promise<Failure> {
  let smallest: Failure = { input, error }
  let runs = 0
  for (let bytes = input.length >> 1; bytes > 0; bytes >>= 1) {
    for (let at = 0; at < smallest.input.length && runs < SHRINK_RUNS_MAX; ) {
      const shorter = concatBytes([smallest.input.subarray(0, at), smallest.input.subarray(at + bytes)])
      runs++
      const again = await attempt(target, prepared, shorter)
      if (again !== undefined && kindOf(again) === kindOf(error)) smallest = { input: shorter, error: again }
      else at += bytes
    }
  }
  return smallest
}

/** Numbers in messages change as an input shrinks. */
function kindOf(error: unknown): string {
  return String(error).replace(/[0-9a-f]+/g, '')
}
