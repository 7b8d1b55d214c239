/** Runs the compiled command line as a user does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface CliOptions {
  readonly cwd?: string
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  /** How many file descriptors it may have. */
  readonly descriptors?: number
}

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A short path, since unix sockets have short names. The caller's `teardown` removes it. */
export function temporaryDirectory(t: { teardown(fn: () => void): unknown }): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'hf-')))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = spawnCli(args, options)
  const [stdout, stderr] = await Promise.all([textOf(child.stdout!), textOf(child.stderr!), ended(child)])
  return { code: child.exitCode, stdout, stderr }
}

export class RunningCli {
  readonly child: ChildProcess
  readonly #lines: AsyncIterator<string>
  #stderr = ''

  constructor(args: readonly string[], options: CliOptions = {}) {
    this.child = spawnCli(args, options)
    this.#lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]()
    this.child.stderr!.setEncoding('utf8').on('data', text => {
      this.#stderr += text
    })
  }

  get stderr(): string {
    return this.#stderr
  }

  /** The next line of stdout; what it wrote to stderr when there is none. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`it ended: ${this.#stderr}`)
    return value
  }

  /** Until stderr has it. @throws Error with what was said instead, when it ends before */
  async said(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#stderr)) {
      const [text] = await Promise.race([once(this.child.stderr!, 'data'), once(this.child, 'close').then(() => [])])
      if (text === undefined) throw new Error(`it ended without ${pattern}: ${this.#stderr}`)
    }
  }

  /** Whoever reads it goes away. */
  closeOutput(): void {
    this.child.stdout!.destroy()
    this.child.stderr!.destroy()
  }

  /** @returns the exit code */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal)
    await ended(this.child)
    return this.child.exitCode
  }
}

function spawnCli(args: readonly string[], { cwd, input, env = {}, descriptors }: CliOptions): ChildProcess {
  // tap's loader in NODE_OPTIONS is not what users have.
  const { NODE_OPTIONS: _, ...inherited } = process.env
  const command = [process.execPath, MAIN, ...args]
  if (descriptors !== undefined) command.unshift('sh', '-c', `ulimit -n ${descriptors}; exec "$0" "$@"`)
  const child = spawn(command[0]!, command.slice(1), { cwd, env: { ...inherited, ...env } })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return child
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise(resolve => child.once('close', () => resolve()))
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += chunk
  return text
}
