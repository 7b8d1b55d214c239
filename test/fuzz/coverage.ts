/**
 * Which characters of src/ have run at least once, from V8's own counts of blocks. One look costs some 5 to 10 ms, so the
 * runner looks after batches and goes through a batch again, input by input, only when it reached something new.
 */
import { type Profiler, Session } from 'node:inspector'

const SOURCES = '/build/src/'

export class Coverage {
  readonly #session = new Session()
  /** By script: 1 where it has run. */
  readonly #reached = new Map<string, Uint8Array>()

  constructor() {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Characters of code that have run, ever. */
  get reached(): number {
    let sum = 0
    for (const script of this.#reached.values()) for (const one of script) sum += one
    return sum
  }

  /** @returns how many characters ran, since the last look, that had never run before; they are remembered if `keep` says so */
  look(keep: 'keep' | 'forget'): number {
    let scripts: Profiler.ScriptCoverage[] = []
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error === null) scripts = result
    })
    let fresh = 0
    for (const script of scripts.filter(({ url }) => url.includes(SOURCES))) fresh += this.#compare(script, keep)
    return fresh
  }

  close(): void {
    this.#session.disconnect()
  }

  /** Outer ranges come before what is in them, so the last word on a character is the innermost one's. */
  #compare({ url, functions }: Profiler.ScriptCoverage, keep: 'keep' | 'forget'): number {
    const ranges = functions.flatMap(one => one.ranges)
    const end = Math.max(0, ...ranges.map(range => range.endOffset))
    const ran = new Uint8Array(end)
    for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)
    const before = this.#reached.get(url) ?? new Uint8Array(0)
    const merged = new Uint8Array(Math.max(end, before.length))
    merged.set(before)
    let fresh = 0
    ran.forEach((one, at) => {
      if (one === 0 || merged[at] === 1) return
      merged[at] = 1
      fresh++
    })
    if (keep === 'keep') this.#reached.set(url, merged)
    return fresh
  }
}
