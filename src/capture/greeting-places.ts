/**
 * Who may greet a proxy at the same time. A program that has connected and says nothing holds a place until its deadline, so
 * strangers are bounded for each address, and take nothing from programs of this host, which are all one address.
 */
import { LIMITS } from '../base/limits.ts'
import { type Place, Places } from '../base/places.ts'

export class GreetingPlaces {
  readonly #isHere: (address: string) => boolean
  readonly #own = new Places({ inAllMax: LIMITS.proxyGreetingsMax, perAddressMax: LIMITS.proxyGreetingsMax })
  readonly #others = new Places({
    inAllMax: LIMITS.proxyGreetingsMax,
    perAddressMax: LIMITS.proxyGreetingsPerAddressMax,
  })

  /** @param isHere whether an address is this host's own */
  constructor(isHere: (address: string) => boolean) {
    this.#isHere = isHere
  }

  /** @returns undefined when there is none for `address` */
  take(address: string): Place | undefined {
    return (this.#isHere(address) ? this.#own : this.#others).take(address)
  }
}
