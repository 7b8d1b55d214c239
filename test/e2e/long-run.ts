/** What `migrations`, `soak` and `faults` have in common: what they need, what they leave, and how they are interrupted. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { sweep } from './lab/namespace.ts'
import { whatIsMissing } from './requirements.ts'
import { stateOfSources } from './results-file.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { createIdentity, type Identity, sweepSidecars } from './sidecar.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface LongRun {
  readonly args: readonly string[]
  /** Where results are kept: e2e-results/NAME. */
  readonly directory: string
  readonly commit: string
  readonly identities: readonly [Identity, Identity]
  /** Aborted by an interrupt: what runs is ended, and what was finished is kept. */
  readonly signal: AbortSignal
  print(line: string): void
  /** Writes a results file and says where. */
  keep(name: string, text: string): void
  readonly machine: string
}

/**
 * @param begin reads the command line and returns what runs then, with true when all of it passed
 * @param scenarios what it may play, for the programs that they need
 * @returns the exit code
 */
export async function longRun(
  name: string,
  usage: string,
  begin: (run: LongRun) => Promise<() => Promise<boolean>>,
  scenarios: readonly Scenario[] = [],
): Promise<number> {
  const missing = whatIsMissing(scenarios)
  if (missing !== undefined) {
    console.error(missing)
    return 2
  }
  const print = (line: string) => console.log(line)
  for (const left of [...(await sweep(isDead)), ...sweepSidecars(isDead)])
    print(`removed what an earlier run left: ${left}`)
  const stopped = new AbortController()
  for (const signal of SIGNALS) process.on(signal, () => stopped.abort())
  const directory = join(ROOT, 'e2e-results', name)
  mkdirSync(directory, { recursive: true })
  const keys = mkdtempSync(join(tmpdir(), `relab-${process.pid}-0-identities-`))
  try {
    const [one, other] = await Promise.all(['one', 'other'].map(side => createIdentity(join(keys, side))))
    const run: LongRun = {
      args: process.argv.slice(2),
      directory,
      commit: stateOfSources(ROOT),
      identities: [one as Identity, other as Identity],
      signal: stopped.signal,
      print,
      keep: (file, text) => {
        writeFileSync(join(directory, file), text)
        print(`kept: ${join('e2e-results', name, file)}`)
      },
      machine: machine(),
    }
    let play: () => Promise<boolean>
    try {
      play = await begin(run)
    } catch (error) {
      console.error(`${(error as Error).message}\n${usage}`)
      return 2
    }
    const passed = await play()
    if (stopped.signal.aborted) print('interrupted; what was finished is kept')
    return passed && !stopped.signal.aborted ? 0 : 1
  } finally {
    const isOurs = (pid: number) => pid === process.pid
    await sweep(isOurs)
    sweepSidecars(isOurs)
    rmSync(keys, { recursive: true, force: true })
  }
}

function machine(): string {
  const gib = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} cores, ${gib} GiB, Linux ${release()}, Node ${process.versions.node}`
}

function isDead(pid: number): boolean {
  return !existsSync(`/proc/${pid}`)
}
