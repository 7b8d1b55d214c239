import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { SocketOptions } from '../find-socket.ts'
import { findProxy, proxyEnvironment } from '../proxy-settings.ts'

/** Passed on. A terminal sends the first two to the command itself, too, and twice would be once too often. */
const SIGNALS = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'] as const
const OF_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH'])

/** As shells have it. */
const CANNOT_BE_RUN: Readonly<Record<string, number>> = { ENOENT: 127, EACCES: 126 }

/** Runs a command that finds the proxy in its environment, and ends as it does: its code, or 128 and its signal. */
export async function run([program, ...args]: readonly string[], options: SocketOptions): Promise<void> {
  const env = { ...process.env, ...proxyEnvironment(await findProxy(options)) }
  // Before there is a command: it may run, and be seen, before spawn() has returned.
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (!(process.stdin.isTTY && OF_TERMINAL.has(signal))) child.kill(signal)
    })
  }
  const child = spawn(program!, args, { env, stdio: 'inherit' })
  process.exitCode = await new Promise<number>(resolve => {
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]))
    child.once('error', (error: NodeJS.ErrnoException) => {
      process.stderr.write(`holdfast: cannot run ${program}: ${error.message} (USAGE)\n`)
      resolve(CANNOT_BE_RUN[String(error.code)] ?? 1)
    })
  })
}
