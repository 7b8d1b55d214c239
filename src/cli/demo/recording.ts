/** What happened in one demo, as measured, for pictures: one JSON object. Times are milliseconds since 1970. */
import { writeFileSync } from 'node:fs'
import type { MigrationStatus } from '../../sidecar/status.ts'

export class Recording {
  /** Bytes that arrived at the client, and when. */
  readonly #arrivals: (readonly [at: number, bytes: number])[] = []
  readonly #events: { at: number; title: string }[] = []
  readonly #file: string | undefined

  /** @param file undefined: nothing is recorded */
  constructor(file: string | undefined) {
    this.#file = file
  }

  addArrival(bytes: number): void {
    if (this.#file !== undefined) this.#arrivals.push([now(), bytes])
  }

  addEvent(title: string): void {
    this.#events.push({ at: now(), title })
  }

  write(about: string, migrations: readonly MigrationStatus[]): void {
    if (this.#file === undefined) return
    const record = { about, events: this.#events, migrations, arrivals: this.#arrivals }
    writeFileSync(this.#file, `${JSON.stringify(record)}\n`)
  }
}

function now(): number {
  return performance.timeOrigin + performance.now()
}
