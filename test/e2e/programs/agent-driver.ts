/** Starts a traffic agent on a host of the lab and speaks to it. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Namespace } from '../lab/namespace.ts'
import type { AgentAnswer, AgentOrder, FlowPlan, FlowReport } from './agent-protocol.ts'
import type { ProxyPlace } from './proxy-client.ts'

const ANSWER_DEADLINE_MS = 15_000

export class Agent {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #waiting = new Map<string, { resolve: (answer: AgentAnswer) => void; reject: (error: Error) => void }>()
  #tags = 0
  #errors = ''

  constructor(host: Namespace) {
    this.#process = host.spawn([process.execPath, resolve(import.meta.dirname, 'agent.js')])
    this.#process.stdin.on('error', () => {})
    this.#process.stderr.on('data', (bytes: Buffer) => {
      this.#errors += bytes.toString()
    })
    this.#process.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`a traffic agent ended: ${this.#errors}`))
      this.#waiting.clear()
    })
    createInterface({ input: this.#process.stdout }).on('line', line => {
      const answer = JSON.parse(line) as AgentAnswer
      this.#waiting.get(answer.tag)?.resolve(answer)
      this.#waiting.delete(answer.tag)
    })
  }

  /** @returns the port. @throws Error when it cannot be had */
  async listen(host: string, port = 0): Promise<number> {
    const answer = await this.#ask(tag => ({ do: 'listen', tag, host, port }))
    if (answer.event !== 'listening') throw new Error(`no listener on ${host}:${port}: ${JSON.stringify(answer)}`)
    return answer.port
  }

  open(host: string, port: number, plan: FlowPlan, proxy?: ProxyPlace): void {
    this.#tell({ do: 'open', host, port, plan, ...(proxy === undefined ? {} : { proxy }) })
  }

  stop(id: string): void {
    this.#tell({ do: 'stop', id })
  }

  pause(id: string): void {
    this.#tell({ do: 'pause', id })
  }

  resume(id: string): void {
    this.#tell({ do: 'resume', id })
  }

  reset(id: string): void {
    this.#tell({ do: 'reset', id })
  }

  forget(id: string): void {
    this.#tell({ do: 'forget', id })
  }

  /** @returns with the gaps that ended since `gapsFromMs`; null when this side has not seen such a connection */
  async report(id: string, gapsFromMs = Number.MAX_VALUE): Promise<FlowReport | null> {
    const answer = await this.#ask(tag => ({ do: 'report', id, tag, gapsFromMs }))
    return answer.event === 'report' ? answer.report : null
  }

  /** Round trips by TCP connects, in milliseconds, sorted. @throws Error when nobody answers */
  async roundTrips(host: string, port: number, count: number): Promise<readonly number[]> {
    const answer = await this.#ask(tag => ({ do: 'rtt', tag, host, port, count }))
    if (answer.event !== 'rtt') throw new Error(`no round trip to ${host}:${port}: ${JSON.stringify(answer)}`)
    return [...answer.samplesMs].sort((a, b) => a - b)
  }

  end(): void {
    this.#process.kill('SIGKILL')
  }

  #ask(order: (tag: string) => AgentOrder): Promise<AgentAnswer> {
    const tag = String(this.#tags++)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(tag)
        reject(new Error(`a traffic agent did not answer within ${ANSWER_DEADLINE_MS} ms: ${this.#errors}`))
      }, ANSWER_DEADLINE_MS)
      const done = (settle: () => void) => {
        clearTimeout(timer)
        settle()
      }
      this.#waiting.set(tag, {
        resolve: answer => done(() => resolve(answer)),
        reject: error => done(() => reject(error)),
      })
      this.#tell(order(tag))
    })
  }

  #tell(order: AgentOrder): void {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`)
  }
}
