/**
 * Records: AES-256-GCM (NIST SP 800-38D), one key per carrier and direction.
 *
 *     frame = outer header 4 | ciphertext | tag 16        AAD = the header, nonce = 00000000 ‖ counter 8, from 0
 *
 * Nobody sends the counter: carriers are ordered, so a record that is lost, repeated, moved or changed does not open,
 * and that ends the carrier. Plaintext leaves here only after its tag was right.
 *
 * Where OpenSSL can be called (openssl-gcm.ts), a frame is made in one block, and one piece of plaintext comes out. With
 * node:crypto payload is not gathered: each piece that goes in comes out as one piece (small neighbours, which are frame
 * headers, go together). On the wire there is no difference.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { assert } from '../base/assert.ts'
import { blocks } from '../base/blocks.ts'
import { LIMITS } from '../base/limits.ts'
import { type GcmDirection, type GcmKey, type MakeGcmKey, opensslGcm } from '../platform/openssl-gcm.ts'
import { byteLength, concatBytes, putUint } from '../wire/bytes.ts'
import {
  OUTER_HEADER_BYTES,
  type OuterFrame,
  type OuterType,
  outerHeader,
  putOuterHeader,
} from '../wire/outer-frame.ts'

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
  /** Undefined where there is only node:crypto, and once erased. */
  openssl: GcmKey | undefined
  readonly #nonce = new Uint8Array(12)
  #counter = 0

  constructor(bytes: Uint8Array, direction: GcmDirection, makeKey: MakeGcmKey | null) {
    this.bytes = bytes
    this.openssl = makeKey?.(bytes, direction)
  }

  /** Valid until the next call. */
  nextNonce(): Uint8Array {
    putUint(this.#nonce, 4, 8, this.#counter++)
    return this.#nonce
  }

  erase(): void {
    this.bytes.fill(0)
    this.openssl?.free()
    this.openssl = undefined
  }
}

export class Sealer {
  readonly #key: RecordKey
  #sealedBytes = 0

  /** @param key owned from here on; erase() overwrites it */
  constructor(key: Uint8Array, makeKey = opensslGcm()) {
    this.#key = new RecordKey(key, 'encrypt', makeKey)
  }

  /** Plaintext sealed under this key; its owner keeps it within LIMITS.keyBytesMax. */
  get sealedBytes(): number {
    return this.#sealedBytes
  }

  /**
   * @returns a whole outer frame in pieces, to be given to `blocks` when they are used no more. `parts` together have at
   * most RECORD_BYTES_MAX.
   */
  seal(type: OuterType, parts: readonly Uint8Array[]): Uint8Array[] {
    const bytes = byteLength(parts)
    assert(bytes <= RECORD_BYTES_MAX, `a record of ${bytes} bytes exceeds ${RECORD_BYTES_MAX}`)
    this.#sealedBytes += bytes
    const { openssl } = this.#key
    return openssl === undefined
      ? this.#sealInPieces(type, parts, bytes)
      : [this.#sealBlock(openssl, type, parts, bytes)]
  }

  erase(): void {
    this.#key.erase()
  }

  #sealBlock(openssl: GcmKey, type: OuterType, parts: readonly Uint8Array[], bytes: number): Uint8Array {
    const frame = blocks.take(OUTER_HEADER_BYTES + bytes + TAG_BYTES)
    const header = frame.subarray(0, OUTER_HEADER_BYTES)
    putOuterHeader(header, type, bytes + TAG_BYTES)
    openssl.begin(this.#key.nextNonce(), header)
    let at = OUTER_HEADER_BYTES
    for (const part of parts) {
      openssl.update(part, frame.subarray(at))
      at += part.length
    }
    openssl.seal(frame.subarray(at))
    return frame
  }

  #sealInPieces(type: OuterType, parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
    const header = outerHeader(type, bytes + TAG_BYTES)
    const cipher = createCipheriv(CIPHER, this.#key.bytes, this.#key.nextNonce(), OPTIONS)
    cipher.setAAD(header)
    const frame = [header]
    for (const part of gatherSmall(parts)) frame.push(cipher.update(part))
    cipher.final()
    frame.push(cipher.getAuthTag())
    return frame
  }
}

export class Opener {
  readonly #key: RecordKey

  /** @param key owned from here on; erase() overwrites it */
  constructor(key: Uint8Array, makeKey = opensslGcm()) {
    this.#key = new RecordKey(key, 'decrypt', makeKey)
  }

  /** @returns the plaintext in pieces, or undefined when the record is not the next one of this key. */
  open({ header, body }: OuterFrame): Uint8Array[] | undefined {
    const plainBytes = byteLength(body) - TAG_BYTES
    if (plainBytes < 0) return undefined
    const { openssl } = this.#key
    const { sealed, tag } = splitTag(body, plainBytes)
    return openssl === undefined
      ? this.#openPieces(header, sealed, tag)
      : this.#openBlock(openssl, header, sealed, tag, plainBytes)
  }

  erase(): void {
    this.#key.erase()
  }

  #openBlock(openssl: GcmKey, header: Uint8Array, sealed: Uint8Array[], tag: Uint8Array, bytes: number) {
    const plain = blocks.take(bytes)
    openssl.begin(this.#key.nextNonce(), header)
    let at = 0
    for (const piece of sealed) {
      openssl.update(piece, plain.subarray(at))
      at += piece.length
    }
    if (!openssl.verify(tag)) return void blocks.give(plain)
    return bytes === 0 ? [] : [plain]
  }

  #openPieces(header: Uint8Array, sealed: Uint8Array[], tag: Uint8Array): Uint8Array[] | undefined {
    const decipher = createDecipheriv(CIPHER, this.#key.bytes, this.#key.nextNonce(), OPTIONS)
    decipher.setAAD(header)
    const parts = sealed.map(piece => decipher.update(piece))
    decipher.setAuthTag(tag)
    try {
      decipher.final()
    } catch {
      return undefined
    }
    return parts
  }
}

/** The body of a frame, cut before its tag. */
function splitTag(body: readonly Uint8Array[], plainBytes: number): { sealed: Uint8Array[]; tag: Uint8Array } {
  const sealed: Uint8Array[] = []
  const tag = new Uint8Array(TAG_BYTES)
  let at = 0
  for (const piece of body) {
    const before = piece.subarray(0, Math.max(0, plainBytes - at))
    if (before.length > 0) sealed.push(before)
    if (before.length < piece.length) tag.set(piece.subarray(before.length), at + before.length - plainBytes)
    at += piece.length
  }
  return { sealed, tag }
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
