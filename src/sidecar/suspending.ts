/**
 * Lost carriers whose packets the kernel drops until another has taken over (`firewall.suspend`).
 *
 * What should be dropped is noted at once; one transaction at a time brings the kernel to it, beside the event loop. So a
 * migration never waits for `nft`, and one that is over before `nft` has begun costs nothing. A kernel that does not follow
 * costs one line in the log.
 */
import { setImmediate } from 'node:timers/promises'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import type { Config } from '../config/config.ts'
import { runProgram } from '../firewall/program.ts'
import { elementOf, SUSPENSION_REMOVAL, suspensionChange, suspensionTable, type Tuple } from '../firewall/suspension.ts'
import { Transactions } from '../firewall/transactions.ts'
import { isLinux } from '../platform/system.ts'
import { OwnRules } from './own-rules.ts'
import type { Log } from './sidecar-api.ts'
import type { TotalsCounter } from './totals.ts'

export interface SuspendingOptions {
  readonly log: Log
  readonly totals: Pick<TotalsCounter, 'suspensions'>
  /** Carries out one transaction. */
  readonly apply: (script: string) => Promise<void>
  /** Nothing more will be applied, and the table goes. */
  readonly close: () => void
}

export class Suspending {
  readonly #options: SuspendingOptions
  /** By who lost the carrier. */
  readonly #wanted = new Map<object, Tuple>()
  /** What the kernel was told last; it may have ended by itself. */
  #applied: ReadonlySet<Tuple> = new Set()
  #settled: Promise<void> = Promise.resolve()
  #isSettling = false
  #hasFailed = false

  constructor(options: SuspendingOptions) {
    this.#options = options
  }

  /**
   * @returns undefined when the configuration has no suspension
   * @throws OperatorError SUSPENSION_UNAVAILABLE
   */
  static start({ firewall }: Config, log: Log, totals: TotalsCounter): Suspending | undefined {
    if (firewall?.suspend !== true) return undefined
    if (!isLinux()) throw unavailable('only Linux can; leave `firewall.suspend` out')
    try {
      runProgram('nft', ['-f', '-'], suspensionTable())
    } catch (error) {
      throw unavailable((error as Error).message)
    }
    const rules = new OwnRules(() => runProgram('nft', ['-f', '-'], SUSPENSION_REMOVAL))
    const transactions = new Transactions()
    transactions.prepare()
    return new Suspending({
      log,
      totals,
      apply: script => transactions.apply(script),
      close: () => {
        transactions.close()
        rules.remove(log)
      },
    })
  }

  /** `owner` has lost this carrier. */
  begin(owner: object, { local, remote }: Tuple): void {
    const tuple = { local, remote }
    if (elementOf(tuple) === undefined || this.#wanted.size >= LIMITS.suspensionsMax) return
    this.#wanted.set(owner, tuple)
    this.#settle()
  }

  /** `owner` has another, or will have none. Harmless when nothing has begun. */
  end(owner: object): void {
    if (this.#wanted.delete(owner)) this.#settle()
  }

  /** Once the kernel has been told all, or has refused. */
  async settled(): Promise<void> {
    while (this.#isSettling) await this.#settled
  }

  /** The table goes, and with it what is in it. Harmless when repeated. */
  async stop(): Promise<void> {
    this.#wanted.clear()
    await this.settled()
    this.#options.close()
  }

  #settle(): void {
    if (this.#isSettling) return
    this.#isSettling = true
    this.#settled = this.#bringAbout()
  }

  async #bringAbout(): Promise<void> {
    // The next carrier is dialed first.
    await setImmediate()
    for (;;) {
      const wanted = new Set(this.#wanted.values())
      const added = [...wanted].filter(tuple => !this.#applied.has(tuple))
      const withdrawn = [...this.#applied].filter(tuple => !wanted.has(tuple))
      if (added.length + withdrawn.length === 0) break
      await this.#change(added, withdrawn, wanted)
      this.#applied = wanted
    }
    this.#isSettling = false
  }

  /** What fails is not tried again: what was to be deleted ends by itself. */
  async #change(added: readonly Tuple[], withdrawn: readonly Tuple[], wanted: ReadonlySet<Tuple>): Promise<void> {
    const { apply, log, totals } = this.#options
    try {
      await apply(suspensionChange(added, withdrawn)).catch(() =>
        // Who loads the rules of a host anew has removed ours.
        apply(suspensionTable() + suspensionChange([...wanted], [])),
      )
      totals.suspensions += added.length
      log.debug('packets of lost carriers are dropped', { carriers: wanted.size })
      this.#hasFailed = false
    } catch (error) {
      const { code, message } = unavailable((error as Error).message)
      if (!this.#hasFailed) log.warn(message, { code })
      this.#hasFailed = true
    }
  }
}

function unavailable(why: string): OperatorError {
  return new OperatorError('SUSPENSION_UNAVAILABLE', `packets of lost carriers cannot be dropped: ${why}`)
}
