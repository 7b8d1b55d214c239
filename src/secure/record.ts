/**
 * Records: AES-256-GCM (NIST SP 800-38D), one key per carrier and direction.
 *
 *     frame = outer header 4 | ciphertext | tag 16        AAD = the header, nonce = 00000000 ‖ counter 8, from 0
 *
 * Nobody sends the counter: carriers are ordered, so a record that is lost, repeated, moved or changed does not open,
 * and that ends the carrier. Plaintext leaves here only after its tag was right. Payload is never gathered: each piece
 * that goes in comes out as one piece of ciphertext (small neighbours, which are frame headers, go together).
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { assert } from '../base/assert.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength, concatBytes, putUint } from '../wire/bytes.ts'
import { OUTER_HEADER_BYTES, type OuterFrame, type OuterType, outerHeader } from '../wire/outer-frame.ts'

export const TAG_BYTES = 16
/** Plaintext that one record can hold. */
export const RECORD_BYTES_MAX = LIMITS.frameBytesMax - OUTER_HEADER_BYTES - TAG_BYTES

const CIPHER = 'aes-256-gcm'
const OPTIONS = { authTagLength: TAG_BYTES }
/** One cipher call costs as much as copying a few KiB. */
const SMALL_BYTES = 1024

/** One direction's key and its counter. */
class RecordKey {
  readonly bytes: Uint8Array
  readonly #nonce = new Uint8Array(12)
  #counter = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Valid until the next call. */
  nextNonce(): Uint8Array {
    putUint(this.#nonce, 4, 8, this.#counter++)
    return this.#nonce
  }

  erase(): void {
    this.bytes.fill(0)
  }
}

export class Sealer {
  readonly #key: RecordKey
  #sealedBytes = 0

  /** @param key owned from here on; erase() overwrites it */
  constructor(key: Uint8Array) {
    this.#key = new RecordKey(key)
  }

  /** Plaintext sealed under this key; its owner keeps it within LIMITS.keyBytesMax. */
  get sealedBytes(): number {
    return this.#sealedBytes
  }

  /** @returns a whole outer frame in pieces. `parts` together have at most RECORD_BYTES_MAX. */
  seal(type: OuterType, parts: readonly Uint8Array[]): Uint8Array[] {
    const bytes = byteLength(parts)
    assert(bytes <= RECORD_BYTES_MAX, `a record of ${bytes} bytes exceeds ${RECORD_BYTES_MAX}`)
    const header = outerHeader(type, bytes + TAG_BYTES)
    const cipher = createCipheriv(CIPHER, this.#key.bytes, this.#key.nextNonce(), OPTIONS)
    cipher.setAAD(header)
    const frame = [header]
    for (const part of gatherSmall(parts)) frame.push(cipher.update(part))
    cipher.final()
    frame.push(cipher.getAuthTag())
    this.#sealedBytes += bytes
    return frame
  }

  erase(): void {
    this.#key.erase()
  }
}

export class Opener {
  readonly #key: RecordKey

  /** @param key owned from here on; erase() overwrites it */
  constructor(key: Uint8Array) {
    this.#key = new RecordKey(key)
  }

  /** @returns the plaintext in pieces, or undefined when the record is not the next one of this key. */
  open({ header, body }: OuterFrame): Uint8Array[] | undefined {
    const plainBytes = byteLength(body) - TAG_BYTES
    if (plainBytes < 0) return undefined
    const decipher = createDecipheriv(CIPHER, this.#key.bytes, this.#key.nextNonce(), OPTIONS)
    decipher.setAAD(header)
    const parts: Uint8Array[] = []
    const tag = new Uint8Array(TAG_BYTES)
    let at = 0
    for (const piece of body) {
      const sealed = piece.subarray(0, Math.max(0, plainBytes - at))
      if (sealed.length > 0) parts.push(decipher.update(sealed))
      if (sealed.length < piece.length) tag.set(piece.subarray(sealed.length), at + sealed.length - plainBytes)
      at += piece.length
    }
    decipher.setAuthTag(tag)
    try {
      decipher.final()
    } catch {
      return undefined
    }
    return parts
  }

  erase(): void {
    this.#key.erase()
  }
}

/** `parts` with runs of small ones joined; empty ones are left out. */
function gatherSmall(parts: readonly Uint8Array[]): Uint8Array[] {
  const gathered: Uint8Array[] = []
  let run: Uint8Array[] = []
  for (const part of parts) {
    if (part.length === 0) continue
    if (part.length < SMALL_BYTES) {
      run.push(part)
      continue
    }
    if (run.length > 0) gathered.push(concatBytes(run))
    run = []
    gathered.push(part)
  }
  if (run.length > 0) gathered.push(concatBytes(run))
  return gathered
}
