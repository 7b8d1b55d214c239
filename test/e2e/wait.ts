/** Waiting for what can only be asked for, with a deadline. */
import { setTimeout as pause } from 'node:timers/promises'

export interface WaitOptions {
  readonly deadlineMs: number
  /** @default 15 */
  readonly everyMs?: number
}

/** Asks until the answer is not undefined. @throws Error that names `what` and the last answer of `describe` */
export async function until<T>(
  what: string,
  options: WaitOptions,
  ask: () => Promise<T | undefined> | T | undefined,
  describe: () => string = () => '',
): Promise<T> {
  const endMs = performance.now() + options.deadlineMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > endMs) throw new Error(`not within ${options.deadlineMs} ms: ${what}. ${describe()}`)
    await pause(options.everyMs ?? 15)
  }
}

/** Lets traffic run for a while: the time is part of the scenario, nothing is waited for. */
export async function lasting(ms: number): Promise<void> {
  await pause(ms)
}
