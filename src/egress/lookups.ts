/**
 * Name lookups for destinations: what peers ask for, apart from the overlay's own names (carrier/resolver.ts), which they must
 * neither delay nor push out of its memory. Nothing is remembered here.
 *
 * getaddrinfo blocks a thread for as long as somebody's name server keeps silent, cannot be cancelled, and libuv runs two at
 * once in the whole process. So each peer has one running at most: a peer whose names never answer holds up its own opens,
 * and one thread is left for the others and for the overlay. Of peers whose last lookup outlasted LIMITS.resolveMs only one
 * has one running, so that several of them do not take that thread, too, but for the first time. Peers take turns; within a
 * peer, opens of one name share a lookup.
 */
import { lookup as dnsLookup } from 'node:dns/promises'
import { LIMITS } from '../base/limits.ts'

export type SystemLookup = (name: string) => Promise<readonly string[]>

/** One name that a peer asks for. */
interface Pending {
  readonly answer: Promise<readonly string[]>
  readonly run: () => void
  isRunning: boolean
  /** Opens that wait for it. */
  askers: number
}

export class DestinationLookups {
  readonly #lookup: SystemLookup
  readonly #now: () => number
  /** By peer, then by name, the oldest first; who was served goes to the end. */
  readonly #peers = new Map<string, Map<string, Pending>>()
  /** Peers whose last lookup took too long: no more than there are peers. */
  readonly #slow = new Set<string>()
  #running = 0

  /** @param now for tests; milliseconds on any clock that never goes back */
  constructor(lookup: SystemLookup = systemLookup, now: () => number = () => performance.now()) {
    this.#lookup = lookup
    this.#now = now
  }

  /** Names that are looked up or wait for it, of all peers. */
  get pending(): number {
    return [...this.#peers.values()].reduce((sum, names) => sum + names.size, 0)
  }

  /**
   * @param namesMax names of this peer that may be looked up or wait for it
   * @param signal aborted: a lookup that has not begun, and that nobody else waits for, is dropped
   * @returns addresses in the order of preference
   * @throws the error of getaddrinfo; `code` OVERLOADED beyond `namesMax`; the reason of `signal`
   */
  ask(
    peer: string,
    name: string,
    signal: AbortSignal,
    namesMax: number = LIMITS.egressLookupsPerPeerMax,
  ): Promise<readonly string[]> {
    const pending = this.#peers.get(peer)?.get(name) ?? this.#begin(peer, name, namesMax)
    if (pending === undefined) {
      const message = `${name}: too many lookups of this peer wait already`
      return Promise.reject(Object.assign(new Error(message), { code: 'OVERLOADED' }))
    }
    pending.askers++
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(signal.reason)
        if (--pending.askers === 0 && !pending.isRunning) this.#remove(peer, name)
      }
      pending.answer.finally(() => signal.removeEventListener('abort', leave)).then(resolve, reject)
      if (signal.aborted) return leave()
      signal.addEventListener('abort', leave, { once: true })
      this.#runNext()
    })
  }

  #begin(peer: string, name: string, namesMax: number): Pending | undefined {
    const names = this.#peers.get(peer) ?? new Map<string, Pending>()
    if (names.size >= namesMax) return undefined
    let run = () => {}
    const answer = new Promise<readonly string[]>((resolve, reject) => {
      run = () => this.#run(peer, name).then(resolve, reject)
    })
    // Everybody who asked may have left.
    answer.catch(() => undefined)
    const pending = { answer, run, isRunning: false, askers: 0 }
    names.set(name, pending)
    this.#peers.set(peer, names)
    return pending
  }

  async #run(peer: string, name: string): Promise<readonly string[]> {
    const since = this.#now()
    try {
      return await this.#lookup(name)
    } finally {
      this.#running--
      if (this.#now() - since >= LIMITS.resolveMs) this.#slow.add(peer)
      else this.#slow.delete(peer)
      this.#remove(peer, name)
      this.#goLast(peer)
      this.#runNext()
    }
  }

  #runNext(): void {
    if (this.#running >= LIMITS.egressLookupsMax) return
    const isSlowOneRunning = [...this.#slow].some(peer => this.#isRunning(peer))
    for (const [peer, names] of this.#peers) {
      const [oldest] = names.values()
      // The oldest begins first, so if it waits, none of this peer runs.
      if (oldest === undefined || oldest.isRunning || (isSlowOneRunning && this.#slow.has(peer))) continue
      oldest.isRunning = true
      this.#running++
      oldest.run()
      return this.#runNext()
    }
  }

  #isRunning(peer: string): boolean {
    const [oldest] = this.#peers.get(peer)?.values() ?? []
    return oldest?.isRunning ?? false
  }

  #goLast(peer: string): void {
    const names = this.#peers.get(peer)
    if (names === undefined) return
    this.#peers.delete(peer)
    this.#peers.set(peer, names)
  }

  #remove(peer: string, name: string): void {
    const names = this.#peers.get(peer)
    names?.delete(name)
    if (names?.size === 0) this.#peers.delete(peer)
  }
}

/** In the system's own order (RFC 6724), as every other program on this host sees it. */
export async function systemLookup(name: string): Promise<readonly string[]> {
  const answers = await dnsLookup(name, { all: true, order: 'verbatim' })
  return answers.map(answer => answer.address)
}
