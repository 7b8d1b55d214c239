/**
 * Name lookups for dialing peers. getaddrinfo against the resolver of a network that is gone blocks a thread for seconds and
 * cannot be cancelled, and libuv has four threads for the whole process. So there is one lookup per name at a time, two
 * in all, and nobody waits for one alone: the last good answer is at hand while a fresh one is asked for.
 */
import { lookup as dnsLookup } from 'node:dns/promises'
import { LIMITS } from '../base/limits.ts'
import { type Clock, systemClock } from './clock.ts'
import { DialError, fromSystemError } from './dial-error.ts'

export type Lookup = (name: string) => Promise<readonly string[]>

/** One per process. */
export class Resolver {
  readonly #lookup: Lookup
  readonly #clock: Clock
  /** Last good answers, the least recently given first. */
  readonly #answers = new Map<string, readonly string[]>()
  readonly #lookups = new Map<string, Promise<readonly string[]>>()
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(lookup: Lookup = systemLookup, clock: Clock = systemClock) {
    this.#lookup = lookup
    this.#clock = clock
  }

  /** @returns the last good answer, at once; empty when there is none */
  known(name: string): readonly string[] {
    return this.#answers.get(name) ?? []
  }

  /**
   * Asks anew, or joins the lookup that is under way for this name.
   * @returns addresses in the order of preference, at most LIMITS.addressesPerNameMax
   * @throws DialError NAME_NOT_FOUND; TIMED_OUT after LIMITS.resolveMs, while the lookup itself goes on
   */
  resolve(name: string): Promise<readonly string[]> {
    const answer = this.#lookups.get(name) ?? this.#begin(name)
    return new Promise((resolve, reject) => {
      const late = new DialError('TIMED_OUT', `the name ${name} was not resolved in ${LIMITS.resolveMs / 1_000} s`)
      const cancel = this.#clock.after(LIMITS.resolveMs, () => reject(late))
      answer.finally(cancel).then(resolve, reject)
    })
  }

  #begin(name: string): Promise<readonly string[]> {
    if (this.#lookups.size >= LIMITS.namesRememberedMax) {
      return Promise.reject(new DialError('NAME_NOT_FOUND', `the name ${name} must wait: too many lookups under way`))
    }
    const answer = new Promise<readonly string[]>((resolve, reject) => {
      this.#waiting.push(() => this.#run(name).then(resolve, reject))
    })
    this.#lookups.set(name, answer)
    // Everybody who asked may have stopped waiting.
    answer.catch(() => undefined)
    this.#runNext()
    return answer
  }

  async #run(name: string): Promise<readonly string[]> {
    try {
      const addresses = (await this.#lookup(name)).slice(0, LIMITS.addressesPerNameMax)
      if (addresses.length > 0) this.#remember(name, addresses)
      return addresses
    } catch (error) {
      throw fromSystemError(error instanceof Error ? error : new Error(String(error)), `the name ${name}`)
    } finally {
      this.#lookups.delete(name)
      this.#running--
      this.#runNext()
    }
  }

  #runNext(): void {
    if (this.#running >= LIMITS.lookupsMax) return
    const run = this.#waiting.shift()
    if (run === undefined) return
    this.#running++
    run()
  }

  #remember(name: string, addresses: readonly string[]): void {
    this.#answers.delete(name)
    this.#answers.set(name, addresses)
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > LIMITS.namesRememberedMax && oldest !== undefined) this.#answers.delete(oldest)
  }
}

/** The system's own order (RFC 6724), as every other program on this host sees it. */
async function systemLookup(name: string): Promise<readonly string[]> {
  const answers = await dnsLookup(name, { all: true, order: 'verbatim' })
  return answers.map(answer => answer.address)
}
