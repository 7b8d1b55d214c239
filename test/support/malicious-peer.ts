/** A peer with a pinned key and no engine: it seals whatever it is told to, and counts what it hears. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { WireCode } from '../../src/base/codes.ts'
import { SecureChannel } from '../../src/secure/channel.ts'
import { type Identity, type PeerId, peerIdBytes } from '../../src/secure/identity.ts'
import { Keyring } from '../../src/secure/keyring.ts'
import type { TakenHandle } from '../../src/secure/keyset.ts'
import { compareBytes, concatBytes } from '../../src/wire/bytes.ts'
import { encodeOpenRequest, INCARNATION_BYTES, SESSION_ID_BYTES } from '../../src/wire/control.ts'
import { dataHeader, FLAG_OPEN } from '../../src/wire/inner-frame.ts'
import { OUTER, OuterFrameParser } from '../../src/wire/outer-frame.ts'
import { control, frameTexts } from './frame-text.ts'

export interface Place {
  readonly port: number
  /** An address of 127.0.0.0/8: another network, as far as a sidecar can tell. */
  readonly from?: string
}

/** Whoever answers later than this does not answer. */
const PATIENCE_MS = 10_000
const RECORD_BYTES = 60_000

export class MaliciousPeer {
  readonly keyring = new Keyring<MaliciousPeer>()
  /** The frames that came, as words, without their numbers: how often each. */
  readonly heard = new Map<string, number>()
  /** Why the other side closed the carrier; undefined while it is open, or when it was merely cut. */
  closedBy: WireCode | undefined
  isOver = false
  /** What it sent and got as whole outer frames, the newest last; only a few are kept. */
  readonly sent: Uint8Array[] = []
  readonly got: Uint8Array[] = []
  readonly socket: Socket
  readonly #channel: SecureChannel<MaliciousPeer>
  #changed: () => void = () => undefined

  /** A full handshake, or with `resume` the first flight of a resumption. */
  static async meet(
    identity: Identity,
    expectedPeerId: PeerId,
    { port, from = '127.0.0.1' }: Place,
    resume?: TakenHandle<MaliciousPeer>,
  ): Promise<MaliciousPeer> {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from })
    socket.on('error', () => {})
    await once(socket, 'connect')
    const peer = new MaliciousPeer(socket, identity, expectedPeerId, resume)
    peer.#channel.start()
    await peer.until(() => peer.#channel.isReady)
    return peer
  }

  private constructor(
    socket: Socket,
    identity: Identity,
    expectedPeerId: PeerId,
    resume: TakenHandle<MaliciousPeer> | undefined,
  ) {
    this.socket = socket
    this.#channel = SecureChannel.dial<MaliciousPeer>(
      { identity, keyring: this.keyring, expectedPeerId, resume },
      {
        onSend: parts => this.#send(concatBytes(parts)),
        onRecord: parts => this.#hear(parts),
        onReady: () => this.#changed(),
        onConfirmed: () => {},
        onClosed: (code, _detail, from) => {
          if (from === 'peer') this.closedBy = code
          this.socket.destroy()
        },
      },
    )
    const parser = new OuterFrameParser()
    socket.on('data', chunk => {
      parser.push(chunk, frame => {
        if (frame.type === OUTER.RECORD) keep(this.got, concatBytes([frame.header, ...frame.body]))
        this.#channel.handleFrame(frame)
      })
      this.#changed()
    })
    socket.on('close', () => {
      this.isOver = true
      this.#changed()
    })
  }

  /** Says Hello and makes its carrier the active one, as an honest dialer does. */
  async greet(endpoints: readonly string[] = []): Promise<void> {
    const incarnation = randomBytes(INCARNATION_BYTES)
    const limits = { sessionsMax: 20_000, holdSeconds: 60, features: 0 }
    this.seal(
      control({ type: 'hello', incarnation, knownIncarnation: new Uint8Array(0), ...limits, endpoints }),
      control({ type: 'migrate', epoch: 1, reason: 'first', endpoints }),
    )
    await this.until(() => this.count('MIGRATE_ACK yes') > 0)
    this.keyring.adopt(this.#channel.keyset!, this)
  }

  seal(...parts: Uint8Array[]): void {
    this.#channel.seal(parts)
  }

  /** Any number of frames, in records that are not too large, as fast as the other side reads them. */
  async flood(frames: Iterable<Uint8Array>): Promise<void> {
    let record: Uint8Array[] = []
    let bytes = 0
    for (const frame of frames) {
      record.push(frame)
      bytes += frame.length
      if (bytes < RECORD_BYTES) continue
      this.seal(...record)
      record = []
      bytes = 0
      if (this.socket.writableNeedDrain) await Promise.race([once(this.socket, 'drain'), once(this.socket, 'close')])
      if (this.isOver) return
    }
    this.seal(...record)
  }

  /** Bytes in the clear, where a frame should be. */
  raw(...parts: Uint8Array[]): void {
    this.socket.write(concatBytes(parts))
  }

  /** How often a frame came whose words begin so. */
  count(words = ''): number {
    let sum = 0
    for (const [text, times] of this.heard) if (text.startsWith(words)) sum += times
    return sum
  }

  /** @throws Error with what was heard instead, when it takes too long or the carrier ends first */
  async until(holds: () => boolean): Promise<void> {
    const timer = setTimeout(() => this.#changed(), PATIENCE_MS)
    const untilMs = performance.now() + PATIENCE_MS
    try {
      while (!holds()) {
        if (this.isOver || performance.now() >= untilMs) {
          throw new Error(`closed by ${this.closedBy}; heard ${JSON.stringify([...this.heard])}`)
        }
        await new Promise<void>(resolve => {
          this.#changed = resolve
        })
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** @returns why it was closed */
  async closed(): Promise<string> {
    await this.until(() => this.isOver)
    return this.closedBy ?? 'cut'
  }

  destroy(): void {
    this.socket.destroy()
  }

  #send(bytes: Uint8Array): void {
    keep(this.sent, bytes)
    this.socket.write(bytes)
  }

  #hear(parts: readonly Uint8Array[]): void {
    for (const text of frameTexts(parts)) {
      const words = text.replace(/ @?\d[\d+/@]*/g, '')
      this.heard.set(words, (this.heard.get(words) ?? 0) + 1)
    }
    this.#changed()
  }
}

/** Refs as the dialer counts them: the lowest bit says whose they are. */
export function refsOf(identity: Identity, other: PeerId, count: number, from = 1): readonly number[] {
  const parity = compareBytes(peerIdBytes(identity.peerId), peerIdBytes(other)) > 0 ? 1 : 0
  return Array.from({ length: count }, (_, i) => 2 * (from + i) + parity)
}

export function openFrame(ref: number, port: number, host = '127.0.0.1'): Uint8Array {
  const sessionId = new Uint8Array(SESSION_ID_BYTES)
  new DataView(sessionId.buffer).setFloat64(0, ref)
  const request = encodeOpenRequest({ sessionId, host, port, client: '' })
  return concatBytes([dataHeader(ref, 0, FLAG_OPEN, request.length), request])
}

const KEPT = 8

function keep(list: Uint8Array[], bytes: Uint8Array): void {
  if (list.push(bytes.slice()) > KEPT) list.shift()
}
