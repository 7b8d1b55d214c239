/**
 * The key schedule, from the secret of one full handshake to the keys of every carrier that follows from it.
 *
 *     exporter     = TLS-Exporter("EXPORTER-holdfast-1", dialer's ID ‖ acceptor's ID, 32)      RFC 8446 7.5
 *     CK(0)        = HKDF(exporter, salt "", "holdfast/1 chain " ‖ ID of the side that dials on this chain)
 *     handle(n)    = HMAC(CK(n), "handle"), first 16 bytes
 *     key(n)       = HMAC(CK(n), "key")
 *     CK(n+1)      = HMAC(CK(n), "next")
 *
 *     early(n)     = HKDF(key(n), salt dialer's nonce, "holdfast/1 early")           EARLY, dialer -> acceptor only
 *     record(n, r) = HKDF(key(n), salt nonces, "holdfast/1 record " ‖ r)             RECORD, sealed by r
 *
 * r is "dialer" or "acceptor", so a record sent back to its sender never opens. The nonces are the dialer's and the
 * acceptor's, one after the other; the carrier of the full handshake itself, n = 0 of its dialer, has none, since its
 * exporter is already fresh on both sides. IDs are the 32 bytes of hash; HKDF and HMAC use SHA-256, keys have 32 bytes.
 *
 * A chain goes one way: who learns CK(n) learns nothing of what came before n. Every function here hands over its
 * result to be erased by who asked.
 */
import { createHmac, hkdfSync } from 'node:crypto'
import { concatBytes } from '../wire/bytes.ts'

export const EXPORTER_LABEL = 'EXPORTER-holdfast-1'
export const SECRET_BYTES = 32
export const HANDLE_BYTES = 16
export const NONCE_BYTES = 32

/** Which side of a carrier: the one that connected, or the one that listened. */
export type Role = 'dialer' | 'acceptor'

export interface ChainStep {
  readonly handle: Uint8Array
  readonly key: Uint8Array
  /** CK(n+1). */
  readonly next: Uint8Array
}

/** CK(0) of the chain on which the side with this ID dials. */
export function chainRoot(exporter: Uint8Array, dialerIdBytes: Uint8Array): Uint8Array {
  return hkdf(exporter, [], concatBytes([ascii('holdfast/1 chain '), dialerIdBytes]))
}

/** What CK(n) gives. `chainKey` is not erased here. */
export function stepChain(chainKey: Uint8Array): ChainStep {
  return {
    handle: new Uint8Array(hmac(chainKey, 'handle').subarray(0, HANDLE_BYTES)),
    key: hmac(chainKey, 'key'),
    next: hmac(chainKey, 'next'),
  }
}

export function earlyKey(key: Uint8Array, dialerNonce: Uint8Array): Uint8Array {
  return hkdf(key, [dialerNonce], ascii('holdfast/1 early'))
}

/** @param nonces none for a full handshake's own carrier; else the dialer's, then the acceptor's */
export function recordKeys(key: Uint8Array, nonces: readonly Uint8Array[]): Record<Role, Uint8Array> {
  return {
    dialer: hkdf(key, nonces, ascii('holdfast/1 record dialer')),
    acceptor: hkdf(key, nonces, ascii('holdfast/1 record acceptor')),
  }
}

function hkdf(secret: Uint8Array, salt: readonly Uint8Array[], info: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, concatBytes(salt), info, SECRET_BYTES))
}

function hmac(key: Uint8Array, label: string): Uint8Array {
  return createHmac('sha256', key).update(label).digest()
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
