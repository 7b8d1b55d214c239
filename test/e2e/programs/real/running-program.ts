/** A program that runs on a host of the lab, and everything it says. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Namespace } from '../../lab/namespace.ts'
import { until } from '../../wait.ts'
import { READY_DEADLINE_MS, WORK_DEADLINE_MS } from './real-program.ts'

const STOP_DEADLINE_MS = 5_000
const TAIL_CHARACTERS = 4_000

export class RunningProgram {
  readonly #command: readonly string[]
  readonly #child: ChildProcessWithoutNullStreams
  readonly #ended: Promise<void>
  #hasEnded = false
  #out = ''
  #errors = ''

  constructor(host: Namespace, command: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.#command = command
    this.#child = host.spawn(command, environment)
    this.#child.stdin.on('error', () => {})
    this.#child.stdout.on('data', (bytes: Buffer) => {
      this.#out += bytes.toString('latin1')
    })
    this.#child.stderr.on('data', (bytes: Buffer) => {
      this.#errors += bytes.toString('latin1')
    })
    this.#ended = new Promise(resolve => {
      const end = () => {
        this.#hasEnded = true
        resolve()
      }
      this.#child.once('close', end)
      this.#child.once('error', error => {
        this.#errors += error.message
        end()
      })
    })
  }

  /** Its standard output until now. */
  get out(): string {
    return this.#out
  }

  /** Its standard error until now: for most servers the log. */
  get errors(): string {
    return this.#errors
  }

  write(text: string): void {
    this.#child.stdin.write(text)
  }

  endInput(): void {
    this.#child.stdin.end()
  }

  /** Waits until its standard output or error says this. @throws Error with what it said instead */
  async said(pattern: RegExp, deadlineMs = READY_DEADLINE_MS): Promise<RegExpExecArray> {
    const ask = () => {
      const found = pattern.exec(this.#out) ?? pattern.exec(this.#errors)
      if (found !== null) return found
      this.mustRun()
      return undefined
    }
    return until(`${this.#command[0]} says ${pattern}`, { deadlineMs }, ask, () => this.#tail)
  }

  /** @throws Error when it has ended */
  mustRun(): void {
    if (this.#hasEnded) throw new Error(`${this.#ending}: ${this.#tail}`)
  }

  /** Waits for its end. @returns its standard output. @throws Error when it ends with another code */
  async ends(code = 0): Promise<string> {
    const isOver = () => (this.#hasEnded ? true : undefined)
    const what = `the end of ${this.#command.join(' ')}`
    await until(what, { deadlineMs: WORK_DEADLINE_MS }, isOver, () => this.#tail)
    if (this.#child.exitCode !== code) throw new Error(`${this.#ending}, not ${code}: ${this.#tail}`)
    return this.#out
  }

  /** Ends it with this signal, and by force when it does not obey. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#child.kill(signal)
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE_MS)
    await this.#ended
    clearTimeout(timer)
  }

  get #ending(): string {
    return `${this.#command.join(' ')} ended with ${this.#child.signalCode ?? this.#child.exitCode}`
  }

  get #tail(): string {
    return `${this.#errors}\n${this.#out}`.slice(-TAIL_CHARACTERS)
  }
}

/** Ends clients before their servers: in the order given, one after the other. */
export async function stopAll(programs: readonly (RunningProgram | undefined)[]): Promise<void> {
  for (const program of programs) await program?.stop()
}
