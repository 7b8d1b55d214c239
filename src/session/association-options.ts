/** What an association is made with, and what it gives to send. */
import type { Budget } from './budget.ts'
import type { CarrierId } from './events.ts'

export interface AssociationOptions {
  /** Our peer ID is the greater of the two in byte order: it wins ties and owns the odd refs. */
  readonly isGreaterPeer: boolean
  /** 16 random bytes, new for every association object. */
  readonly incarnation: Uint8Array
  readonly holdMs: number
  readonly sessionsMax: number
  readonly budget: Budget
  /** Where this side can be dialed now. */
  readonly endpoints: () => readonly string[]
}

/** One record's plaintext, to be sealed and sent on a carrier. */
export interface Transmit {
  readonly carrier: CarrierId
  readonly parts: readonly Uint8Array[]
}
