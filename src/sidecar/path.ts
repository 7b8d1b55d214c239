/**
 * One carrier with its secure channel: what the pump hands records to and gets records from.
 *
 *     socket <-> Carrier <- outer frames -> SecureChannel <- records -> owner (the reception, then a pump)
 *
 * Whichever of the two ends first takes the other with it, and the owner hears of it once. A path on which no record of the
 * peer's has opened within LIMITS.handshakeMs is closed here, since neither part has a clock.
 */
import { performance } from 'node:perf_hooks'
import type { WireCode } from '../base/codes.ts'
import type { Endpoint } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import type { Carrier } from '../carrier/carrier.ts'
import type { SecureChannel } from '../secure/channel.ts'
import type { ChannelHandlers } from '../secure/channel-options.ts'
import type { Pump } from './pump.ts'

export interface PathOwner {
  /** The path may be sealed on, and the peer's ID was compared. */
  handleReady(path: Path): void
  /** @throws RemoteError closes the path with its code */
  handleRecord(path: Path, parts: readonly Uint8Array[]): void
  handleConfirmed(path: Path): void
  handleBlocked(path: Path, isBlocked: boolean): void
  /** The last call. `code` is undefined when the connection merely ended. */
  handleLost(path: Path, code: WireCode | undefined, detail: string): void
}

export class Path {
  readonly id: number
  readonly carrier: Carrier
  /** What was dialed; undefined for an accepted path. */
  readonly endpoint: Endpoint | undefined
  readonly channel: SecureChannel<Pump>
  /** Before our part of the handshake was sent; on the engine's clock. */
  readonly createdAt = performance.now()
  owner: PathOwner
  /** A whole frame has come: what answers speaks as a sidecar does. */
  hasFrame = false
  /** A record of the peer's has opened here. */
  hasRecord = false
  /** Its keyset belongs to an association. */
  isAdopted = false
  /** What the kernel chose as source address when this was dialed. */
  sourceAddress: string | undefined
  #isOver = false
  readonly #deadline: NodeJS.Timeout

  constructor(init: {
    id: number
    carrier: Carrier
    endpoint?: Endpoint
    owner: PathOwner
    channel: (handlers: ChannelHandlers) => SecureChannel<Pump>
  }) {
    this.id = init.id
    this.carrier = init.carrier
    this.endpoint = init.endpoint
    this.owner = init.owner
    this.channel = init.channel(this.#channelHandlers())
    this.#deadline = setTimeout(() => this.channel.close('HANDSHAKE_TIMEOUT'), LIMITS.handshakeMs)
  }

  get isDialed(): boolean {
    return this.endpoint !== undefined
  }

  start(): void {
    this.carrier.attach({
      onFrame: frame => {
        this.hasFrame = true
        this.channel.handleFrame(frame)
      },
      onDrain: () => this.owner.handleBlocked(this, false),
      onClose: ({ code, detail }) => {
        this.channel.release()
        this.#end(code, detail)
      },
    })
    if (this.isDialed) this.channel.start()
  }

  /** Says why, flushes, and closes. */
  close(code: WireCode, detail?: string): void {
    this.channel.close(code, detail)
  }

  /** Nothing can be said any more, as when the address is gone, or there is nobody to say it to. */
  destroy(detail: string, code?: WireCode): void {
    this.channel.release()
    this.carrier.destroy()
    this.#end(code, detail)
  }

  #channelHandlers(): ChannelHandlers {
    return {
      onSend: parts => {
        if (!this.carrier.send(parts)) this.owner.handleBlocked(this, true)
      },
      onReady: () => this.owner.handleReady(this),
      onConfirmed: () => this.owner.handleConfirmed(this),
      onRecord: parts => {
        if (!this.hasRecord) clearTimeout(this.#deadline)
        this.hasRecord = true
        this.owner.handleRecord(this, parts)
      },
      onClosed: (code, detail, from) => {
        this.carrier.close()
        this.#end(code, from === 'peer' ? `the peer closed it: ${detail}` : detail)
      },
    }
  }

  /** A stranger has long enough to read why, and not its place for as long as it will not end. */
  #cutSoon(): void {
    setTimeout(() => this.carrier.destroy(), LIMITS.refusedLingerMs).unref()
  }

  #end(code: WireCode | undefined, detail: string): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#deadline)
    if (!this.hasRecord) this.#cutSoon()
    this.owner.handleLost(this, code, detail)
  }
}
