/** The pseudorandom bytes of a seed: never the same block twice, so that nothing lost, repeated or moved goes unseen. */
import { createCipheriv, createHash } from 'node:crypto'

export class ByteStream {
  readonly #cipher: ReturnType<typeof createCipheriv>

  constructor(seed: string) {
    const key = createHash('sha256').update(seed).digest()
    this.#cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16))
  }

  next(bytes: number): Buffer {
    return this.#cipher.update(Buffer.alloc(bytes))
  }
}
