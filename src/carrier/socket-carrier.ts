/**
 * What the carriers over a socket share: the queue and its bounds, the orderly and the sudden end.
 *
 *     open --close()-----------------> closing --peer's end, or LIMITS.carrierCloseMs--> closed
 *     open --broken frame, onClose---> closing
 *     open --destroy(), peer's end, failure, onClose-----------------------------------> closed
 *
 * While closing, what arrives is read and thrown away: closing a socket with unread bytes makes the kernel send RST,
 * and an RST takes from the peer what it has received and not yet read, which is the tail that was just flushed.
 */
import type { Socket } from 'node:net'
import type { HostPort, Scheme } from '../base/endpoint.ts'
import { plainAddress } from '../base/endpoint.ts'
import type { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { type Carrier, type CarrierClose, type CarrierHandlers, closeFrame } from './carrier.ts'
import { Delivery } from './delivery.ts'

export abstract class SocketCarrier implements Carrier {
  readonly scheme: Scheme
  readonly local: HostPort
  readonly remote: HostPort
  readonly connectMs: number | undefined
  readonly closed: Promise<void>
  protected readonly socket: Socket
  protected readonly delivery = new Delivery()
  #state: 'open' | 'closing' | 'closed' = 'open'
  #isDrainOwed = false
  #isCorked = false
  #closeTimer: NodeJS.Timeout | undefined
  #failure: Error | undefined

  /** @param socket a connected one, not yet read from */
  constructor(scheme: Scheme, socket: Socket, connectMs: number | undefined) {
    this.scheme = scheme
    this.connectMs = connectMs
    this.socket = socket
    this.local = { host: plainAddress(socket.localAddress ?? ''), port: socket.localPort ?? 0 }
    this.remote = { host: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
    this.closed = new Promise(resolve => {
      if (socket.closed) resolve()
      else socket.once('close', () => resolve())
    })
    socket.on('error', error => {
      this.#failure ??= error
    })
  }

  get queuedBytes(): number {
    return this.#state === 'closed' ? 0 : this.socket.writableLength
  }

  attach(handlers: CarrierHandlers): void {
    this.delivery.attach(handlers)
    if (this.#state === 'open') this.resume()
  }

  send(parts: readonly Uint8Array[]): boolean {
    if (this.#state !== 'open' || !this.isWritable()) return false
    this.write(parts)
    const queued = this.socket.writableLength
    if (queued < LIMITS.carrierHighWaterBytes) return true
    this.#isDrainOwed = true
    if (queued >= LIMITS.carrierQueueBytesMax) this.#overflow(queued)
    return false
  }

  close(): void {
    this.delivery.stop()
    this.#endInOrder()
  }

  destroy(): void {
    this.delivery.stop()
    this.#cut()
  }

  /** False where the peer has begun to close and nothing may follow. */
  protected abstract isWritable(): boolean
  /** Writes the pieces by `writePieces`. */
  protected abstract write(parts: readonly Uint8Array[]): void
  /** Starts to read. */
  protected abstract resume(): void
  /** Sends the end of stream after what was written, and goes on reading. */
  protected abstract end(): void

  protected writePieces(pieces: readonly Uint8Array[]): void {
    this.#cork()
    const last = pieces.length - 1
    for (let i = 0; i < last; i++) this.socket.write(pieces[i]!)
    if (last >= 0) this.socket.write(pieces[last]!, error => this.#handleWritten(error))
  }

  /** Until the turn of the event loop ends, so that all that is sent in it leaves by one writev. */
  #cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.socket.cork()
    process.nextTick(() => {
      this.#isCorked = false
      this.socket.uncork()
    })
  }

  /** The connection is over, whoever ended it. */
  protected handleEnd(detail: string, code?: CarrierClose['code']): void {
    const cause = this.#failure === undefined ? detail : `the connection failed: ${this.#failure.message}`
    this.#release()
    this.socket.destroy()
    this.delivery.handleClose(code === undefined ? { detail: cause } : { code, detail: cause })
  }

  /** The peer broke a rule of framing: tell it, and end. */
  protected handleFault(fault: RemoteError): void {
    if (this.#state === 'open' && this.isWritable()) this.write(closeFrame(fault.code))
    this.#endInOrder()
    this.delivery.handleClose({ code: fault.code, detail: fault.message })
  }

  #endInOrder(): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.end()
    this.resume()
    // Does not keep the process alive by itself; the open socket does.
    this.#closeTimer = setTimeout(() => this.#cut(), LIMITS.carrierCloseMs).unref()
  }

  /** With RST, so that neither kernel goes on working for a carrier that nobody wants. */
  #cut(): void {
    if (this.#state === 'closed') return
    this.#release()
    // A TLS socket does not reach its TCP handle. After end(), libuv refuses the reset, and the handle would leak.
    if (this.scheme === 'wss' || this.socket.writableEnded) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  #release(): void {
    this.#state = 'closed'
    clearTimeout(this.#closeTimer)
  }

  #overflow(queued: number): void {
    this.#cut()
    queueMicrotask(() =>
      this.delivery.handleClose({
        code: 'OVERLOADED',
        detail: `${queued} bytes were queued and the peer did not read`,
      }),
    )
  }

  #handleWritten(error: Error | null | undefined): void {
    if (error) return
    if (!this.#isDrainOwed || this.socket.writableLength > LIMITS.carrierHighWaterBytes / 2) return
    this.#isDrainOwed = false
    this.delivery.handleDrain()
  }
}
