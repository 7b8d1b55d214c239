/**
 * What one full handshake leaves behind: two chains of single-use keys (key-schedule.ts), one per dialing side.
 *
 *     dialing      take() gives n, then n + 1, ...: each once, and forgotten here
 *     accepting    ... used | u-32 .. u .. u+32 | not derived yet       u = the largest n used
 *                             unused ones below u, and all above it, are known
 *
 * The window lets dialing attempts be lost or overtake each other. What falls out of it, is spent, or is derived from,
 * is overwritten: memory holds no key that opens a carrier of the past.
 */
import { LIMITS } from '../base/limits.ts'
import { type PeerId, peerIdBytes } from './identity.ts'
import { chainRoot, type Role, stepChain } from './key-schedule.ts'

/** Known handles of accepting chains, in all keysets of a keyring; the key is the handle's bytes as latin1. */
export type HandleIndex<Owner> = Map<string, KnownHandle<Owner>>

/** One n of a dialing chain. Its taker derives the carrier's keys from `key` and erases it. */
export interface TakenHandle<Owner> {
  readonly keyset: Keyset<Owner>
  readonly n: number
  readonly handle: Uint8Array
  readonly key: Uint8Array
}

/** One n of an accepting chain that a peer may still use. */
export interface KnownHandle<Owner> {
  readonly keyset: Keyset<Owner>
  readonly n: number
  readonly name: string
  readonly key: Uint8Array
  /** False once it was spent or fell out of the window; `key` is then erased. */
  isLive: boolean
}

export class Keyset<Owner> {
  readonly peerId: PeerId
  /** Whose carriers are dialed with it; set by the keyring alone. */
  owner: Owner | undefined = undefined
  readonly #dialing: DialingChain
  readonly #accepting: AcceptingChain<Owner>

  /** @param exporter the TLS exporter's secret; erased here */
  constructor(exporter: Uint8Array, selfId: PeerId, peerId: PeerId, handles: HandleIndex<Owner>) {
    this.peerId = peerId
    this.#dialing = new DialingChain(chainRoot(exporter, peerIdBytes(selfId)))
    this.#accepting = new AcceptingChain(this, chainRoot(exporter, peerIdBytes(peerId)), handles)
    exporter.fill(0)
  }

  /**
   * The key of the handshake's own carrier: n = 0 of the side that dialed it. Called once, first.
   * The peer's handles are known from here on.
   */
  begin(role: Role): Uint8Array {
    if (role === 'acceptor') return this.#accepting.begin()
    this.#accepting.extend()
    return this.#dialing.take().key
  }

  take(): TakenHandle<Owner> {
    return { keyset: this, ...this.#dialing.take() }
  }

  /** Called when the first record under this handle has opened. */
  spend(handle: KnownHandle<Owner>): void {
    this.#accepting.spend(handle)
  }

  /** Forgets everything; the keyset is of no use afterwards. */
  erase(): void {
    this.#dialing.erase()
    this.#accepting.erase()
  }
}

class DialingChain {
  #chainKey: Uint8Array
  #next = 0

  constructor(root: Uint8Array) {
    this.#chainKey = root
  }

  take(): { n: number; handle: Uint8Array; key: Uint8Array } {
    const { handle, key, next } = stepChain(this.#chainKey)
    this.#chainKey.fill(0)
    this.#chainKey = next
    return { n: this.#next++, handle, key }
  }

  erase(): void {
    this.#chainKey.fill(0)
  }
}

class AcceptingChain<Owner> {
  readonly #keyset: Keyset<Owner>
  readonly #handles: HandleIndex<Owner>
  /** By n; at most 2 * LIMITS.handlesAhead. */
  readonly #known = new Map<number, KnownHandle<Owner>>()
  #chainKey: Uint8Array
  #next = 0
  #largestUsed = -1

  constructor(keyset: Keyset<Owner>, root: Uint8Array, handles: HandleIndex<Owner>) {
    this.#keyset = keyset
    this.#chainKey = root
    this.#handles = handles
  }

  begin(): Uint8Array {
    const { key, next } = stepChain(this.#chainKey)
    this.#advance(next)
    this.#largestUsed = 0
    this.extend()
    return key
  }

  extend(): void {
    while (this.#next <= this.#largestUsed + LIMITS.handlesAhead) {
      const { handle, key, next } = stepChain(this.#chainKey)
      const name = handleName(handle)
      const known = { keyset: this.#keyset, n: this.#next, name, key, isLive: true }
      this.#known.set(known.n, known)
      this.#handles.set(name, known)
      this.#advance(next)
    }
  }

  spend(handle: KnownHandle<Owner>): void {
    this.#forget(handle)
    if (handle.n < this.#largestUsed) return
    this.#largestUsed = handle.n
    this.extend()
    for (const known of this.#known.values()) {
      if (known.n < this.#largestUsed - LIMITS.handlesAhead) this.#forget(known)
    }
  }

  erase(): void {
    this.#chainKey.fill(0)
    for (const known of this.#known.values()) this.#forget(known)
  }

  #advance(next: Uint8Array): void {
    this.#chainKey.fill(0)
    this.#chainKey = next
    this.#next++
  }

  #forget(known: KnownHandle<Owner>): void {
    this.#known.delete(known.n)
    this.#handles.delete(known.name)
    known.isLive = false
    known.key.fill(0)
  }
}

export function handleName(handle: Uint8Array): string {
  return Buffer.from(handle.buffer, handle.byteOffset, handle.length).toString('latin1')
}
