/**
 * The epochs of an association: one counter for both sides. The pair (epoch, proposer) that is in force names the active
 * carrier; a proposal takes the greatest epoch seen plus one, and equal epochs go to the greater peer ID.
 *
 * A peer may raise the counter by a bounded step, so that it cannot be used up. The first epoch that a process of the peer's
 * names is taken as it is: where this side is the one that restarted, the peer has counted on.
 */
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'

export class Epochs {
  /** 0 before the first carrier. */
  inForce = 0
  readonly #isGreaterPeer: boolean
  #isOurs = false
  #greatest = 0
  #hasPeerSpoken = false

  /** @param isGreaterPeer our peer ID is the greater one: we win ties */
  constructor(isGreaterPeer: boolean) {
    this.#isGreaterPeer = isGreaterPeer
  }

  get greatest(): number {
    return this.#greatest
  }

  /** For a proposal of ours. */
  next(): number {
    return ++this.#greatest
  }

  /**
   * The peer has named it.
   * @throws RemoteError PROTOCOL_VIOLATION when it jumps too far
   */
  see(epoch: number): void {
    const most = this.#hasPeerSpoken ? this.#greatest + LIMITS.epochJumpMax : LIMITS.epochMax
    if (epoch > Math.min(most, LIMITS.epochMax)) {
      throw new RemoteError('PROTOCOL_VIOLATION', `epoch ${epoch} is too far above ${this.#greatest}`)
    }
    this.#hasPeerSpoken = true
    this.#greatest = Math.max(this.#greatest, epoch)
  }

  /** A proposal of the peer's wins over the pair in force and over our own pending one. */
  isGreater(epoch: number, pending: number | undefined): boolean {
    const above = (other: number, isOurs: boolean) =>
      epoch > other || (epoch === other && isOurs && !this.#isGreaterPeer)
    return above(this.inForce, this.#isOurs) && (pending === undefined || above(pending, true))
  }

  take(epoch: number, isOurs: boolean): void {
    this.inForce = epoch
    this.#isOurs = isOurs
  }

  /** The next process of the peer's counts anew. @param pending the epoch of our pending proposal, which it may get */
  forget(pending: number | undefined): void {
    this.inForce = 0
    this.#isOurs = false
    this.#greatest = pending ?? 0
    this.#hasPeerSpoken = false
  }
}
