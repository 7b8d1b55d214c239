/**
 * `npm run e2e`: real sidecars on two hosts, real faults between them, and what the applications noticed of it.
 * Exit code 0: all that was asked for ran and passed; 1: not; 2: it cannot run here, or the command line is wrong.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { sweep } from './lab/namespace.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { whatIsMissing } from './requirements.ts'
import { ResultsFile, stateOfSources } from './results-file.ts'
import { SCENARIOS } from './scenarios/table.ts'
import { selfTest } from './self-test.ts'
import { createIdentity, sweepSidecars } from './sidecar.ts'
import { playAll } from './suite.ts'
import { Turn } from './turn.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
const RESULTS = join(ROOT, 'e2e-results')
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

const print = (line: string) => console.log(line)
const stopped = new AbortController()

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let options: Options
  try {
    options = readOptions(args, SCENARIOS)
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    return 2
  }
  const missing = whatIsMissing(options.scenarios)
  if (missing !== undefined) {
    console.error(missing)
    return 2
  }
  goFirst()
  for (const name of [...(await sweep(isDead)), ...sweepSidecars(isDead)])
    print(`removed what an earlier run left: ${name}`)
  if (options.isSelfTest) return (await selfTest(0, print)) === 0 ? 0 : 1
  const identities = mkdtempSync(join(tmpdir(), `hflab-${process.pid}-0-identities-`))
  for (const [signal, code] of Object.entries(SIGNALS)) process.on(signal, () => void clearAway(code))
  try {
    return await play(options, identities)
  } finally {
    rmSync(identities, { recursive: true, force: true })
  }
}

async function play(options: Options, directory: string): Promise<number> {
  const startMs = performance.now()
  const commit = stateOfSources(ROOT)
  const logDirectory = join(RESULTS, 'logs', commit)
  const file = options.repeat === undefined ? undefined : new ResultsFile(RESULTS, commit)
  const [near, far] = await Promise.all(['near', 'far'].map(side => createIdentity(join(directory, side))))
  if (near === undefined || far === undefined) return 1
  const stage = {
    identities: { near, far },
    turn: new Turn(),
    logDirectory,
    signal: stopped.signal,
  }
  const { ran, expected, failed, earlier } = await playAll(options, file, stage, print)
  const minutes = ((performance.now() - startMs) / 60_000).toFixed(1)
  if (file !== undefined) print(`table: ${file.table} (${earlier} results of earlier runs)`)
  print(`${ran - failed} passed, ${failed} failed of ${expected} expected, in ${minutes} minutes at ${commit}`)
  print(`${ran} scenarios ran, ${expected - ran} skipped`)
  return ran === expected && failed === 0 ? 0 : 1
}

/** What else runs on the machine should not show as a blackout. What is started from here inherits it. */
function goFirst(): void {
  try {
    execFileSync('chrt', ['--rr', '--pid', '1', String(process.pid)], { stdio: 'ignore' })
  } catch {
    // A container may not allow it: then the machine had better be idle.
  }
}

/** What a signal leaves to do. It often comes twice, from a terminal to the group and from a parent to the child. */
async function clearAway(exitCode: number): Promise<void> {
  if (stopped.signal.aborted) return
  stopped.abort()
  const isOurs = (pid: number) => pid === process.pid
  // A lab that was being made makes its last namespace meanwhile.
  while ((await sweep(isOurs)).length > 0);
  sweepSidecars(isOurs)
  process.exit(exitCode)
}

function isDead(pid: number): boolean {
  return !existsSync(`/proc/${pid}`)
}
