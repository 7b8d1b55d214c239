// npm run model: checks the models of test/model/ with spin, one variant after the other, and shows that rules which are wrong
// on purpose are caught. Needs spin and a C compiler (Debian: spin, gcc, libc6-dev).
//     node scripts/model.mjs                    the quick set, about half a minute
//     node scripts/model.mjs --full             all of them
//     node scripts/model.mjs --only WORDS       those whose name has these words in it
//     node scripts/model.mjs --keep DIRECTORY   keeps spin's files there; `spin -t -p FILE` then shows the way to an error
// Exit code 1: a claim does not hold, a wrong rule was not caught, or memory or time did not suffice. 2: a program is missing.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const MEMORY_MIB = 3000
const SECONDS_MAX = { quick: 120, full: 900 }
const DEPTH_MAX = 1_000_000

const of = model => (name, defines) => ({
  name: `${model}: ${name}`,
  model: `${model}.pml`,
  defines: defines.split(' '),
})
const migration = of('migration')
const resumption = of('resumption')
const restart = of('restart')
const VARIANTS = [
  migration('one move each', 'MOVES=1'),
  migration('first contact from both sides', 'FIRST MOVES=0'),
  migration('bytes, one side moves', 'BYTES=1 PLANNED MOVES_1=0 CARRIERS=3 EPOCHS=3'),
  resumption('a network that holds back and repeats', 'ATTEMPTS=3'),
  restart('one restart', 'RESTARTS=1 CUTS=1'),
  wrong(migration('an epoch per side', 'WRONG_EPOCH_PER_SIDE')),
  wrong(migration('an answer that does not name its epoch', 'WRONG_UNNAMED_ANSWER')),
  wrong(migration('a lost tail is not repeated', 'WRONG_TAIL BYTES=1 PLANNED CARRIERS=3')),
  wrong(resumption('a handle is not spent', 'WRONG_UNSPENT')),
  wrong(resumption('a handle is looked up once', 'WRONG_ONE_LOOK')),
  wrong(restart('a process is believed unasked', 'WRONG_BELIEVED')),
  wrong(restart('an answer of long ago counts', 'WRONG_OLD_ANSWER RESTARTS=2 CUTS=0')),
  wrong(restart('carriers of the dead are kept', 'WRONG_KEPT')),
  wrong(restart('sessions of the dead are kept', 'WRONG_REFS')),
  long(migration('one move each, a wrong timer', 'MOVES=1 TIMERS=1')),
  long(migration('first contact, one move each', 'FIRST MOVES=1')),
  long(migration('more bytes, one side moves', 'BYTES=2 BYTES_1=1 PLANNED MOVES_1=0 CARRIERS=3 EPOCHS=3')),
  long(migration('two moves each', 'MOVES=2')),
  long(migration('bytes one way, both sides move', 'BYTES=1 BYTES_1=0 PLANNED CARRIERS=3 EPOCHS=3')),
  long(migration('bytes one way, first contact', 'BYTES=1 BYTES_1=0 FIRST MOVES=0 CARRIERS=3 EPOCHS=3')),
  long(restart('two restarts', 'RESTARTS=2 CUTS=1')),
  long(restart('one restart, two cuts', 'RESTARTS=1 CUTS=2')),
]

const { values } = parseArgs({
  options: { full: { type: 'boolean' }, only: { type: 'string' }, keep: { type: 'string' } },
})
const compiler = ['cc', 'gcc', 'clang'].find(isThere)
if (!isThere('spin') || compiler === undefined) {
  const missing = isThere('spin') ? 'A C compiler' : 'spin'
  console.error(`${missing} is missing. On Debian: apt-get install spin gcc libc6-dev`)
  process.exit(2)
}

const isChosen = ({ name, isLong }) => (values.only === undefined ? values.full || !isLong : name.includes(values.only))
const chosen = VARIANTS.filter(isChosen)
const nameWidth = Math.max(...chosen.map(({ name }) => name.length))
console.log(row(['variant', 'states', 'depth', 'search', 'errors', 'seconds', 'as it should be']))
let failed = chosen.length === 0 ? 1 : 0
for (const variant of chosen) {
  const result = check(variant)
  // A model that is itself wrong, as with an index that is none, has not found anything.
  const isFound = result.errors > 0 && /^assertion violated \(/.test(result.why ?? '')
  const isRight = variant.isWrong ? isFound : result.errors === 0 && result.isComplete
  if (!isRight) failed++
  const verdict = isRight ? (variant.isWrong ? 'yes: found' : 'yes') : `NO: ${result.why ?? 'see the errors'}`
  const { states, depth, errors, seconds, isComplete } = result
  console.log(row([variant.name, states, depth, isComplete ? 'exhaustive' : 'stopped', errors, seconds, verdict]))
}
console.log(`${chosen.length - failed} variants as they should be, ${failed} not`)
process.exitCode = failed === 0 ? 0 : 1

/** Spin must find that it is. */
function wrong(variant) {
  return { ...variant, name: `${variant.name}, WRONG`, isWrong: true }
}

/** Not in the quick set. */
function long(variant) {
  return { ...variant, isLong: true }
}

function isThere(program) {
  return spawnSync(program, ['--version']).error === undefined
}

/** Spin writes a C program, which looks at every state that the variant can reach. */
function check({ model, defines, isLong, name }) {
  const directory = values.keep === undefined ? mkdtempSync(join(tmpdir(), 'holdfast-model-')) : slot(name)
  try {
    cpSync('test/model', directory, { recursive: true })
    run('spin', ['-a', ...defines.map(define => `-D${define}`), model], directory)
    // For a short search, compiling well takes longer than searching.
    const flags = [isLong ? '-O2' : '-O0', '-w', '-DSAFETY', '-DVECTORSZ=4096', `-DMEMLIM=${MEMORY_MIB}`, '-DCOLLAPSE']
    run(compiler, [...flags, '-o', 'pan', 'pan.c'], directory)
    const startedAt = performance.now()
    const { stdout, signal } = spawnSync(join(directory, 'pan'), ['-E', `-m${DEPTH_MAX}`, '-w22'], {
      cwd: directory,
      encoding: 'utf8',
      timeout: SECONDS_MAX[isLong ? 'full' : 'quick'] * 1000,
    })
    return read(stdout, signal === null, Math.round((performance.now() - startedAt) / 100) / 10)
  } finally {
    if (values.keep === undefined) rmSync(directory, { recursive: true })
  }
}

function slot(name) {
  const directory = join(values.keep, name.replaceAll(/\W+/g, '-'))
  mkdirSync(directory, { recursive: true })
  return directory
}

function run(program, args, cwd) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`)
}

/** What the program has printed; a search that was cut short proves nothing. */
function read(output, hasEnded, seconds) {
  const number = pattern => Number(pattern.exec(output)?.[1] ?? Number.NaN)
  const isCut = /Search not completed|max search depth too small|out of memory/.test(output)
  return {
    states: number(/(\d+)(?:\.\d+)?(?:e\+\d+)? states, stored/),
    depth: number(/depth reached (\d+)/),
    errors: number(/errors: (\d+)/),
    seconds,
    isComplete: hasEnded && !isCut,
    why: hasEnded ? /^pan:\d+: (.*)$/m.exec(output)?.[1] : 'time is up',
  }
}

function row([name, ...cells]) {
  const widths = [10, 6, 10, 6, 7]
  return [name.padEnd(nameWidth), ...cells.map((cell, i) => String(cell).padStart(widths[i] ?? 0))].join('  ')
}
