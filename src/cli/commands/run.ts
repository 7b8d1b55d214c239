import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import type { SocketOptions } from '../find-socket.ts'
import { findProxy, proxyEnvironment } from '../proxy-settings.ts'

/** Passed on. A terminal sends some of them to the command itself, too, and twice would be once too often. */
const SIGNALS = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'] as const
const OF_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH'])

/** As shells have it. */
const NOT_FOUND = 127
const CANNOT_BE_RUN = 126

/** Runs a command that finds the proxy in its environment, and ends as it does: its code, or 128 and its signal. */
export async function run([program = '', ...args]: readonly string[], options: SocketOptions): Promise<void> {
  const env = { ...process.env, ...proxyEnvironment(await findProxy(options), process.env) }
  // Also where its input is a file, or its output a pipe.
  const hasTerminal = [0, 1, 2].some(fd => isatty(fd))
  let child: ChildProcess | undefined
  // Before there is a command: it may run, and be seen, before spawn() has returned.
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (!(hasTerminal && OF_TERMINAL.has(signal))) child?.kill(signal)
    })
  }
  process.exitCode = await new Promise<number>(resolve => {
    const fail = (error: NodeJS.ErrnoException) => {
      // It runs, and this user may not send it a signal, as with sudo.
      if (child?.pid !== undefined) return
      process.stderr.write(`holdfast: cannot run ${program || "''"}: ${error.message} (USAGE)\n`)
      resolve(error.code === 'ENOENT' ? NOT_FOUND : CANNOT_BE_RUN)
    }
    try {
      child = spawn(program, args, { env, stdio: 'inherit' })
    } catch (error) {
      return fail(error as NodeJS.ErrnoException)
    }
    child.on('error', fail)
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]))
  })
}
