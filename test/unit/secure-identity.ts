import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import t from 'tap'
import { Bug } from '../../src/base/assert.ts'
import { OperatorError } from '../../src/base/errors.ts'
import {
  createIdentity,
  identityFromSeed,
  isPeerId,
  loadIdentity,
  peerIdBytes,
  peerIdFromSeed,
  peerIdText,
} from '../../src/secure/identity.ts'
import { toHex } from '../../src/wire/bytes.ts'

const SEED = Uint8Array.from({ length: 32 }, (_, i) => i)
/** Made by another implementation of the derivation, the curve and base32. */
const SEED_PEER_ID = 'hf1xnuvs7jm4l4fs3s2o2ag3m3lbbbddekncyz2df3jl25jnb34am7q'

t.test('the library that makes certificates is not loaded before one is made', async t => {
  t.ok(peerIdFromSeed(SEED))
  t.notOk('metadata' in Reflect)
  t.ok(await createIdentity())
  t.ok('metadata' in Reflect)
})

t.test('a new identity loads, names itself by its key, and never expires', async t => {
  const pem = await createIdentity()
  const identity = loadIdentity(pem)
  t.ok(isPeerId(identity.peerId))
  t.equal(loadIdentity(`# a remark\n${pem}`).peerId, identity.peerId)
  t.equal(new X509Certificate(identity.certPem).validTo, 'Dec 31 23:59:59 9999 GMT')
  t.not(loadIdentity(await createIdentity()).peerId, identity.peerId)
})

t.test('a seed always gives the same peer ID, with and without a certificate', async t => {
  t.equal(peerIdFromSeed(SEED), SEED_PEER_ID)
  t.equal((await identityFromSeed(SEED)).peerId, SEED_PEER_ID)
  t.throws(() => peerIdFromSeed(SEED.subarray(1)), Bug)
})

t.test('a peer ID is hf1 and 52 digits of which the last has one bit', async t => {
  const rows: [string, boolean][] = [
    [SEED_PEER_ID, true],
    [`hf1${'a'.repeat(52)}`, true],
    [`hf1${'7'.repeat(51)}q`, true],
    [`hf1${'7'.repeat(52)}`, false],
    [`hf1${'a'.repeat(51)}b`, false],
    [`hf1${'a'.repeat(51)}`, false],
    [`hf2${'a'.repeat(52)}`, false],
    [SEED_PEER_ID.toUpperCase(), false],
    [`${SEED_PEER_ID}\n`, false],
    [`hf1${'1'.repeat(51)}a`, false],
    ['', false],
  ]
  for (const [text, isValid] of rows) t.equal(isPeerId(text), isValid, text)
})

t.test('a peer ID gives back its 32 bytes of hash', async t => {
  t.equal(toHex(peerIdBytes(`hf1${'a'.repeat(52)}`)), '00'.repeat(32))
  t.equal(toHex(peerIdBytes(`hf1${'7'.repeat(51)}q`)), 'ff'.repeat(32))
  t.equal(toHex(peerIdBytes(SEED_PEER_ID)), 'bb69597d2ce2f8596e5a76806db36b084231914d1633a197695eba96877c033f')
  t.equal(peerIdText(peerIdBytes(SEED_PEER_ID)), SEED_PEER_ID)
  t.throws(() => peerIdBytes('hf1x'), Bug)
})

t.test('an identity that is not usable is refused with IDENTITY_INVALID and what is wrong', async t => {
  const [one, other] = [await createIdentity(), await createIdentity()]
  const key = /-----BEGIN PRIVATE[\s\S]*END PRIVATE KEY-----/.exec(one)![0]
  const certificate = /-----BEGIN CERTIFICATE[\s\S]*/.exec(one)![0]
  const otherCertificate = /-----BEGIN CERTIFICATE[\s\S]*/.exec(other)![0]
  const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  const rows: [string, RegExp][] = [
    ['', /no "PRIVATE KEY" block/],
    [certificate, /no "PRIVATE KEY" block/],
    [key, /no "CERTIFICATE" block/],
    [`${key}\n${otherCertificate}`, /belongs to another key/],
    [`${ed25519}${certificate}`, /not a P-256 key/],
    [`${key.replace('MIG', 'MIH')}\n${certificate}`, /cannot be read/],
    [`${key}\n${certificate.replace('MII', 'MIH')}`, /cannot be read/],
  ]
  for (const [pem, why] of rows) {
    try {
      loadIdentity(pem)
      t.fail(`${why} was expected`)
    } catch (error) {
      t.type(error, OperatorError)
      t.match(error, { code: 'IDENTITY_INVALID', message: why })
    }
  }
})
