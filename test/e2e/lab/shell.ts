/** Runs a command to its end. */
import { spawn } from 'node:child_process'

export interface ShellOptions {
  /** Written to its standard input, which is closed then. */
  readonly input?: string
  /** Killed after this; default 30,000. */
  readonly deadlineMs?: number
}

/** @returns its standard output. @throws Error with the command line and its standard error when it fails */
export async function run(command: readonly string[], options: ShellOptions = {}): Promise<string> {
  const [program, ...args] = command as [string, ...string[]]
  const child = spawn(program, args, {
    env: childEnvironment(),
    timeout: options.deadlineMs ?? 30_000,
    killSignal: 'SIGKILL',
  })
  const out: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout.on('data', (bytes: Buffer) => out.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes))
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const ended = await new Promise<string | undefined>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `ended with ${signal ?? code}`))
  })
  if (ended === undefined) return Buffer.concat(out).toString()
  throw new Error(
    `${command.join(' ')} ${ended}: ${Buffer.concat([...errors, ...out])
      .toString()
      .trim()}\n${options.input ?? ''}`,
  )
}

/** Like `run`, but a failure is no error: for clearing away what may be gone already. */
export async function tryRun(command: readonly string[], options: ShellOptions = {}): Promise<string> {
  return run(command, options).catch(() => '')
}

/** Without the test runner's hooks, which would load into every Node started here. */
export function childEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...environment } = process.env
  return environment
}
