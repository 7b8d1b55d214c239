/** What a process takes from its host, as the kernel counts it. */
import { readdirSync, readFileSync } from 'node:fs'

const EVERY_MS = 25
const CLOCK_TICK_MS = 10
const MIB = 1024 * 1024

export interface Reading {
  readonly residentBytes: number
  readonly cpuMs: number
  readonly descriptors: number
}

export function read(pid: number): Reading {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  // The name, in brackets, may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return {
    residentBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) * 1024,
    cpuMs: (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  }
}

/** Watches one process for the time of an attempt. */
export class Gauge {
  readonly before: Reading
  readonly #pid: number
  readonly #startMs = performance.now()
  readonly #timer: NodeJS.Timeout
  #peakBytes = 0
  #peakDescriptors = 0

  constructor(pid: number) {
    this.#pid = pid
    this.before = read(pid)
    this.#timer = setInterval(() => this.#look(), EVERY_MS)
    this.#look()
  }

  /** @returns the most that was seen, and the work of the whole time */
  stop(): Taken {
    clearInterval(this.#timer)
    const { cpuMs, residentBytes } = this.#look()
    return {
      beforeBytes: this.before.residentBytes,
      peakBytes: this.#peakBytes,
      afterBytes: residentBytes,
      cpuMs: cpuMs - this.before.cpuMs,
      elapsedMs: performance.now() - this.#startMs,
      descriptorsBefore: this.before.descriptors,
      descriptorsPeak: this.#peakDescriptors,
    }
  }

  #look(): Reading {
    const now = read(this.#pid)
    this.#peakBytes = Math.max(this.#peakBytes, now.residentBytes)
    this.#peakDescriptors = Math.max(this.#peakDescriptors, now.descriptors)
    return now
  }
}

export interface Taken {
  readonly beforeBytes: number
  readonly peakBytes: number
  readonly afterBytes: number
  readonly cpuMs: number
  readonly elapsedMs: number
  readonly descriptorsBefore: number
  readonly descriptorsPeak: number
}

export function mebibytes(bytes: number): string {
  return (bytes / MIB).toFixed(0)
}
