import type { Code, WireCode } from '../../src/base/codes.ts'
import { SecureChannel } from '../../src/secure/channel.ts'
import type { AcceptOptions, ChannelHandlers, DialOptions } from '../../src/secure/channel-options.ts'
import { createIdentity, type Identity, loadIdentity } from '../../src/secure/identity.ts'
import { Keyring } from '../../src/secure/keyring.ts'
import { concatBytes } from '../../src/wire/bytes.ts'
import { type OuterFrame, OuterFrameParser } from '../../src/wire/outer-frame.ts'

/** An owner, as the sidecar's association is one. */
export interface Owner {
  readonly name: string
}

/** One sidecar: who it is and what it remembers. */
export interface Party {
  readonly identity: Identity
  readonly keyring: Keyring<Owner>
}

export async function makeParty(): Promise<Party> {
  return { identity: loadIdentity(await createIdentity()), keyring: new Keyring<Owner>() }
}

/** One side of a carrier: its channel, what it sent and what it was told. */
export class End implements ChannelHandlers {
  readonly channel: SecureChannel<Owner>
  /** Bytes of each onSend that were not taken yet. */
  sent: Uint8Array[] = []
  /** In order: 'ready', 'confirmed', 'record TEXT', 'closed CODE FROM'. */
  readonly events: string[] = []
  detail = ''
  /** Called inside the handlers, after the event was noted. */
  on: (event: string) => void = () => undefined
  readonly #parser = new OuterFrameParser()

  constructor(make: (handlers: ChannelHandlers) => SecureChannel<Owner>) {
    this.channel = make(this)
  }

  get records(): string[] {
    return this.events.filter(event => event.startsWith('record ')).map(event => event.slice(7))
  }

  /** What it was closed with, or undefined. */
  get closed(): { code: Code; from: string } | undefined {
    const [, code, from] = this.events.find(event => event.startsWith('closed '))?.split(' ') ?? []
    return code === undefined ? undefined : { code: code as Code, from: from! }
  }

  onSend(parts: Uint8Array[]): void {
    this.sent.push(concatBytes(parts))
  }

  onRecord(parts: Uint8Array[]): void {
    this.#note(`record ${Buffer.from(concatBytes(parts)).toString()}`)
  }

  onReady(): void {
    this.#note('ready')
  }

  onConfirmed(): void {
    this.#note('confirmed')
  }

  onClosed(code: WireCode, detail: string, from: 'local' | 'peer'): void {
    this.detail = detail
    this.#note(`closed ${code} ${from}`)
  }

  /** What was sent since the last call. */
  takeSent(): Uint8Array[] {
    const sent = this.sent
    this.sent = []
    return sent
  }

  seal(text: string): void {
    this.channel.seal([Buffer.from(text)])
  }

  /** Bytes from the peer, in pieces of `pieceBytes`. */
  feed(chunks: readonly Uint8Array[], pieceBytes = Number.POSITIVE_INFINITY): void {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += pieceBytes) {
        this.#parser.push(chunk.slice(at, Math.min(chunk.length, at + pieceBytes)), f => this.channel.handleFrame(f))
      }
    }
  }

  #note(event: string): void {
    this.events.push(event)
    this.on(event)
  }
}

export function dial(party: Party, expected: Party, more: Partial<DialOptions<Owner>> = {}): End {
  const options = { ...party, expectedPeerId: expected.identity.peerId, ...more }
  return new End(handlers => SecureChannel.dial(options, handlers))
}

export function accept(party: Party, more: Partial<AcceptOptions<Owner>> = {}): End {
  const options: AcceptOptions<Owner> = { ...party, admit: () => true, ...more }
  return new End(handlers => SecureChannel.accept(options, handlers))
}

/** Carries bytes between two ends, cut as asked. */
export class Link {
  readonly dialer: End
  readonly acceptor: End
  pieceBytes = Number.POSITIVE_INFINITY
  /** Everything that went from the dialer to the acceptor. */
  readonly recorded: Uint8Array[] = []

  constructor(dialer: End, acceptor: End) {
    this.dialer = dialer
    this.acceptor = acceptor
  }

  /** Carries until nothing more comes; TLS runs in later turns of the event loop. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 12; quiet++) {
      if (this.carry()) quiet = 0
      await turn()
    }
  }

  /** Carries what is there, both ways. */
  carry(): boolean {
    const there = this.dialer.takeSent()
    this.recorded.push(...there)
    this.acceptor.feed(there, this.pieceBytes)
    const back = this.acceptor.takeSent()
    this.dialer.feed(back, this.pieceBytes)
    return there.length + back.length > 0
  }
}

export function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** After a full handshake and one record each way: both keyrings hold the keyset, with an owner. */
export async function establish(a: Party, b: Party, ownerA: Owner, ownerB: Owner): Promise<Link> {
  const link = new Link(dial(a, b), accept(b))
  link.dialer.channel.start()
  await link.settle()
  link.dialer.seal('hello')
  link.acceptor.seal('hello back')
  await link.settle()
  a.keyring.adopt(link.dialer.channel.keyset!, ownerA)
  b.keyring.adopt(link.acceptor.channel.keyset!, ownerB)
  return link
}

/** The frames in bytes that were sent. */
export function framesOf(chunks: readonly Uint8Array[]): OuterFrame[] {
  const frames: OuterFrame[] = []
  const parser = new OuterFrameParser()
  for (const chunk of chunks) parser.push(chunk, frame => frames.push(frame))
  return frames
}
