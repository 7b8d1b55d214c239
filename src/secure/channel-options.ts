/** What the owner of a secure channel gives it (channel.ts). */
import type { WireCode } from '../base/codes.ts'
import type { Identity, PeerId } from './identity.ts'
import type { Keyring } from './keyring.ts'
import type { TakenHandle } from './keyset.ts'

export interface ChannelHandlers {
  /** Whole outer frames in pieces, in the order they must leave. */
  onSend(parts: Uint8Array[]): void
  /** Plaintext of one record, in pieces; none for an empty record. May throw RemoteError, which closes the channel. */
  onRecord(parts: Uint8Array[]): void
  /** This side may seal from now on; `peerId` and `keyset` are set. */
  onReady(): void
  /** Before the onRecord of the record that showed it. */
  onConfirmed(): void
  /** The last call. `local`: the peer has been told; `peer`: by its CLOSE, which anybody on the path can forge. */
  onClosed(code: WireCode, detail: string, from: 'local' | 'peer'): void
}

export interface CommonOptions<Owner> {
  readonly identity: Identity
  readonly keyring: Keyring<Owner>
  /** Fresh random bytes. @default node:crypto randomBytes */
  readonly random?: (bytes: number) => Uint8Array
  /** Plaintext bytes under one key; reaching it closes with KEY_EXHAUSTED. @default LIMITS.keyBytesMax */
  readonly keyBytesMax?: number
}

export interface DialOptions<Owner> extends CommonOptions<Owner> {
  readonly expectedPeerId: PeerId
  /** From `keyring.take()`, for this connection alone. @default a full handshake */
  readonly resume?: TakenHandle<Owner> | undefined
}

export interface AcceptOptions<Owner> extends CommonOptions<Owner> {
  /** Judges a peer that proved this ID, or names it in a RESUME: then `owner` is its keyset's, if that has one. */
  readonly admit: (peerId: PeerId, owner: Owner | undefined) => true | WireCode
  /** Asked before a full handshake, which costs a signature; a RESUME is cheap and not asked about. @default true */
  readonly mayHandshake?: () => true | WireCode
}
