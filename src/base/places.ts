/**
 * Places for connections of strangers: bounded in all, and for each address, so that one cannot take them all. An address is
 * counted by its group; a group has a row only while it holds a place.
 */
import { plainAddress } from './endpoint.ts'

/** Held by one connection. */
export interface Place {
  /** Harmless when repeated. */
  release(): void
}

export interface PlacesBounds {
  readonly inAllMax: number
  readonly perAddressMax: number
}

export class Places {
  readonly #bounds: PlacesBounds
  readonly #heldByGroup = new Map<string, number>()
  #held = 0

  constructor(bounds: PlacesBounds) {
    this.#bounds = bounds
  }

  get held(): number {
    return this.#held
  }

  /** @returns undefined when all are held, or as many as this address may hold */
  take(address: string): Place | undefined {
    const group = addressGroup(address)
    const inGroup = this.#heldByGroup.get(group) ?? 0
    if (this.#held >= this.#bounds.inAllMax || inGroup >= this.#bounds.perAddressMax) return undefined
    this.#held++
    this.#heldByGroup.set(group, inGroup + 1)
    let isHeld = true
    return {
      release: () => {
        if (isHeld) this.#release(group)
        isHeld = false
      },
    }
  }

  #release(group: string): void {
    const left = this.#heldByGroup.get(group)! - 1
    this.#held--
    if (left > 0) this.#heldByGroup.set(group, left)
    else this.#heldByGroup.delete(group)
  }
}

/** What counts as one address: the IPv4 address, or the first 64 bits of the IPv6 address. */
export function addressGroup(address: string): string {
  const plain = plainAddress(address)
  if (!plain.includes(':')) return plain
  const [before = '', after] = plain.replace(/%.*$/, '').toLowerCase().split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  // An IPv4 address at the end stands for two groups. It is beyond the first 64 bits, but the zeros before it are not.
  const tailGroups = tail.length + (tail.at(-1)?.includes('.') === true ? 1 : 0)
  const zeros = new Array<string>(Math.max(0, 8 - head.length - tailGroups)).fill('0')
  const prefix = [...head, ...zeros, ...tail].slice(0, 4).map(group => group.replace(/^0+(?=.)/, ''))
  return `${prefix.join(':')}::/64`
}
