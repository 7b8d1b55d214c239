/** Files that no compression shortens and no repetition matches. */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { until } from '../../wait.ts'
import { ByteStream } from '../byte-stream.ts'
import { READY_DEADLINE_MS } from './real-program.ts'

const CHUNK_BYTES = 1_000_000
/** A copy counts as under way from here, or from a tenth of it. */
const UNDER_WAY_BYTES = 3_000_000

/** @returns its SHA-256 */
export async function writeRandomFile(path: string, bytes: number, seed: string): Promise<string> {
  const stream = new ByteStream(seed)
  const hash = createHash('sha256')
  const file = await open(path, 'w')
  try {
    for (let written = 0; written < bytes; written += CHUNK_BYTES) {
      const chunk = stream.next(Math.min(CHUNK_BYTES, bytes - written))
      hash.update(chunk)
      await file.write(chunk)
    }
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** A file that somebody writes. */
export class GrowingFile {
  readonly path: string
  readonly #wholeBytes: number
  #unfinishedBytes = 0

  constructor(path: string, wholeBytes: number) {
    this.path = path
    this.#wholeBytes = wholeBytes
  }

  get bytes(): number {
    return existsSync(this.path) ? statSync(this.path).size : 0
  }

  /** Waits until a part of it is there; `mustRun` throws when its writer has given up. */
  async underWay(mustRun: () => void): Promise<void> {
    await until(`the beginning of ${this.path}`, { deadlineMs: READY_DEADLINE_MS }, () => {
      if (this.bytes >= Math.min(UNDER_WAY_BYTES, this.#wholeBytes / 10)) return true
      mustRun()
      return undefined
    })
    this.mustBeUnfinished()
  }

  mustBeUnfinished(): void {
    const bytes = this.bytes
    if (bytes >= this.#wholeBytes) throw new Error(`${this.path} was complete too early: use a larger file`)
    this.#unfinishedBytes = bytes
  }

  /** How far it was when it last had to be unfinished, for a note. */
  get seen(): string {
    const megabytes = [this.#unfinishedBytes, this.#wholeBytes].map(bytes => Math.round(bytes / 1e6))
    return `${megabytes.join(' of ')} MB after the move`
  }
}
