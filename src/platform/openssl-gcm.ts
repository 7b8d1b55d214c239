/**
 * AES-256-GCM from memory to memory: the functions of the OpenSSL that Node itself runs on, through koffi.
 *
 * node:crypto returns each piece in a new buffer. At 64 KiB a piece, getting that memory and collecting it again costs more
 * CPU than the encryption. Here the output goes where the caller says, and one context serves a key for all its records.
 *
 * What is passed are bare addresses, so every length is asserted first. Where the functions are not found, or do not agree
 * with node:crypto on a sample, there is none of this, and callers use node:crypto.
 */
import { createCipheriv } from 'node:crypto'
import { assert } from '../base/assert.ts'
import { loadLibc } from './libc.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG of openssl/evp.h. */
const GET_TAG = 0x10
const SET_TAG = 0x11

/** One key in one direction. Of the records it begins, only the last can be gone on with. */
export interface GcmKey {
  begin(nonce: Uint8Array, additional: Uint8Array): void
  /** Writes as many bytes to the front of `output` as `input` has. */
  update(input: Uint8Array, output: Uint8Array): void
  /** Of a key that encrypts: writes the tag. */
  seal(tag: Uint8Array): void
  /** Of a key that decrypts. @returns whether the tag is right: before that, nothing that came out may be used */
  verify(tag: Uint8Array): boolean
  /** Erases the key. Nothing else may be called afterwards; harmless when repeated. */
  free(): void
}

export type GcmDirection = 'encrypt' | 'decrypt'

/** Makes keys of 32 bytes; `key` may be overwritten afterwards. */
export type MakeGcmKey = (key: Uint8Array, direction: GcmDirection) => GcmKey

let loaded: { readonly makeKey: MakeGcmKey | null } | undefined

/** Tried once per process, at the first key. @returns null where OpenSSL cannot be called */
export function opensslGcm(): MakeGcmKey | null {
  loaded ??= { makeKey: load() }
  return loaded.makeKey
}

function load(): MakeGcmKey | null {
  try {
    const openssl = declareCalls()
    if (openssl === null) return null
    const makeKey: MakeGcmKey = (key, direction) => new OpensslKey(openssl, key, direction)
    return agreesWithNode(makeKey) ? makeKey : null
  } catch {
    return null
  }
}

type Calls = NonNullable<ReturnType<typeof declareCalls>>

/** @throws when a function is missing */
function declareCalls() {
  const libc = loadLibc()
  if (libc === undefined) return null
  const context = 'uintptr_t context'
  const init = `${context}, uintptr_t cipher, void *engine, const void *key, const void *nonce, int encrypt`
  return {
    cipher: libc.declare('uintptr_t EVP_aes_256_gcm()')(),
    create: libc.declare('uintptr_t EVP_CIPHER_CTX_new()'),
    free: libc.declare(`void EVP_CIPHER_CTX_free(${context})`),
    init: libc.declare(`int EVP_CipherInit_ex(${init})`),
    update: libc.declare(`int EVP_CipherUpdate(${context}, void *out, void *length, const void *in, int bytes)`),
    final: libc.declare(`int EVP_CipherFinal_ex(${context}, void *out, void *length)`),
    control: libc.declare(`int EVP_CIPHER_CTX_ctrl(${context}, int type, int length, void *value)`),
    clearErrors: libc.declare('void ERR_clear_error()'),
  }
}

class OpensslKey implements GcmKey {
  readonly #calls: Calls
  readonly #isEncrypting: number
  /** 0 once freed. */
  #context: number

  constructor(calls: Calls, key: Uint8Array, direction: GcmDirection) {
    assert(key.length === KEY_BYTES, `an AES-256 key has ${KEY_BYTES} bytes`)
    this.#calls = calls
    this.#isEncrypting = Number(direction === 'encrypt')
    this.#context = calls.create()
    assert(this.#context !== 0, 'OpenSSL has no memory')
    succeeds(calls.init(this.#context, calls.cipher, null, key, null, this.#isEncrypting))
  }

  begin(nonce: Uint8Array, additional: Uint8Array): void {
    assert(this.#context !== 0 && nonce.length === NONCE_BYTES, `a nonce has ${NONCE_BYTES} bytes`)
    const { init, update } = this.#calls
    succeeds(init(this.#context, 0, null, null, nonce, this.#isEncrypting))
    succeeds(update(this.#context, null, WRITTEN, additional, additional.length))
  }

  update(input: Uint8Array, output: Uint8Array): void {
    assert(this.#context !== 0 && output.length >= input.length, 'the output is shorter than the input')
    succeeds(this.#calls.update(this.#context, output, WRITTEN, input, input.length))
  }

  seal(tag: Uint8Array): void {
    assert(this.#context !== 0 && tag.length === TAG_BYTES, `a tag has ${TAG_BYTES} bytes`)
    succeeds(this.#calls.final(this.#context, NO_REST, WRITTEN))
    succeeds(this.#calls.control(this.#context, GET_TAG, TAG_BYTES, tag))
  }

  verify(tag: Uint8Array): boolean {
    assert(this.#context !== 0 && tag.length === TAG_BYTES, `a tag has ${TAG_BYTES} bytes`)
    succeeds(this.#calls.control(this.#context, SET_TAG, TAG_BYTES, tag))
    if (this.#calls.final(this.#context, NO_REST, WRITTEN) === 1) return true
    // OpenSSL's queue of errors is the thread's: the next TLS call of Node would take what is left there for its own.
    this.#calls.clearErrors()
    return false
  }

  free(): void {
    if (this.#context !== 0) this.#calls.free(this.#context)
    this.#context = 0
  }
}

/** Where OpenSSL says how much it wrote: in GCM always as much as it was given. */
const WRITTEN = new Int32Array(1)
/** What a final block would be written to: in GCM there is none. */
const NO_REST = new Uint8Array(TAG_BYTES)

function succeeds(result: number): void {
  assert(result === 1, 'a call of OpenSSL failed')
}

/** Two records of one key, so that a nonce is seen to be replaced. */
function agreesWithNode(makeKey: MakeGcmKey): boolean {
  const key = Uint8Array.from({ length: KEY_BYTES }, (_, index) => index)
  const header = Uint8Array.of(1, 2, 3, 4)
  const encrypting = makeKey(key, 'encrypt')
  const decrypting = makeKey(key, 'decrypt')
  try {
    return [0, 1].every(counter => {
      const nonce = new Uint8Array(NONCE_BYTES).fill(counter)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(header)
      const sealed = Buffer.concat([cipher.update(key), cipher.final()])
      const output = new Uint8Array(KEY_BYTES)
      const tag = new Uint8Array(TAG_BYTES)
      encrypting.begin(nonce, header)
      encrypting.update(key, output)
      encrypting.seal(tag)
      if (!sealed.equals(output) || !cipher.getAuthTag().equals(tag)) return false
      decrypting.begin(nonce, header)
      decrypting.update(output, output)
      return decrypting.verify(tag) && Buffer.from(key).equals(output)
    })
  } finally {
    encrypting.free()
    decrypting.free()
  }
}
