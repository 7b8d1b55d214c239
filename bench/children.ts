/**
 * The programs a benchmark runs: each is started here, watched by its output, and ended by its own process ID,
 * the last one first. Nothing is ever ended by name.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { promisify } from 'node:util'

/** Output kept of one child; more is dropped from the front. */
const LOG_CHARS_MAX = 256 * 1024
/** A child that ignores SIGTERM is killed after this. */
const END_MS = 3_000
/** A command run to completion has so long. */
const RUN_MS = 20_000

export interface StartOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** Opens an IPC channel, for children that are this benchmark's own probes. */
  readonly ipc?: boolean
}

export class Child {
  readonly label: string
  readonly process: ChildProcess
  readonly ended: Promise<void>
  /** Standard output and standard error, in order of arrival. */
  log = ''
  #watchers = new Set<() => void>()
  #isEnded = false

  constructor(label: string, process: ChildProcess) {
    this.label = label
    this.process = process
    for (const stream of [process.stdout, process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#take(text))
    }
    this.ended = new Promise(resolve => {
      const done = () => {
        this.#isEnded = true
        for (const watcher of this.#watchers) watcher()
        resolve()
      }
      process.once('exit', done)
      process.once('error', error => {
        this.#take(`${error.message}\n`)
        done()
      })
    })
  }

  get pid(): number {
    return this.process.pid ?? 0
  }

  /**
   * Waits until the output matches.
   * @throws Error with the child's output when it ends first, or after `timeoutMs`.
   */
  matched(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer)
        this.#watchers.delete(look)
        act()
      }
      const fail = (why: string) => settle(() => reject(new Error(`${this.label} ${why}; its output:\n${this.log}`)))
      const look = () => {
        const match = pattern.exec(this.log)
        if (match !== null) settle(() => resolve(match))
        else if (this.#isEnded) fail(`ended before it said ${pattern}`)
      }
      const timer = setTimeout(() => fail(`did not say ${pattern} within ${timeoutMs} ms`), timeoutMs)
      this.#watchers.add(look)
      look()
    })
  }

  /** Ends it by SIGTERM, then by SIGKILL. Harmless when it has ended. */
  async end(): Promise<void> {
    if (this.#isEnded) return
    this.process.kill('SIGTERM')
    const timer = setTimeout(() => this.process.kill('SIGKILL'), END_MS)
    await this.ended
    clearTimeout(timer)
  }

  #take(text: string): void {
    this.log = (this.log + text).slice(-LOG_CHARS_MAX)
    for (const watcher of this.#watchers) watcher()
  }
}

/** All children of one benchmark, and what else must be undone after it. */
export class Children {
  #undo: (() => Promise<void> | void)[] = []

  start(label: string, command: string, args: readonly string[], options: StartOptions = {}): Child {
    const { cwd, env, ipc = false } = options
    const process = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
    })
    const child = new Child(label, process)
    this.defer(() => child.end())
    return child
  }

  /** Registers what `end` does, the latest first. */
  defer(undo: () => Promise<void> | void): void {
    this.#undo.push(undo)
  }

  async end(): Promise<void> {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo()
      } catch (error) {
        console.error(`could not clean up: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}

/**
 * Runs a command to completion.
 * @returns standard output and standard error together
 * @throws Error when it fails or takes longer than 20 s
 */
export async function run(command: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(command, args, { timeout: RUN_MS, maxBuffer: 16 * 1024 * 1024 })
  return `${stdout}${stderr}`
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise<void>(resolve => server.close(() => resolve()))
  if (address === null || typeof address === 'string') throw new Error('the probe for a free port got no address')
  return address.port
}
