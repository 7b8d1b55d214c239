/** The parent's end of a tick probe that runs in a network namespace. */
import { resolve } from 'node:path'
import { nextAnswer } from './answer.ts'
import type { Child, Children } from './children.ts'
import { ROOT } from './results.ts'
import type { ProbeAnswer, ProbeQuestion } from './tick-probe.ts'

const ANSWER_MS = 10_000

export interface ProbePlan {
  readonly role: 'listen' | 'connect'
  readonly host: string
  /** 0 to let the listener choose. */
  readonly port: number
  readonly kind: 'tcp' | 'mptcp'
  readonly tickMs: number
}

export class Probe {
  readonly child: Child
  #port = 0
  #reachPort = 0

  private constructor(child: Child) {
    this.child = child
  }

  /** Starts it with `prefix` (such as `ip netns exec NAME`) and waits until it listens or is connected. */
  static async start(children: Children, prefix: readonly string[], plan: ProbePlan): Promise<Probe> {
    const file = resolve(ROOT, 'build/bench/tick-probe.js')
    const own = [plan.role, plan.host, String(plan.port), plan.kind, String(plan.tickMs)]
    const [command, ...args] = [...prefix, process.execPath, file, ...own]
    const probe = new Probe(children.start(`${plan.kind} probe, ${plan.role}`, command as string, args, { ipc: true }))
    const ready = await probe.#answer('ready')
    probe.#port = ready.port
    probe.#reachPort = ready.reachPort
    return probe
  }

  /** The port of the tick stream. */
  get port(): number {
    return this.#port
  }

  /** A port that accepts and nothing else; only where `role` is `listen`. */
  get reachPort(): number {
    return this.#reachPort
  }

  async gapSince(sinceMs: number): Promise<Extract<ProbeAnswer, { tell: 'gap' }>> {
    this.#ask({ ask: 'gap', sinceMs })
    return this.#answer('gap')
  }

  /** Milliseconds of one TCP connect from the probe's namespace. */
  async roundTripMs(host: string, port: number): Promise<number> {
    this.#ask({ ask: 'round-trip', host, port })
    return (await this.#answer('round-trip')).ms
  }

  #ask(question: ProbeQuestion): void {
    this.child.process.send(question)
  }

  #answer<T extends ProbeAnswer['tell']>(wanted: T): Promise<Extract<ProbeAnswer, { tell: T }>> {
    return nextAnswer<ProbeAnswer, T>(this.child, wanted, ANSWER_MS)
  }
}
