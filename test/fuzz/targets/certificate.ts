/**
 * The certificate of a TLS client: an honest one with changed bytes around its key. OpenSSL does not load all of them; an input
 * that it refuses here says nothing, and costs little.
 *
 * - The acceptor takes the peer under the ID of its key, whatever else the certificate says, or closes with HANDSHAKE_FAILED,
 *   VERSION_UNSUPPORTED or PROTOCOL_VIOLATION (too many CRYPTO bytes). Nothing is thrown.
 */
import { strict as assert } from 'node:assert'
import { type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { identityFromSeed, peerIdOfKey } from '../../../src/secure/identity.ts'
import { Keyring } from '../../../src/secure/keyring.ts'
import { accept, dial, Link, makeParty, type Owner, type Party } from '../../support/channel-pair.ts'
import type { Target } from '../target.ts'

const CODES = ['HANDSHAKE_FAILED', 'VERSION_UNSUPPORTED', 'PROTOCOL_VIOLATION']

export const certificate: Target = {
  name: 'certificate',
  inputBytesMax: 16_384,
  msBase: 3_000,
  msPerKib: 100,
  batch: 16,
  prepare: async () => {
    // Always the same key, or what is in the corpus could not be shown with it.
    const identity = await identityFromSeed(new Uint8Array(32).fill(1))
    const [client, server] = [{ identity, keyring: new Keyring<Owner>() }, await makeParty()]
    const der = new Uint8Array(new X509Certificate(client.identity.certPem).raw)
    return { seeds: [der], run: input => run(client, server, input) }
  },
}

async function run(client: Party, server: Party, der: Uint8Array): Promise<void> {
  const odd = withCertificate(client, der)
  if (odd === undefined) return
  const { party, publicKey } = odd
  const link = new Link(dial(party, server), accept(server))
  link.dialer.channel.start()
  await link.settle()
  const { closed, channel } = link.acceptor
  if (closed === undefined) assert.equal(channel.peerId, peerIdOfKey(publicKey))
  else assert(closed.from === 'peer' || CODES.includes(closed.code), closed.code)
  link.dialer.channel.release()
  channel.release()
}

/** @returns undefined when this client cannot show it */
function withCertificate(client: Party, der: Uint8Array): { party: Party; publicKey: KeyObject } | undefined {
  const body = Buffer.from(der).toString('base64')
  const cert = `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`
  const { keyPem: key } = client.identity
  try {
    const { publicKey } = new X509Certificate(cert)
    const secureContext = createSecureContext({ key, cert, ca: cert, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' })
    return { party: { ...client, identity: { ...client.identity, secureContext } }, publicKey }
  } catch {
    return undefined
  }
}
