/**
 * All keysets of one sidecar.
 *
 *     full handshake done      add(keyset)            the peer may resume from it; nobody dials with it
 *     its Hello has opened     adopt(keyset, owner)   that owner dials with it, from its newest one
 *     the owner is gone        drop(owner)            handles of a dropped owner are unknown at once
 *
 * A keyset without an owner is kept, because the peer may have adopted it although what it sent last was lost with its
 * carrier: then it resumes, and its Hello comes on that carrier. Two are kept per owner, because first handshakes may
 * cross. The oldest makes room; a peer whose keyset was forgotten falls back to a full handshake.
 */
import { LIMITS } from '../base/limits.ts'
import { type HandleIndex, handleName, type Keyset, type KnownHandle, type TakenHandle } from './keyset.ts'

export class Keyring<Owner> {
  /** For the keysets that are added here: what their peers may resume with. */
  readonly handles: HandleIndex<Owner> = new Map()
  /** Oldest first; at most LIMITS.keysetsMax each. */
  readonly #owned = new Map<Owner, Keyset<Owner>[]>()
  /** Oldest first; at most LIMITS.keysetsOwnerlessMax. */
  readonly #ownerless = new Set<Keyset<Owner>>()

  /** @param keyset made with this keyring's `handles` */
  add(keyset: Keyset<Owner>): void {
    this.#ownerless.add(keyset)
    if (this.#ownerless.size <= LIMITS.keysetsOwnerlessMax) return
    const [oldest] = this.#ownerless
    this.#ownerless.delete(oldest!)
    oldest!.erase()
  }

  /** Makes it the newest of this owner. Harmless when it has an owner already or was forgotten meanwhile. */
  adopt(keyset: Keyset<Owner>, owner: Owner): void {
    if (!this.#ownerless.delete(keyset)) return
    const keysets = this.#owned.get(owner) ?? []
    keysets.push(keyset)
    if (keysets.length > LIMITS.keysetsMax) keysets.shift()!.erase()
    this.#owned.set(owner, keysets)
    keyset.owner = owner
  }

  /** The next n of the owner's newest keyset, for one connection; undefined when only a full handshake will do. */
  take(owner: Owner): TakenHandle<Owner> | undefined {
    return this.#owned.get(owner)?.at(-1)?.take()
  }

  /** Whether `take` has anything to give. */
  has(owner: Owner): boolean {
    return this.#owned.has(owner)
  }

  find(handle: Uint8Array): KnownHandle<Owner> | undefined {
    return this.handles.get(handleName(handle))
  }

  drop(owner: Owner): void {
    for (const keyset of this.#owned.get(owner) ?? []) keyset.erase()
    this.#owned.delete(owner)
  }
}
