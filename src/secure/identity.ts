/**
 * Who a sidecar is: a P-256 key, named by the hash of its public half.
 *
 *     peer ID = "hf1" + base32(SHA-256(SubjectPublicKeyInfo))      RFC 4648, lower case, no padding: 52 characters
 *
 * The certificate around the key exists because TLS wants one. Nothing in it is ever read: neither its name nor its
 * dates, so that a host with a wrong clock stays reachable.
 *
 * A ticket's key is derived from a seed, P-256 like every other. Who made the ticket needs only the peer ID, which
 * takes no certificate; the library that makes certificates costs 20 MB, so it is loaded where one is made.
 */
import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  webcrypto,
  X509Certificate,
} from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { assert } from '../base/assert.ts'
import { OperatorError } from '../base/errors.ts'

/** The text form of a peer's identity; comparing texts compares identities. */
export type PeerId = `hf1${string}`

export interface Identity {
  readonly peerId: PeerId
  readonly keyPem: string
  readonly certPem: string
  /** Key and certificate as TLS wants them; made once, because making it takes 2 ms. */
  readonly secureContext: SecureContext
}

export const SEED_BYTES = 32

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
/** 256 bits in 52 digits of 5: the last digit has one bit of them, so only two values. */
const PEER_ID = /^hf1[a-z2-7]{51}[aq]$/
const PEM_KEY = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/
const P256 = { name: 'ECDSA', namedCurve: 'P-256' }
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

export function isPeerId(text: string): text is PeerId {
  return PEER_ID.test(text)
}

/** @returns a new identity: PEM of the private key and of its certificate, for a file that only its owner can read. */
export async function createIdentity(): Promise<string> {
  return pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
}

/**
 * Reads what createIdentity() made.
 * @throws OperatorError IDENTITY_INVALID when a part is missing or broken, or the key is not that of the certificate
 */
export function loadIdentity(pem: string): Identity {
  const keyPem = PEM_KEY.exec(pem)?.[0]
  const certPem = PEM_CERTIFICATE.exec(pem)?.[0]
  if (keyPem === undefined) throw invalid('it has no "PRIVATE KEY" block')
  if (certPem === undefined) throw invalid('it has no "CERTIFICATE" block')
  try {
    return identityOf(keyPem, certPem)
  } catch (error) {
    throw error instanceof OperatorError ? error : invalid('its key or certificate cannot be read', error)
  }
}

/** The whole identity of a ticket: always the same key, in a new certificate around it. */
export async function identityFromSeed(seed: Uint8Array): Promise<Identity> {
  return loadIdentity(await pemOf(keyFromSeed(seed)))
}

/** The peer ID of identityFromSeed(seed), without a certificate and at once. */
export function peerIdFromSeed(seed: Uint8Array): PeerId {
  return peerIdOfKey(createPublicKey(keyFromSeed(seed)))
}

/** @param publicKey the public half, or what a peer proved in its handshake */
export function peerIdOfKey(publicKey: KeyObject): PeerId {
  const hash = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
  return peerIdText(hash)
}

/** The 32 bytes of hash in a peer ID: what the key schedule binds, and what "smaller peer ID" compares. */
export function peerIdBytes(peerId: PeerId): Uint8Array {
  assert(isPeerId(peerId), `not a peer ID: ${peerId}`)
  const bytes = new Uint8Array(32)
  let value = 0
  let bits = 0
  let at = 0
  for (const digit of peerId.slice(3)) {
    value = ((value << 5) | BASE32.indexOf(digit)) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = value >> bits
  }
  return bytes
}

/** The other way round. */
export function peerIdText(hash: Uint8Array): PeerId {
  return `hf1${base32(hash)}`
}

function base32(hash: Uint8Array): string {
  let text = ''
  let value = 0
  let bits = 0
  for (const byte of hash) {
    value = ((value << 8) | byte) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(value >> (bits - 5)) & 31]
  }
  return text + BASE32[(value << (5 - bits)) & 31]
}

function identityOf(keyPem: string, certPem: string): Identity {
  const key = createPrivateKey(keyPem)
  const certificate = new X509Certificate(certPem)
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw invalid('its key is not a P-256 key')
  if (!certificate.checkPrivateKey(key)) throw invalid('its certificate belongs to another key')
  // Without a `ca`, Node would parse all public roots, which nothing here ever asks.
  const secureContext = createSecureContext({
    key: keyPem,
    cert: certPem,
    ca: certPem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
  })
  return { peerId: peerIdOfKey(createPublicKey(key)), keyPem, certPem, secureContext }
}

function invalid(why: string, cause?: unknown): OperatorError {
  const message = `the identity is not usable: ${why}; make a new one with \`holdfast init\` in a new directory`
  return new OperatorError('IDENTITY_INVALID', message, { cause })
}

/**
 * The scalar is 48 bytes of HKDF modulo the order (FIPS 186-5 A.2.1: 64 bits more than the order leave no bias).
 * P-256 rather than Ed25519, whose Web Crypto is experimental on Node 20 and prints a warning.
 */
function keyFromSeed(seed: Uint8Array): KeyObject {
  assert(seed.length === SEED_BYTES, `a seed has ${SEED_BYTES} bytes, not ${seed.length}`)
  const wide = Buffer.from(hkdfSync('sha256', seed, '', 'holdfast/1 ticket key', 48))
  const scalar = (BigInt(`0x${wide.toString('hex')}`) % (P256_ORDER - 1n)) + 1n
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex')
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(d)
  const point = curve.getPublicKey()
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: d.toString('base64url'),
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  }
  return createPrivateKey({ format: 'jwk', key: jwk })
}

/** The dates say "no expiry" as RFC 5280 4.1.2.5 does. */
async function pemOf(key: KeyObject): Promise<string> {
  await import('reflect-metadata')
  const { X509CertificateGenerator } = await import('@peculiar/x509')
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=holdfast',
      notBefore: new Date('2000-01-01T00:00:00Z'),
      notAfter: new Date('9999-12-31T23:59:59Z'),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      keys: {
        privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, P256, true, ['sign']),
        publicKey: await webcrypto.subtle.importKey('spki', spki, P256, true, ['verify']),
      },
    },
    webcrypto,
  )
  return `${key.export({ type: 'pkcs8', format: 'pem' })}${certificate.toString('pem')}\n`
}
