import { constants } from 'node:os'

/** Those that end a process and can be caught. */
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const

/** @param end gets the exit code that a shell would show for the signal */
export function onSignal(end: (exitCode: number) => void): void {
  for (const name of SIGNALS) process.on(name, () => end(128 + constants.signals[name]))
}
