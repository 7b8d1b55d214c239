/**
 * The manners of application and destination TCP sockets, accepted and dialed alike. A relay must end each stream the
 * way the other end did: FIN for FIN, RST for RST, and nothing that was written may get lost on the way.
 *
 *     open --end() and the peer's FIN--> closed     (FIN; the kernel delivers what it still holds)
 *     open --RST, or any socket error--> closed     (onReset)
 *     open --reset()--> resetting --what was written is acknowledged, or time is up--> closed     (RST)
 *
 * - A killed process would close with FIN and make a truncated stream look complete. So SO_LINGER {1,0} is on from
 *   accept or dial: every close() is an RST, whoever calls it. It is cleared just before an orderly close, and only
 *   there, or close() would throw away what the kernel has not sent.
 * - libuv before Node 24 can report a received RST as a clean end. An end counts as FIN only when the socket has no
 *   pending error; where SO_ERROR cannot be read, when a zero-length write succeeds. (Without SO_ERROR and after our
 *   own FIN nothing can be written, so there the end is believed.)
 * - After an end libuv no longer looks at the socket, so a reset that follows would be found by the next write, or never. Until
 *   the other direction has ended, too, SO_ERROR is read from time to time.
 * - A program's own keepalive ends at this socket, so it is on here too: a peer that vanished is found, and what forgets
 *   idle connections on the way is kept awake. libuv would give a peer up after ten seconds of probes, and with it a
 *   connection that outlives the outage without Holdfast; so how often is left to the host (75 s, nine times).
 * - What is urgent in TCP is one byte of the stream, and a reader who has not asked for it in its place does not get it. Here
 *   it is asked for: it reaches the other end as a byte like any other, where libc can be called.
 * - An RST overtakes data in the kernel's send queue, so reset() first waits until SIOCOUTQ says it is acknowledged.
 */
import net from 'node:net'
import { type HostPort, plainAddress } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import { originalDestinations } from './original-destination.ts'
import { type OwnSocketOptions, ownSocket } from './own-socket.ts'
import { adoptSocket, BoundedReading } from './slab-socket.ts'
import { type SocketCalls, socketCalls } from './socket-calls.ts'
import { WriteQueue } from './write-queue.ts'

export interface ApplicationHandlers {
  /** `chunk` is valid only during the call: the receiver copies. */
  onData(chunk: Uint8Array): void
  /** The peer half-closed: a genuine FIN. */
  onEnd(): void
  /** RST from the peer, or any socket error. Not called for our own `reset()`. */
  onReset(): void
  /** After `write()` returned false: the queue is empty again. */
  onDrain(): void
  /** What the next read should bring at most. @default LIMITS.slabBytes */
  readBytesMax?(): number
  /** So many bytes given to `write()` were taken by the kernel. */
  onConsumed(bytes: number): void
  /** Exactly once, last: after both directions ended, or after a reset. */
  onClosed(): void
}

/** The part of net.Socket that leads to the kernel's socket and has no public name. */
interface SocketParts {
  readonly _handle: { readonly fd: number } | null
}

type State = 'open' | 'resetting' | 'closed'

const NOTHING = new Uint8Array(0)
const OPTIONS = { allowHalfOpen: true, writableHighWaterMark: LIMITS.applicationHighWaterBytes }

export class ApplicationSocket {
  readonly local: HostPort
  readonly remote: HostPort
  readonly #socket: net.Socket
  readonly #calls: SocketCalls | null
  readonly #queue: WriteQueue
  #handlers: ApplicationHandlers | undefined
  #state: State = 'open'
  #isDrainOwed = false
  /** Looks for a reset after the peer's end. */
  #watch: NodeJS.Timeout | undefined
  /** Read by an earlier receiver, and not meant for it. */
  #unread: Uint8Array | undefined

  /** Takes a socket accepted by a server with `pauseOnConnect`; the given object is dead afterwards. */
  static adopt(accepted: net.Socket, calls = socketCalls()): ApplicationSocket {
    const reading = new BoundedReading()
    const socket = adoptSocket(accepted, reading, OPTIONS)
    return new ApplicationSocket(socket, reading, calls)
  }

  /**
   * @param to an IP address: no name is looked up
   * @param mark of its packets; none by default
   * @param source an address that need not be this host's, with its port or 0; the kernel chooses by default
   * @throws the error of Node (`code` ECONNREFUSED ...), or the reason of `signal`
   */
  static connect(
    to: HostPort,
    { signal, mark, source }: { readonly signal: AbortSignal } & OwnSocketOptions,
    calls = socketCalls(),
  ): Promise<ApplicationSocket> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const reading = new BoundedReading()
      const options = { ...OPTIONS, ...reading.options }
      const isPlain = mark === undefined && source === undefined
      const socket = isPlain ? new net.Socket(options) : ownSocket({ mark, source }, to.host, options)
      const abort = () => {
        socket.destroy()
        reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      const fail = (error: Error) => {
        signal.removeEventListener('abort', abort)
        reject(error)
      }
      socket.once('error', fail)
      socket.once('connect', () => {
        signal.removeEventListener('abort', abort)
        socket.off('error', fail)
        resolve(new ApplicationSocket(socket, reading, calls))
      })
      // A paused socket does not begin to read when it is connected.
      socket.pause()
      socket.connect({ host: to.host, port: to.port })
    })
  }

  private constructor(socket: net.Socket, reading: BoundedReading, calls: SocketCalls | null) {
    this.#socket = socket
    this.#calls = calls
    this.#queue = new WriteQueue(socket, bytes => this.#handleTaken(bytes))
    this.local = address(socket.localAddress, socket.localPort)
    this.remote = address(socket.remoteAddress, socket.remotePort)
    socket.setNoDelay(true)
    if (calls === null) socket.setKeepAlive(true, LIMITS.keepAliveIdleMs)
    calls?.keepUrgent(this.#fd)
    calls?.keepAlive(this.#fd, LIMITS.keepAliveIdleMs / 1_000)
    calls?.setReset(this.#fd, true)
    reading.receive = chunk => this.#handleData(chunk)
    reading.bytesMax = () => this.#handlers?.readBytesMax?.() ?? LIMITS.slabBytes
    socket.on('end', () => this.#handleEnd())
    socket.on('finish', () => this.#prepareClose())
    socket.on('error', () => this.#handleError())
    socket.on('close', () => this.#handleClose())
  }

  /** Bytes given to `write()` that the kernel has not taken. */
  get queuedBytes(): number {
    return this.#queue.queuedBytes
  }

  /** Where its client wanted to go when a rule of the firewall redirected it here; undefined when the kernel cannot tell. */
  originalDestination(): HostPort | undefined {
    return originalDestinations()?.(this.#fd, this.local.host.includes(':') ? 6 : 4)
  }

  /** What was read and is for the next receiver, who gets it first. Copied; nothing more is read until there is one. */
  unread(bytes: Uint8Array): void {
    this.#socket.pause()
    if (bytes.length > 0) this.#unread = bytes.slice()
  }

  /** Nothing is read before this; reading starts now. Once more, and somebody else is told from now on. */
  attach(handlers: ApplicationHandlers): void {
    this.#handlers = handlers
    if (this.#state !== 'open') {
      // It failed when there was nobody to tell; 'close' may still come, always after this tick.
      const isClosed = this.#state === 'closed'
      process.nextTick(() => {
        handlers.onReset()
        if (isClosed) handlers.onClosed()
      })
      return
    }
    // The first read() takes place now: left to a later tick, it would start reading after a pause() in between.
    this.#socket.read(0)
    this.#socket.resume()
    const early = this.#unread
    this.#unread = undefined
    if (early !== undefined) handlers.onData(early)
  }

  /**
   * Queues `chunks`. They must not change until they are consumed.
   * @returns false when the queue is at its high-water mark; onDrain follows. After a reset the bytes are dropped.
   */
  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#state !== 'open' || this.#socket.destroyed || chunks.length === 0) return true
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, this.#queue.queuedBytes)
    this.#queue.write(chunks)
    if (bytes < LIMITS.applicationHighWaterBytes) return true
    this.#isDrainOwed = true
    return false
  }

  /** Before the first `write()`: bytes that are no application's, so no handler hears of them. */
  writePreface(bytes: Uint8Array): void {
    if (this.#state === 'open') this.#socket.write(bytes)
  }

  /** FIN after what is queued; the other direction goes on. */
  end(): void {
    if (this.#state !== 'open') return
    this.#queue.flush()
    this.#socket.end()
  }

  /** Nothing more is read; RST after what was written has arrived, or LIMITS.resetDrainMs have passed. */
  reset(): void {
    if (this.#state !== 'open') return
    this.#state = 'resetting'
    this.#socket.pause()
    this.#queue.flush()
    const deadline = performance.now() + (this.#calls === null ? LIMITS.resetBlindMs : LIMITS.resetDrainMs)
    this.#resetWhenDrained(deadline)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    if (this.#state === 'open' && !this.#socket.readableEnded) this.#socket.resume()
  }

  get #fd(): number {
    return (this.#socket as unknown as SocketParts)._handle?.fd ?? -1
  }

  #handleData(chunk: Uint8Array): void {
    if (this.#state === 'open') this.#handlers?.onData(chunk)
  }

  #handleTaken(bytes: number): void {
    if (this.#state !== 'open') return
    this.#handlers?.onConsumed(bytes)
    if (!this.#isDrainOwed || this.queuedBytes > 0 || this.#socket.writableEnded) return
    this.#isDrainOwed = false
    this.#handlers?.onDrain()
  }

  #handleEnd(): void {
    if (this.#state !== 'open') return
    if (this.#calls !== null) {
      if (this.#calls.takeError(this.#fd) !== 0) return this.#handleFalseEnd()
      this.#prepareClose()
      this.#watch = setInterval(() => this.#findReset(), LIMITS.endedPollMs).unref()
      this.#handlers?.onEnd()
    } else if (this.#socket.writableEnded) {
      this.#handlers?.onEnd()
    } else {
      // An error of this write also comes as 'error'.
      this.#socket.write(NOTHING, error => {
        if (!error && this.#state === 'open') this.#handlers?.onEnd()
      })
    }
  }

  #findReset(): void {
    if (this.#state === 'open' && this.#calls?.takeError(this.#fd) !== 0) this.#handleFalseEnd()
  }

  #handleFalseEnd(): void {
    this.#handleError()
    this.#socket.destroy()
  }

  #handleError(): void {
    if (this.#state !== 'open') return
    this.#state = 'resetting'
    this.#handlers?.onReset()
  }

  #handleClose(): void {
    this.#state = 'closed'
    clearInterval(this.#watch)
    this.#handlers?.onClosed()
  }

  /** Runs in the event after which Node closes the socket, when that was the second direction to end. */
  #prepareClose(): void {
    const { readableEnded, writableFinished } = this.#socket
    if (this.#state === 'open' && readableEnded && writableFinished) this.#calls?.setReset(this.#fd, false)
  }

  #resetWhenDrained(deadline: number): void {
    if (this.#socket.destroyed) return
    if (!this.#isDrained() && performance.now() < deadline) {
      setTimeout(() => this.#resetWhenDrained(deadline), LIMITS.resetPollMs)
      return
    }
    // libuv cannot reset a socket while its shutdown waits for the queue; lingering, any close is a reset.
    const isShuttingDown = this.#socket.writableEnded && !this.#socket.writableFinished
    if (this.#calls !== null || isShuttingDown) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }

  #isDrained(): boolean {
    if (this.queuedBytes > 0) return false
    if (this.#calls === null) return this.#socket.bytesWritten === 0
    // A peer that has reset acknowledges nothing any more.
    return this.#calls.unacknowledgedBytes(this.#fd) === 0 || this.#calls.takeError(this.#fd) !== 0
  }
}

/** A peer that has gone already leaves no address. */
function address(host = 'unknown', port = 0): HostPort {
  return { host: plainAddress(host), port }
}
