/**
 * npm run fuzz -- --target NAME --seconds N [--seed S]   looks for inputs that break one reader; no target: all, in turn
 * npm run fuzz -- --forever                              round after round, each with the next seed, until one breaks
 * npm run fuzz -- --target NAME --replay HEX             runs one input, as a failure shows it
 * npm run fuzz -- --write-valid                          writes the valid inputs of the encoders to the corpus
 */
import { parseArgs } from 'node:util'
import { toHex } from '../../src/wire/bytes.ts'
import { fromHex, writeCorpus } from './corpus.ts'
import { Coverage } from './coverage.ts'
import { attempt, type Failure, fuzz } from './runner.ts'
import type { Target } from './target.ts'
import { TARGETS } from './targets.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    forever: { type: 'boolean', default: false },
    replay: { type: 'string' },
    'write-valid': { type: 'boolean', default: false },
  },
})
const chosen = TARGETS.filter(({ name }) => values.target === undefined || name === values.target)

/** What a reader throws later, out of anybody's reach, fails the input that runs then. */
const strays: unknown[] = []
process.on('uncaughtException', error => strays.push(error))

if (chosen.length === 0)
  fail(`there is no target ${values.target}; there are ${TARGETS.map(one => one.name).join(', ')}`)
else if (values['write-valid']) await writeValid()
else if (values.replay !== undefined) await replay(chosen[0]!, fromHex(values.replay))
else await fuzzRounds(Number(values.seconds), Number(values.seed))
// Listeners and handshakes of the last inputs may still be at work.
process.exit()

async function fuzzRounds(seconds: number, firstSeed: number): Promise<void> {
  for (let seed = firstSeed; process.exitCode === undefined; seed++) {
    await fuzzAll(seconds, seed)
    if (!values.forever) return
  }
}

async function fuzzAll(seconds: number, seed: number): Promise<void> {
  const coverage = new Coverage()
  for (const target of chosen) {
    const { inputs, corpus, failure } = await fuzz(guarded(target), { seconds, seed, coverage })
    console.log(`${target.name}: ${inputs} inputs, ${corpus} kept, seed ${seed}`)
    if (failure !== undefined) report(target, failure, seed)
  }
  console.log(`${coverage.reached} characters of src/ reached`)
}

function report(target: Target, { input, error }: Failure, seed: number): void {
  const hex = toHex(input)
  const path = writeCorpus(target.name, 'broke', input)
  fail(`${target.name} failed at seed ${seed}: ${(error as Error).stack ?? error}
  input (${input.length} bytes, also in ${path}): ${hex}
  replay it: npm run fuzz -- --target ${target.name} --replay ${hex}`)
}

async function replay(target: Target, input: Uint8Array): Promise<void> {
  const error = await attempt(target, await guarded(target).prepare(), input)
  if (error === undefined) console.log(`${target.name}: as it should be`)
  else report(target, { input, error }, 0)
}

async function writeValid(): Promise<void> {
  for (const target of chosen) {
    const { seeds, close } = await target.prepare()
    for (const seed of seeds) writeCorpus(target.name, 'valid', seed)
    await close?.()
  }
}

function guarded(target: Target): Target {
  const prepare = async () => {
    const prepared = await target.prepare()
    const run = async (input: Uint8Array) => {
      await prepared.run(input)
      const [stray] = strays.splice(0)
      if (stray !== undefined) throw stray
    }
    return { ...prepared, run }
  }
  return { ...target, prepare }
}

function fail(message: string): void {
  console.error(message)
  process.exitCode = 1
}
