/** What happened in one demo, as measured at its client. Times are milliseconds since 1970. */
import { closeSync, existsSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { OperatorError } from '../../base/errors.ts'
import type { MigrationStatus } from '../../sidecar/status.ts'

/** A silence that begins so long after an event is not of it. */
const NEAR_MS = 250

interface RecordedEvent {
  readonly at: number
  readonly title: string
  /** The longest time without a byte that began with it: all of a migration that an application can notice. */
  silenceMs: number
}

export class Recording {
  readonly events: RecordedEvent[] = []
  /** Bytes that arrived at the client, and when; kept for a file only. */
  readonly #arrivals: (readonly [at: number, bytes: number])[] = []
  readonly #file: string | undefined
  #lastAt = now()

  /**
   * @param file undefined: nothing is written
   * @throws OperatorError USAGE when it cannot be written: known now, and not after the whole show
   */
  constructor(file: string | undefined) {
    this.#file = file
    if (file !== undefined) tryToWrite(file)
  }

  addArrival(bytes: number): void {
    const at = now()
    if (this.#file !== undefined) this.#arrivals.push([at, bytes])
    const event = this.events.at(-1)
    if (event !== undefined && this.#lastAt < event.at + NEAR_MS) {
      event.silenceMs = Math.max(event.silenceMs, at - this.#lastAt)
    }
    this.#lastAt = at
  }

  addEvent(title: string): void {
    this.events.push({ at: now(), title, silenceMs: 0 })
  }

  /** One JSON object, for pictures. */
  write(about: string, migrations: readonly MigrationStatus[]): void {
    if (this.#file === undefined) return
    const record = { about, events: this.events, migrations, arrivals: this.#arrivals }
    writeFileSync(this.#file, `${JSON.stringify(record)}\n`)
  }
}

function tryToWrite(file: string): void {
  const isThere = existsSync(file)
  try {
    closeSync(openSync(file, 'a'))
  } catch (cause) {
    throw new OperatorError('USAGE', `--record ${file} cannot be written: ${(cause as Error).message}`, { cause })
  }
  if (!isThere) rmSync(file)
}

function now(): number {
  return performance.timeOrigin + performance.now()
}
