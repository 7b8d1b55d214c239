/**
 * The full handshake: TLS 1.3 with a certificate on both sides, over bytes that travel in CRYPTO frames.
 *
 *     dialer = TLS client                                   acceptor = TLS server
 *       ClientHello (ALPN holdfast/1)  ------------------->
 *                                      <-------------------   ServerHello .. Certificate .. Finished
 *       onDone (its own Finished may leave after this)
 *       Certificate .. Finished        ------------------->   onDone
 *                                      <-------------------   NewSessionTickets, which Node cannot switch off: ignored
 *
 * TLS proves that the peer holds the key in its certificate, and no more: chains, names and dates are not looked at.
 * The caller must compare the peer ID with the one it wants. ALPN is the protocol version, inside the transcript, so
 * nobody on the path can lower it. No SNI, no resumption of TLS's own, which would show a certificate out of a cache.
 */
import { Duplex } from 'node:stream'
import { connect, TLSSocket } from 'node:tls'
import type { WireCode } from '../base/codes.ts'
import { RemoteError } from '../base/errors.ts'
import { concatBytes } from '../wire/bytes.ts'
import { type Identity, type PeerId, peerIdBytes, peerIdOfKey } from './identity.ts'
import { EXPORTER_LABEL, type Role, SECRET_BYTES } from './key-schedule.ts'

/** The protocol version. */
export const ALPN = 'holdfast/1'

export interface TlsHandlers {
  /** Bytes for the peer's TLS; some come after onDone. */
  onBytes(bytes: Uint8Array): void
  /** @param exporter the secret of the key schedule, to be erased by its user */
  onDone(peerId: PeerId, exporter: Uint8Array): void
  onFailed(code: WireCode, detail: string): void
}

/** Calls onDone or onFailed once, perhaps from within handleBytes(); nothing after destroy(). */
export class TlsHandshake {
  readonly #role: Role
  readonly #identity: Identity
  readonly #handlers: TlsHandlers
  readonly #pipe: Duplex
  readonly #tls: TLSSocket
  #state: 'running' | 'settled' | 'destroyed' = 'running'

  constructor(role: Role, identity: Identity, handlers: TlsHandlers) {
    this.#role = role
    this.#identity = identity
    this.#handlers = handlers
    this.#pipe = new Duplex({ read: () => {}, write: (bytes, _encoding, done) => this.#write(bytes, done) })
    this.#tls = role === 'dialer' ? this.#client() : this.#server()
    this.#tls.on('error', error => this.#fail(error))
    this.#pipe.on('error', () => {})
    this.#tls.resume()
  }

  /** What came from the peer's TLS; copied. */
  handleBytes(pieces: readonly Uint8Array[]): void {
    if (this.#state !== 'destroyed') for (const piece of pieces) this.#pipe.push(piece.slice())
  }

  /** Frees TLS. Harmless when repeated. */
  destroy(): void {
    this.#state = 'destroyed'
    this.#tls.destroy()
    this.#pipe.destroy()
  }

  #client(): TLSSocket {
    const { secureContext } = this.#identity
    const options = { socket: this.#pipe, secureContext, ALPNProtocols: [ALPN], rejectUnauthorized: false }
    return connect({ ...options, checkServerIdentity: () => undefined }, () => this.#finish())
  }

  #server(): TLSSocket {
    const { secureContext } = this.#identity
    const options = { isServer: true, requestCert: true, rejectUnauthorized: false, ALPNProtocols: [ALPN] }
    const tls = new TLSSocket(this.#pipe, { ...options, secureContext })
    tls.on('secure', () => this.#finish())
    return tls
  }

  #write(bytes: Uint8Array, done: () => void): void {
    if (this.#state !== 'destroyed') this.#handlers.onBytes(bytes)
    done()
  }

  #finish(): void {
    let peerId: PeerId
    let exporter: Uint8Array
    try {
      peerId = this.#judge()
      const ids = [peerIdBytes(this.#identity.peerId), peerIdBytes(peerId)]
      if (this.#role === 'acceptor') ids.reverse()
      exporter = this.#tls.exportKeyingMaterial(SECRET_BYTES, EXPORTER_LABEL, Buffer.from(concatBytes(ids)))
    } catch (error) {
      return this.#fail(error)
    }
    this.#state = 'settled'
    this.#handlers.onDone(peerId, exporter)
  }

  #judge(): PeerId {
    if (this.#tls.alpnProtocol !== ALPN) {
      throw new RemoteError('VERSION_UNSUPPORTED')
    }
    const certificate = this.#tls.getPeerX509Certificate()
    if (certificate === undefined || this.#tls.isSessionReused()) {
      throw new RemoteError('HANDSHAKE_FAILED', 'the peer showed no certificate in this handshake')
    }
    return peerIdOfKey(certificate.publicKey)
  }

  /** Once TLS has given its secret, what becomes of it does not matter: such errors end here. */
  #fail(error: unknown): void {
    if (this.#state !== 'running') return
    this.#state = 'settled'
    const code = failureCode(error)
    this.#handlers.onFailed(code, code === 'VERSION_UNSUPPORTED' ? NO_VERSION : (error as Error).message)
  }
}

/** TLS has words of its own for this, which no person wants to read. */
const NO_VERSION = `the peer does not offer the protocol version ${ALPN}`

function failureCode(error: unknown): WireCode {
  if (error instanceof RemoteError) return error.code
  return String((error as NodeJS.ErrnoException).code).includes('NO_APPLICATION_PROTOCOL')
    ? 'VERSION_UNSUPPORTED'
    : 'HANDSHAKE_FAILED'
}
