/** The demo as a user breaks it off: whatever ends it, neither a process nor a key may stay behind. */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { canMakeNamespaces } from '../../src/cli/demo/namespace-stage.ts'
import { temporaryDirectory } from '../support/cli.ts'
import { runningCli } from '../support/cli-host.ts'

/** Marks every process of one demo, since those of a parent that died have another one. */
const MARK = 'HOLDFAST_TEST_DEMO'
const ENDINGS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGKILL', 'the reader goes'] as const
const skip = process.platform === 'linux' ? false : 'processes are looked up in /proc'

// Most of the time is spent on starting processes.
t.jobs = 3

for (const mode of ['loopback', 'namespace'] as const) {
  const isPossible = mode === 'loopback' || canMakeNamespaces()
  const why = skip || (isPossible ? false : 'this user cannot make network namespaces')
  for (const ending of ENDINGS) {
    t.test(
      `nothing stays behind a demo in ${mode} mode when it ends by ${ending}`,
      { skip: why, buffered: true },
      async t => {
        const { child, mark, directory } = await running(t, mode)
        const ended = once(child, 'exit')
        if (ending === 'the reader goes') child.stdout!.destroy()
        else child.kill(ending)
        await ended
        while (processesOf(mark).length > 0) await turn()
        t.same(readdirSync(directory), [])
      },
    )
  }
}

/** A demo whose keys are on disk and whose sidecars run. */
async function running(t: Test, mode: string) {
  const directory = temporaryDirectory(t)
  const mark = `${MARK}=${directory}`
  const env = { TMPDIR: directory, [MARK]: directory }
  const cli = runningCli(t, ['demo', '--mode', mode, '--seconds', '10'], { env })
  const { child } = cli
  t.teardown(() => {
    for (const pid of processesOf(mark)) process.kill(pid, 'SIGKILL')
  })
  while (readdirSync(directory, { recursive: true }).filter(name => String(name).endsWith('.sock')).length < 2) {
    if (child.exitCode !== null) throw new Error(`it ended: ${cli.stderr}`)
    await turn()
  }
  t.ok(processesOf(mark).length >= 5, 'the demo, its server, two sidecars and what joins them')
  return { child, mark, directory }
}

function processesOf(mark: string): readonly number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => environmentOf(pid).includes(mark))
    .map(Number)
}

/** '' of a process that has ended or is another user's. */
function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    return ''
  }
}

function turn(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 20))
}
