/** A real sidecar on a host of the lab, driven as an operator would: by its command line, its file and its socket. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ConfigInput } from '../../src/config/schema.ts'
import type { MigrateResult } from '../../src/sidecar/sidecar-api.ts'
import type { StatusReport } from '../../src/sidecar/status.ts'
import { FalseClocks, type Jump } from './lab/false-clocks.ts'
import type { Namespace } from './lab/namespace.ts'
import { stateOf } from './lab/process.ts'
import { run } from './lab/shell.ts'
import { until } from './wait.ts'

const CLI = resolve(import.meta.dirname, '../../src/cli/main.js')
const READY_DEADLINE_MS = 10_000
const EXIT_DEADLINE_MS = 10_000
const STOP_DEADLINE_MS = 1_000
const STATUS_DEADLINE_MS = 5_000
/** Named for their namespaces, and those for the process they belong to. */
const DIRECTORY = /^(?:hflab|relab)-(\d+)-\d+-/

/** A key made by `holdfast init`. */
export interface Identity {
  readonly file: string
  readonly peerId: string
}

/** @throws Error with what the command said */
export async function createIdentity(directory: string): Promise<Identity> {
  const peerId = (await run([process.execPath, CLI, 'init', '--dir', directory])).trim()
  return { file: join(directory, 'identity.pem'), peerId }
}

/** Removes the directories of the runs of these processes. @returns their names */
export function sweepSidecars(isMeant: (pid: number) => boolean): readonly string[] {
  const names = readdirSync(tmpdir()).filter(name => {
    const owner = DIRECTORY.exec(name)?.[1]
    return owner !== undefined && isMeant(Number(owner))
  })
  for (const name of names) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  return names
}

export class Sidecar {
  readonly #host: Namespace
  readonly #directory: string
  readonly #clocks: FalseClocks | undefined
  #process: ChildProcessWithoutNullStreams | undefined

  /** The configuration's paths (identity, socket) are given here. @param jump what its clocks can do, if not the kernel's */
  constructor(host: Namespace, identity: Identity, config: ConfigInput, jump?: Jump) {
    this.#host = host
    this.#directory = mkdtempSync(join(tmpdir(), `${host.name}-`))
    this.#clocks = jump && new FalseClocks(this.#directory, jump)
    mkdirSync(this.#directory, { recursive: true })
    const key = join(this.#directory, 'identity.pem')
    copyFileSync(identity.file, key)
    // JSON is YAML.
    const whole = { ...config, identity: key, admin: { socket: 'holdfast.sock' } }
    writeFileSync(this.#file('holdfast.yaml'), JSON.stringify(whole, null, 2))
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  /** The end of its log, for a failure. */
  get logTail(): string {
    return readFileSync(this.#file('log'), 'utf8').split('\n').slice(-40).join('\n')
  }

  /** Returns when it says it is ready. Its log may go elsewhere. @throws Error with its log when it is not in time */
  async start(logTo?: string): Promise<void> {
    const command = [process.execPath, CLI, 'up', '--config', this.#file('holdfast.yaml'), '--log-level', 'debug']
    const redirect = logTo === undefined ? [] : ['sh', '-c', `exec "$@" 2>>${logTo}`, 'sh']
    const whole = [...redirect, ...command]
    const child = this.#host.spawn(this.#clocks?.wrap(whole) ?? whole)
    this.#process = child
    appendFileSync(this.#file('log'), `--- started as process ${child.pid}\n`)
    const keep = (bytes: Buffer) => appendFileSync(this.#file('log'), bytes)
    child.stdin.on('error', () => {})
    child.stderr.on('data', keep)
    let printed = ''
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`the sidecar in ${this.#host.name} ${why}:\n${this.logTail}`))
      const timer = setTimeout(() => fail('is not ready in time'), READY_DEADLINE_MS)
      child.once('exit', code => {
        clearTimeout(timer)
        this.#clocks?.sweep(this.pid)
        fail(`ended with ${code}`)
      })
      child.stdout.on('data', (bytes: Buffer) => {
        keep(bytes)
        printed += bytes.toString()
        if (!/^ready/m.test(printed)) return
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** The last match in the log of all its processes. */
  lastSaid(pattern: RegExp): RegExpExecArray | undefined {
    return [...readFileSync(this.#file('log'), 'utf8').matchAll(pattern)].at(-1)
  }

  /** What `holdfast status` would show. @throws Error when it does not answer */
  async status(): Promise<StatusReport> {
    return JSON.parse((await this.#ask('GET', '/v1/status')).text) as StatusReport
  }

  /** What it takes for the time, in milliseconds since 1970 and to the second. @throws Error when it does not answer */
  async wallMs(): Promise<number> {
    return Date.parse((await this.#ask('GET', '/v1/status')).date)
  }

  /** Its clocks jump, forwards or back: seen a second later at the latest. */
  async jumpClocks(ms: number): Promise<void> {
    await this.#clocks!.jump(this.pid, ms)
  }

  /** What `holdfast migrate` does. @throws Error when it does not answer */
  async migrate(): Promise<readonly MigrateResult[]> {
    return JSON.parse((await this.#ask('POST', '/v1/migrate', '{}')).text) as MigrateResult[]
  }

  /** Each time series of its metrics, as `name{labels}`. @throws Error when it does not answer */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const lines = (await this.#ask('GET', '/metrics')).text.matchAll(/^(\w+(?:\{.*\})?) (\S+)$/gm)
    return new Map([...lines].map(([, series, value]) => [series ?? '', Number(value)]))
  }

  /** Stops it, so that it does nothing until it is continued. @throws Error when the kernel does not show it stopped */
  async pause(): Promise<void> {
    process.kill(this.pid, 'SIGSTOP')
    const isStopped = () => (stateOf(this.pid) === 'T' ? true : undefined)
    await until(`process ${this.pid} stopped`, { deadlineMs: STOP_DEADLINE_MS, everyMs: 1 }, isStopped)
  }

  /** Harmless when it runs. */
  resume(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  /** Ends it without a chance to say anything. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Ends it as an operator would. @returns its exit code */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM')
  }

  /** Copies its log, of all its processes. */
  keepLog(file: string): void {
    copyFileSync(this.#file('log'), file)
  }

  /** Kills it and removes its files. */
  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #ask(method: 'GET' | 'POST', path: string, body = ''): Promise<{ readonly text: string; readonly date: string }> {
    return new Promise((resolve, reject) => {
      const options = { socketPath: this.#file('holdfast.sock'), method, path, timeout: STATUS_DEADLINE_MS }
      const asked = request(options, response => {
        const parts: Buffer[] = []
        response.on('data', (bytes: Buffer) => parts.push(bytes))
        response.on('end', () => {
          const text = Buffer.concat(parts).toString()
          if (response.statusCode === 200) resolve({ text, date: response.headers.date ?? '' })
          else reject(new Error(`${path} answered ${response.statusCode}: ${text}`))
        })
      })
      asked.on('timeout', () => asked.destroy(new Error(`${path} does not answer`)))
      asked.on('error', reject)
      asked.end(body)
    })
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    return new Promise(resolve => {
      const timer = setTimeout(() => child.kill('SIGKILL'), EXIT_DEADLINE_MS)
      child.once('exit', code => {
        clearTimeout(timer)
        resolve(code)
      })
      child.kill(signal)
    })
  }

  #file(name: string): string {
    return join(this.#directory, name)
  }
}
