/**
 * Connections that no route names, or whose route leads to a peer without a sidecar: they go to their destination from this
 * host, as they would without Holdfast, and do not outlive a change of address. A stop resets them, as it does sessions.
 *
 *     one socket -> onData -> copied -> the other's queue     (paused while that is at its high-water mark)
 */
import type { WireCode } from '../base/codes.ts'
import { formatHostPort, type HostPort } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import { type CapturedConnection, refuse } from '../capture/capture.ts'
import type { ApplicationHandlers, ApplicationSocket } from '../platform/application-socket.ts'
import type { Connections } from './connections.ts'
import type { DirectReason, TotalsCounter } from './totals.ts'

/** Addresses of a name, best first, or why they are not to be had. */
export type Found = readonly string[] | WireCode

export interface DirectOptions {
  /** @param found undefined: nobody has looked up the name yet */
  readonly dial: (
    to: HostPort,
    found: Found | undefined,
    signal: AbortSignal,
  ) => Promise<{ readonly socket: ApplicationSocket; readonly remote: string } | WireCode>
  readonly connections: Connections
  readonly totals: TotalsCounter
  readonly onFailed: (code: WireCode, ends: { readonly client: string; readonly to: string }) => void
}

export class Direct {
  readonly #options: DirectOptions
  /** What a stop does to each. */
  readonly #cuts = new Set<() => void>()

  constructor(options: DirectOptions) {
    this.#options = options
  }

  /**
   * Until the destination is connected, little is read from the application; who goes meanwhile gives the dial up.
   *
   * @param found where its name was looked up already
   */
  async open(connection: CapturedConnection, reason: DirectReason, found?: Found): Promise<void> {
    const { socket, to, client = formatHostPort(socket.remote), answer } = connection
    const { dial, totals, onFailed } = this.#options
    totals.directConnections[reason]++
    const abort = new AbortController()
    const cut = () => {
      abort.abort()
      refuse(connection, 'SHUTTING_DOWN')
    }
    this.#cuts.add(cut)
    const waiting = new WaitingProgram(connection, () => abort.abort())
    socket.attach(waiting)
    const answered = await dial(to, found, abort.signal)
    this.#cuts.delete(cut)
    if (abort.signal.aborted) {
      if (typeof answered !== 'string') answered.socket.reset()
    } else if (typeof answered === 'string') {
      onFailed(answered, { client, to: formatHostPort(to) })
      refuse(connection, answered)
    } else {
      answer?.(undefined, answered.remote)
      socket.unread(waiting.held)
      this.#join(socket, answered.socket)
      this.#join(answered.socket, socket)
      if (waiting.hasEnded) answered.socket.end()
    }
  }

  stop(): void {
    for (const cut of [...this.#cuts]) cut()
  }

  /** What `from` says goes to `to`. */
  #join(from: ApplicationSocket, to: ApplicationSocket): void {
    const cut = () => from.reset()
    const leave = this.#options.connections.add(cut)
    this.#cuts.add(cut)
    from.attach({
      onData: chunk => {
        if (!to.write([chunk.slice()])) from.pause()
      },
      onEnd: () => to.end(),
      onReset: () => to.reset(),
      onDrain: () => to.resume(),
      onConsumed: () => {},
      onClosed: () => {
        this.#cuts.delete(cut)
        leave()
      },
    })
  }
}

/**
 * A program whose destination is being dialed. It is read, for a socket that is not read tells of no reset: up to
 * LIMITS.windowFloorBytes, which are held, and then no more.
 *
 * An end alone may be a half-close, of a program that wants to hear what the destination says. But who waits for an answer and
 * ends without a word before it has come wants nothing any more: so does a program that was killed.
 */
class WaitingProgram implements ApplicationHandlers {
  held = Buffer.alloc(0)
  hasEnded = false
  readonly #connection: CapturedConnection
  readonly #onGone: () => void

  constructor(connection: CapturedConnection, onGone: () => void) {
    this.#connection = connection
    this.#onGone = onGone
  }

  onData(chunk: Uint8Array): void {
    this.held = Buffer.concat([this.held, chunk])
    if (this.held.length >= LIMITS.windowFloorBytes) this.#connection.socket.pause()
  }

  onEnd(): void {
    this.hasEnded = true
    if (this.#connection.answer === undefined || this.held.length > 0) return
    this.#onGone()
    refuse(this.#connection, 'APPLICATION_RESET')
  }

  onReset(): void {
    this.#onGone()
  }

  onDrain(): void {}

  onConsumed(): void {}

  onClosed(): void {}
}
