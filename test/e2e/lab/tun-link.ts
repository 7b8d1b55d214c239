/** Starts and steers the process that emulates links between namespaces; see tun-link-process.ts. Needs root. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { LinkOrder, LinkPlan } from './tun-link-process.ts'

export class TunLinks {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #lines: Interface
  #errors = ''

  private constructor(process: ChildProcessWithoutNullStreams) {
    this.#process = process
    this.#lines = createInterface({ input: process.stdout })
    process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    process.stdin.on('error', () => {})
  }

  /** Makes the devices, which are still down and without addresses. @throws Error with what the process said */
  static async start(plans: readonly LinkPlan[]): Promise<TunLinks> {
    const file = resolve(import.meta.dirname, 'tun-link-process.js')
    const { NODE_OPTIONS: _, ...env } = process.env
    const links = new TunLinks(spawn(process.execPath, [file, JSON.stringify(plans)], { env }))
    await links.#said()
    return links
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** A dead link swallows everything in both directions and tells nobody. In force when this has returned. */
  async setDead(link: string, isDead: boolean): Promise<void> {
    const said = this.#said()
    const order: LinkOrder = { link, isDead }
    this.#process.stdin.write(`${JSON.stringify(order)}\n`)
    await said
  }

  /** The devices vanish with the process. Harmless when it has ended. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exited
  }

  /** Waits for the next line. */
  #said(): Promise<void> {
    return new Promise((resolve, reject) => {
      const onLine = () => {
        this.#process.off('exit', onExit)
        resolve()
      }
      const onExit = () => {
        this.#lines.off('line', onLine)
        reject(new Error(`the link process ended: ${this.#errors}`))
      }
      this.#lines.once('line', onLine)
      this.#process.once('exit', onExit)
    })
  }
}
