/** The bytes of one direction of one session: a function of the offset, so that every byte received can be judged. */
const PERIOD = 65_536

export class Pattern {
  /** Two periods, so that a piece of one period at most is one slice. */
  readonly #bytes = Buffer.alloc(2 * PERIOD)

  constructor(session: number, direction: number) {
    const first = session * 31 + direction * 17
    for (let i = 0; i < PERIOD; i++) this.#bytes[i] = first + i * 7 + (i >>> 8) * 13
    this.#bytes.copyWithin(PERIOD, 0, PERIOD)
  }

  /** @param bytes at most PERIOD */
  slice(offset: number, bytes: number): Buffer {
    const from = offset % PERIOD
    return this.#bytes.subarray(from, from + bytes)
  }

  matches(offset: number, part: Uint8Array): boolean {
    for (let from = 0; from < part.length; from += PERIOD) {
      const piece = part.subarray(from, from + PERIOD)
      if (!this.slice(offset + from, piece.length).equals(piece)) return false
    }
    return true
  }
}
