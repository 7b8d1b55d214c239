/** The parent's end of a process that opens or answers connections; see open-process.ts. */
import { resolve } from 'node:path'
import { nextAnswer } from './answer.ts'
import type { Child, Children } from './children.ts'
import type { Entry, OpenAnswer, OpenQuestion } from './open-process.ts'
import { ROOT } from './results.ts'

/** For one question: the slowest peer, with some to spare. */
const ANSWER_MS = 120_000

export type Opened = Extract<OpenAnswer, { tell: 'opened' }>

export class Opener {
  readonly #child: Child

  /** Starts it with `prefix`, such as `ip netns exec NAME`. */
  constructor(children: Children, prefix: readonly string[] = []) {
    const [command, ...args] = [...prefix, process.execPath, resolve(ROOT, 'build/bench/open-process.js')]
    this.#child = children.start('opener', command as string, args, { ipc: true })
  }

  /** Sends back what connections bring, from now on. @returns its port */
  async serve(host: string): Promise<number> {
    return (await this.#ask({ ask: 'serve', host }, 'serving')).port
  }

  /** Makes `count` exchanges, `parallel` at a time. @throws Error when one fails */
  open(entry: Entry, count: number, parallel: number): Promise<Opened> {
    return this.#ask({ ask: 'open', entry, count, parallel }, 'opened')
  }

  #ask<T extends OpenAnswer['tell']>(question: OpenQuestion, wanted: T): Promise<Extract<OpenAnswer, { tell: T }>> {
    const answer = nextAnswer<OpenAnswer, T>(this.#child, wanted, ANSWER_MS)
    this.#child.process.send(question)
    return answer
  }
}
