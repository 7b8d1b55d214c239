/**
 * Transactions of nftables that are applied beside the event loop. To make a process takes the event loop many milliseconds, at
 * the worst moment: so processes of `nft` are made when nothing happens, and wait for the script on their standard input.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { LIMITS } from '../base/limits.ts'
import { environment, ProgramError, reason } from './program.ts'

export class Transactions {
  readonly #spares = new Set<Nft>()
  #isClosed = false
  #timer: NodeJS.Timeout | undefined

  /** Makes what is missing of the processes that wait. */
  prepare(): void {
    try {
      while (!this.#isClosed && this.#spares.size < LIMITS.nftSparesMax) {
        const spare = new Nft()
        this.#spares.add(spare)
        void spare.ended.catch(() => {}).then(() => this.#spares.delete(spare))
      }
    } catch {
      // There is no memory for one. It is made when it is needed, and then this is told.
    }
  }

  /** @throws ProgramError, later */
  async apply(script: string): Promise<void> {
    const [spare] = this.#spares
    const nft = spare ?? new Nft()
    this.#spares.delete(nft)
    try {
      await nft.apply(script)
    } finally {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.prepare(), LIMITS.nftSpareDelayMs).unref()
    }
  }

  /** Those that wait end. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const spare of this.#spares) spare.leave()
  }
}

/** One process, for one transaction. While it waits, it keeps nothing alive, and it ends when this process does. */
class Nft {
  readonly ended: Promise<void>
  readonly #child: ChildProcess

  constructor() {
    // Without file descriptors it has no pipes, and an error follows.
    const child: ChildProcess = spawn('nft', ['-f', '-'], { env: environment() })
    this.#child = child
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', text => {
      if (stderr.length < LIMITS.nftMessageCharsMax) stderr += text
    })
    child.stdout?.resume()
    // It may end before it has read all; how it ended is told below.
    child.stdin?.on('error', () => {})
    this.ended = new Promise((resolve, reject) => {
      const fail = (error: Error | undefined) => reject(new ProgramError(reason('nft', error, stderr)))
      child.once('error', fail)
      child.once('close', (status, signal) => {
        if (status === 0) return resolve()
        fail(signal === null ? undefined : new Error(`it was ended by ${signal}`))
      })
    })
    // It may fail when nobody asks.
    this.ended.catch(() => {})
    for (const part of [child, ...this.#pipes]) part.unref()
  }

  async apply(script: string): Promise<void> {
    for (const part of [this.#child, ...this.#pipes]) part.ref()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), LIMITS.firewallMs)
    this.#child.stdin?.end(script)
    await this.ended.finally(() => clearTimeout(timer))
  }

  leave(): void {
    this.#child.stdin?.end()
  }

  /** Node's pipes are sockets. */
  get #pipes(): readonly Socket[] {
    const { stdin, stdout, stderr } = this.#child
    return [stdin, stdout, stderr].filter(pipe => pipe instanceof Socket)
  }
}
