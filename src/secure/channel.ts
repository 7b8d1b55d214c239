/**
 * One carrier's security: frames of the peer in, plaintext records out, and the other way round. No sockets, no timers:
 * its owner carries the frames and closes it when a deadline passes.
 *
 *     full handshake                                       resumption, one round trip less
 *       CRYPTO ... (TLS 1.3, tls-handshake.ts)               RESUME(handle, nonce) ---->
 *       <-------------------------------------->             EARLY, EARLY, ...    ---->   first one opens: handle spent
 *       RECORD  <---------------->  RECORD                                        <----   ACCEPT(nonce), RECORD
 *                                                            RECORD               ---->   confirmed
 *
 * *Ready*: this side may seal; the peer's ID is known and was compared. A dialer that resumes is ready at once.
 * *Confirmed*: a record of the peer's has opened under keys that both sides made fresh. Until then an acceptor may be
 * talking to a recorded first flight, and a dialer to an acceptor that has not judged it. So that this takes no more
 * than one round trip, both sides of a resumption send a RECORD, an empty one, at once.
 *
 * | state \ frame | CRYPTO    | RESUME  | ACCEPT | EARLY | RECORD | from -> to                               |
 * |---------------|-----------|---------|--------|-------|--------|------------------------------------------|
 * | unstarted     | -         | -       | -      | -     | -      | dialer; start() -> handshaking, resuming |
 * | waiting       | handshake | look up | -      | -     | -      | acceptor -> handshaking, unproven        |
 * | handshaking   | to TLS    | -       | -      | -     | keep   | -> full                                  |
 * | full          | to TLS    | -       | -      | -     | open   |                                          |
 * | unproven      | -         | -       | -      | prove | -      | acceptor -> early                        |
 * | early         | -         | -       | -      | open  | open   | acceptor; the first RECORD -> resumed    |
 * | resuming      | -         | -       | switch | -     | -      | dialer before ACCEPT -> resumed          |
 * | resumed       | -         | -       | -      | -     | open   |                                          |
 *
 * A dash is a PROTOCOL_VIOLATION. CLOSE is good everywhere: not authenticated, it ends this carrier and nothing else.
 * RECORDs are kept while handshaking because Node reports a TLS client's handshake before its Finished is on the wire.
 */
import { randomBytes } from 'node:crypto'
import { assert } from '../base/assert.ts'
import { CODES, codeOf, type WireCode, wireOf } from '../base/codes.ts'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength, concatBytes, getUint, putUint } from '../wire/bytes.ts'
import { OUTER, OUTER_HEADER_BYTES, type OuterFrame, type OuterType, outerFrame } from '../wire/outer-frame.ts'
import type { AcceptOptions, ChannelHandlers, CommonOptions, DialOptions } from './channel-options.ts'
import type { PeerId } from './identity.ts'
import { earlyKey, HANDLE_BYTES, NONCE_BYTES, type Role, recordKeys } from './key-schedule.ts'
import { Keyset, type KnownHandle, type TakenHandle } from './keyset.ts'
import { Opener, Sealer } from './record.ts'
import { TlsHandshake } from './tls-handshake.ts'

type State = 'unstarted' | 'waiting' | 'handshaking' | 'full' | 'unproven' | 'early' | 'resuming' | 'resumed' | 'closed'
type StepName = 'startTls' | 'feedTls' | 'keep' | 'open' | 'lookUp' | 'prove' | 'openEarly' | 'switchKeys'

/** Who may come in. */
type Gate<Owner> = Pick<AcceptOptions<Owner>, 'admit' | 'mayHandshake'>

const STEPS: Record<State, Partial<Record<OuterType, StepName>>> = {
  unstarted: {},
  waiting: { [OUTER.CRYPTO]: 'startTls', [OUTER.RESUME]: 'lookUp' },
  handshaking: { [OUTER.CRYPTO]: 'feedTls', [OUTER.RECORD]: 'keep' },
  full: { [OUTER.CRYPTO]: 'feedTls', [OUTER.RECORD]: 'open' },
  unproven: { [OUTER.EARLY]: 'prove' },
  early: { [OUTER.EARLY]: 'openEarly', [OUTER.RECORD]: 'open' },
  resuming: { [OUTER.ACCEPT]: 'switchKeys' },
  resumed: { [OUTER.RECORD]: 'open' },
  closed: {},
}

export class SecureChannel<Owner> {
  readonly #role: Role
  readonly #options: CommonOptions<Owner>
  readonly #gate: Gate<Owner>
  readonly #handlers: ChannelHandlers
  readonly #random: (bytes: number) => Uint8Array
  #state: State
  #isConfirmed = false
  #isResumed = false
  #keyset: Keyset<Owner> | undefined
  #sealer: Sealer | undefined
  #opener: Opener | undefined
  #tls: TlsHandshake | undefined
  /** CRYPTO bytes that came, headers included, so that an empty frame is not for nothing; at most LIMITS.cryptoBytesMax. */
  #cryptoBytes = 0
  /** RECORDs before the handshake was complete; #keptBytes, headers included, is at most LIMITS.earlyBytesMax. */
  #kept: OuterFrame[] = []
  #keptBytes = 0
  /** A dialer's, until ACCEPT. */
  #taken: TakenHandle<Owner> | undefined
  #dialerNonce: Uint8Array = NOTHING
  /** An acceptor's, while unproven. */
  #known: KnownHandle<Owner> | undefined
  /** An acceptor's, until the first RECORD. */
  #earlyOpener: Opener | undefined
  /** What came up while another task ran: handlers may cause input, and it must not overtake. */
  readonly #tasks: (() => void)[] = []
  #isBusy = false

  /** A channel over a connection that this side made. Nothing is sent before start(). */
  static dial<Owner>(options: DialOptions<Owner>, handlers: ChannelHandlers): SecureChannel<Owner> {
    const admit = (peerId: PeerId): true | WireCode => peerId === options.expectedPeerId || 'PEER_MISMATCH'
    const channel = new SecureChannel<Owner>('dialer', options, { admit }, handlers)
    channel.#taken = options.resume
    return channel
  }

  /** A channel over a connection that the peer made. */
  static accept<Owner>(options: AcceptOptions<Owner>, handlers: ChannelHandlers): SecureChannel<Owner> {
    return new SecureChannel<Owner>('acceptor', options, options, handlers)
  }

  private constructor(role: Role, options: CommonOptions<Owner>, gate: Gate<Owner>, handlers: ChannelHandlers) {
    this.#role = role
    this.#options = options
    this.#gate = gate
    this.#handlers = handlers
    this.#random = options.random ?? randomBytes
    this.#state = role === 'dialer' ? 'unstarted' : 'waiting'
  }

  /** Set from onReady on. */
  get peerId(): PeerId | undefined {
    return this.#keyset?.peerId
  }

  /** Made by the full handshake, or resumed from; set from onReady on. */
  get keyset(): Keyset<Owner> | undefined {
    return this.#keyset
  }

  get isReady(): boolean {
    return this.#sealer !== undefined
  }

  get isConfirmed(): boolean {
    return this.#isConfirmed
  }

  get isResumed(): boolean {
    return this.#isResumed
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Plaintext bytes sealed under the key in use; the owner rekeys before LIMITS.keyBytesMax. */
  get sealedBytes(): number {
    return this.#sealer?.sealedBytes ?? 0
  }

  /** A dialer's first flight. When it resumes, onReady is called before this returns. */
  start(): void {
    assert(this.#state === 'unstarted', 'only a dialer starts, and once')
    this.#run(() => (this.#taken === undefined ? this.#startTls() : this.#resume(this.#taken)))
  }

  /** Never throws what the peer has caused. The frame's body may be overwritten afterwards. */
  handleFrame(frame: OuterFrame): void {
    this.#run(() => this.#take(frame))
  }

  /** Seals one record and sends it. Only when ready; after the close it does nothing. `parts` may be empty. */
  seal(parts: readonly Uint8Array[]): void {
    if (this.isClosed) return
    const sealer = this.#sealer
    assert(sealer !== undefined, 'nothing can be sealed before onReady')
    const keyBytesMax = this.#options.keyBytesMax ?? LIMITS.keyBytesMax
    if (sealer.sealedBytes + byteLength(parts) > keyBytesMax) return this.close('KEY_EXHAUSTED')
    this.#handlers.onSend(sealer.seal(this.#state === 'resuming' ? OUTER.EARLY : OUTER.RECORD, parts))
  }

  /** Tells the peer, erases all keys, and calls onClosed. Harmless when repeated. */
  close(code: WireCode, detail: string = CODES[code].says): void {
    if (this.isClosed) return
    this.release()
    const body = new Uint8Array(CODE_BYTES)
    putUint(body, 0, CODE_BYTES, wireOf(code))
    this.#handlers.onSend(outerFrame(OUTER.CLOSE, body))
    this.#handlers.onClosed(code, detail, 'local')
  }

  /** The carrier is gone: erases all keys and calls nothing any more. Harmless when repeated. */
  release(): void {
    this.#state = 'closed'
    this.#sealer?.erase()
    this.#opener?.erase()
    this.#earlyOpener?.erase()
    this.#sealer = this.#opener = this.#earlyOpener = undefined
    this.#taken?.key.fill(0)
    this.#taken = this.#known = undefined
    this.#tls?.destroy()
    this.#tls = undefined
    this.#kept = []
  }

  #run(task: () => void): void {
    this.#tasks.push(task)
    if (this.#isBusy) return
    this.#isBusy = true
    try {
      for (let next = this.#tasks.shift(); next !== undefined; next = this.#tasks.shift()) this.#attempt(next)
    } finally {
      this.#isBusy = false
    }
  }

  #attempt(task: () => void): void {
    if (this.isClosed) return
    try {
      task()
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error
      this.close(error.code, error.message)
    }
  }

  #take(frame: OuterFrame): void {
    if (frame.type === OUTER.CLOSE) return this.#closedByPeer(frame)
    const step = STEPS[this.#state][frame.type]
    if (step === 'open') this.#open(frame)
    else if (step === 'startTls') this.#accept(frame)
    else if (step === 'feedTls') this.#feedTls(frame)
    else if (step === 'keep') this.#keep(frame)
    else if (step === 'lookUp') this.#lookUp(frame)
    else if (step === 'prove') this.#prove(frame)
    else if (step === 'openEarly') this.#deliver(this.#opened(this.#earlyOpener, frame))
    else if (step === 'switchKeys') this.#switchKeys(frame)
    else throw new RemoteError('PROTOCOL_VIOLATION', `a frame of type ${frame.type} came while ${this.#state}`)
  }

  #closedByPeer(frame: OuterFrame): void {
    const body = concatBytes(frame.body)
    if (body.length < CODE_BYTES) throw new RemoteError('FRAME_MALFORMED', 'a CLOSE frame without its code')
    const code = codeOf(getUint(body, 0, CODE_BYTES))
    this.release()
    this.#handlers.onClosed(code, CODES[code].says, 'peer')
  }

  // ---- full handshake

  #accept(frame: OuterFrame): void {
    const verdict = this.#gate.mayHandshake?.() ?? true
    if (verdict !== true) return this.close(verdict)
    this.#startTls()
    this.#feedTls(frame)
  }

  #startTls(): void {
    this.#state = 'handshaking'
    this.#tls = new TlsHandshake(this.#role, this.#options.identity, {
      onBytes: bytes => this.#handlers.onSend(outerFrame(OUTER.CRYPTO, bytes)),
      onDone: (peerId, exporter) => this.#run(() => this.#finishHandshake(peerId, exporter)),
      onFailed: (code, detail) => this.#run(() => this.close(code, detail)),
    })
    // A dialer's ClientHello has left by now, and sending it may have shown that the carrier is gone.
    if (this.isClosed) this.release()
  }

  /** Once confirmed, TLS is gone, and what its peer still says is dropped. */
  #feedTls(frame: OuterFrame): void {
    this.#cryptoBytes += OUTER_HEADER_BYTES + byteLength(frame.body)
    if (this.#cryptoBytes > LIMITS.cryptoBytesMax) {
      throw new RemoteError('PROTOCOL_VIOLATION', `more than ${LIMITS.cryptoBytesMax} bytes in CRYPTO frames`)
    }
    this.#tls?.handleBytes(frame.body)
  }

  /** Copies, so that a small frame does not pin a large chunk while it waits. */
  #keep({ type, header, body }: OuterFrame): void {
    this.#keptBytes += OUTER_HEADER_BYTES + byteLength(body)
    if (this.#keptBytes > LIMITS.earlyBytesMax) {
      throw new RemoteError('PROTOCOL_VIOLATION', `more than ${LIMITS.earlyBytesMax} bytes before the handshake's end`)
    }
    this.#kept.push({ type, header, body: [new Uint8Array(concatBytes(body))] })
  }

  #finishHandshake(peerId: PeerId, exporter: Uint8Array): void {
    const { identity, keyring } = this.#options
    this.#admit(peerId, undefined)
    const keyset = new Keyset<Owner>(exporter, identity.peerId, peerId, keyring.handles)
    const key = keyset.begin(this.#role)
    keyring.add(keyset)
    this.#become('full', keyset, key, [])
    this.#ready()
    const kept = this.#kept
    this.#kept = []
    for (const frame of kept) if (!this.isClosed) this.#open(frame)
  }

  /** @throws RemoteError when this peer may not be here */
  #admit(peerId: PeerId, owner: Owner | undefined): void {
    const isSelf = peerId === this.#options.identity.peerId
    const verdict = isSelf ? 'DUPLICATE_IDENTITY' : this.#gate.admit(peerId, owner)
    if (verdict !== true) throw new RemoteError(verdict, `${CODES[verdict].says}: ${peerId}`)
  }

  // ---- resumption, dialer

  #resume(taken: TakenHandle<Owner>): void {
    this.#state = 'resuming'
    this.#isResumed = true
    this.#keyset = taken.keyset
    this.#dialerNonce = this.#random(NONCE_BYTES)
    this.#sealer = new Sealer(earlyKey(taken.key, this.#dialerNonce))
    this.#handlers.onSend(outerFrame(OUTER.RESUME, taken.handle, this.#dialerNonce))
    this.#ready()
  }

  #switchKeys(frame: OuterFrame): void {
    const acceptorNonce = wholeBody(frame, NONCE_BYTES)
    const { keyset, key } = this.#taken!
    this.#sealer!.erase()
    this.#become('resumed', keyset, key, [this.#dialerNonce, acceptorNonce])
    this.#taken = undefined
    this.seal([])
  }

  // ---- resumption, acceptor

  #lookUp(frame: OuterFrame): void {
    const body = wholeBody(frame, HANDLE_BYTES + NONCE_BYTES)
    const known = this.#options.keyring.find(body.subarray(0, HANDLE_BYTES))
    if (known === undefined) return this.close('HANDLE_UNKNOWN')
    this.#admit(known.keyset.peerId, known.keyset.owner)
    this.#state = 'unproven'
    this.#isResumed = true
    this.#known = known
    this.#dialerNonce = body.subarray(HANDLE_BYTES)
    this.#earlyOpener = new Opener(earlyKey(known.key, this.#dialerNonce))
  }

  /** The handle may have been spent, meanwhile, on another carrier. */
  #prove(frame: OuterFrame): void {
    const known = this.#known!
    if (!known.isLive) return this.close('HANDLE_UNKNOWN')
    const parts = this.#opened(this.#earlyOpener, frame)
    const acceptorNonce = this.#random(NONCE_BYTES)
    this.#known = undefined
    this.#become('early', known.keyset, known.key, [this.#dialerNonce, acceptorNonce])
    known.keyset.spend(known)
    this.#handlers.onSend(outerFrame(OUTER.ACCEPT, acceptorNonce))
    this.seal([])
    this.#ready()
    this.#deliver(parts)
  }

  // ---- records

  /** @param key erased here */
  #become(state: State, keyset: Keyset<Owner>, key: Uint8Array, nonces: readonly Uint8Array[]): void {
    const keys = recordKeys(key, nonces)
    key.fill(0)
    this.#state = state
    this.#keyset = keyset
    this.#sealer = new Sealer(keys[this.#role])
    this.#opener = new Opener(keys[this.#role === 'dialer' ? 'acceptor' : 'dialer'])
  }

  #open(frame: OuterFrame): void {
    const parts = this.#opened(this.#opener, frame)
    if (!this.#isConfirmed) this.#confirm()
    this.#deliver(parts)
  }

  /** Sending may have shown that the carrier is gone. */
  #ready(): void {
    if (!this.isClosed) this.#handlers.onReady()
  }

  /** The peer speaks under the record keys, so it needs neither our TLS nor our early key any more. */
  #confirm(): void {
    this.#isConfirmed = true
    if (this.#state === 'early') this.#state = 'resumed'
    this.#earlyOpener?.erase()
    this.#earlyOpener = undefined
    this.#tls?.destroy()
    this.#tls = undefined
    this.#handlers.onConfirmed()
  }

  /** @throws RemoteError RECORD_REJECTED */
  #opened(opener: Opener | undefined, frame: OuterFrame): Uint8Array[] {
    const parts = opener?.open(frame)
    if (parts === undefined) throw new RemoteError('RECORD_REJECTED')
    return parts
  }

  #deliver(parts: Uint8Array[]): void {
    if (!this.isClosed) this.#handlers.onRecord(parts)
  }
}

const CODE_BYTES = 2
const NOTHING = new Uint8Array(0)

/**
 * A copy of the frame's body.
 * @throws RemoteError FRAME_MALFORMED when it has another length
 */
function wholeBody(frame: OuterFrame, bytes: number): Uint8Array {
  const body = new Uint8Array(concatBytes(frame.body))
  if (body.length === bytes) return body
  throw new RemoteError('FRAME_MALFORMED', `a frame of type ${frame.type} has ${body.length} bytes, not ${bytes}`)
}
