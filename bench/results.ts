/**
 * What the benchmarks measured, as kept in bench/results/NAME.json: the raw samples with the machine and the commit.
 * The tables, on the terminal and in docs/benchmarks.md, are made from these and nothing else.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { run } from './children.ts'

export interface Machine {
  readonly commit: string
  /** ISO 8601, of the start. */
  readonly at: string
  readonly cores: number
  readonly processor: string
  readonly memoryGib: number
  readonly kernel: string
  readonly node: string
}

export type Direction = 'upload' | 'download'

export interface ThroughputSample {
  readonly round: number
  readonly direction: Direction
  readonly bytes: number
  readonly gbitPerSecond: number
  /** CPU seconds of each side's proxy for the whole transfer. */
  readonly nearCpuSeconds: number
  readonly farCpuSeconds: number
}

export interface ThroughputPeer {
  readonly name: string
  readonly version: string
  /** As the peer itself reported it after a connection; `none` for plain ones. */
  readonly cipher: string
  readonly isEncrypted: boolean
  readonly settings: string
  readonly samples: readonly ThroughputSample[]
}

export interface ThroughputResult {
  readonly machine: Machine
  readonly generator: string
  readonly bytes: number
  readonly rounds: number
  readonly peers: readonly ThroughputPeer[]
}

/** One event: the longest gap, in each direction, around it. */
export interface BlackoutSample {
  readonly uploadMs: number
  readonly downloadMs: number
}

export interface BlackoutArm {
  readonly subject: string
  readonly event: string
  /** Round trip of a plain TCP connect on the path, median. */
  readonly roundTripMs: number
  readonly samples: readonly BlackoutSample[]
  /** Events after which an outside proof of the fault was missing; they are not in the samples. */
  readonly unproved: number
}

export interface BlackoutResult {
  readonly machine: Machine
  readonly link: string
  readonly versions: readonly string[]
  readonly tickMs: number
  readonly arms: readonly BlackoutArm[]
}

export interface MemorySide {
  readonly side: 'near' | 'far'
  /** With no session, after a first one was opened and closed. */
  readonly restKib: number
  /** Percent of one core. */
  readonly restCpuPercent: number
  readonly idleSessionsCpuPercent: number
  readonly points: readonly { readonly sessions: number; readonly residentKib: number }[]
}

export interface MemorySubject {
  readonly name: string
  readonly version: string
  readonly sides: readonly MemorySide[]
}

export interface MemoryResult {
  readonly machine: Machine
  readonly restSeconds: number
  readonly subjects: readonly MemorySubject[]
}

/** One round of openings, through one way in. */
export interface OpenSample {
  readonly round: number
  /** With many in parallel. */
  readonly perSecond: number
  /** CPU milliseconds of each side's proxy for each of those connections. */
  readonly nearCpuMs: number
  readonly farCpuMs: number
  /** One at a time: from the connect to the first byte of the answer. */
  readonly firstByteMs: readonly number[]
}

export interface OpenRow {
  readonly name: string
  readonly version: string
  readonly cipher: string
  readonly settings: string
  readonly samples: readonly OpenSample[]
}

export interface DelayedRow {
  readonly name: string
  readonly version: string
  readonly cipher: string
  readonly firstByteMs: readonly number[]
}

/** The median time of a connect to what is not captured, of each round. */
export interface RulesArm {
  readonly name: string
  readonly connectMs: readonly number[]
}

/** What needs root is empty when it was run without. */
export interface ConnectResult {
  readonly machine: Machine
  readonly rounds: number
  readonly connections: number
  readonly parallel: number
  readonly loopback: readonly OpenRow[]
  readonly transparent: readonly OpenRow[]
  readonly link: string
  readonly delayed: readonly DelayedRow[]
  readonly rules: readonly RulesArm[]
}

export interface Results {
  readonly throughput: ThroughputResult
  readonly blackout: BlackoutResult
  readonly memory: MemoryResult
  readonly connect: ConnectResult
}

/** The root of the repository, seen from build/bench/. */
export const ROOT = resolve(import.meta.dirname, '../..')

export async function describeMachine(): Promise<Machine> {
  return {
    commit: await commit(),
    at: new Date().toISOString(),
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  }
}

/** @returns the path written, relative to the root */
export function saveResult<K extends keyof Results>(name: K, result: Results[K]): string {
  const path = `bench/results/${name}.json`
  mkdirSync(resolve(ROOT, 'bench/results'), { recursive: true })
  writeFileSync(resolve(ROOT, path), `${JSON.stringify(result, null, 1)}\n`)
  return path
}

/** @returns undefined when this benchmark was not run yet */
export function loadResult<K extends keyof Results>(name: K): Results[K] | undefined {
  try {
    return JSON.parse(readFileSync(resolve(ROOT, `bench/results/${name}.json`), 'utf8')) as Results[K]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The commit measured; `+changes` when what is built differs from it. */
async function commit(): Promise<string> {
  try {
    const hash = (await run('git', '-C', ROOT, 'rev-parse', '--short=12', 'HEAD')).trim()
    const changes = await run('git', '-C', ROOT, 'status', '--porcelain', '--', 'src', 'proto', 'package-lock.json')
    return changes.trim() === '' ? hash : `${hash}+changes`
  } catch {
    return 'none'
  }
}
