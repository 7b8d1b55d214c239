/**
 * Connections that no route names: they go to their destination from this host, as they would without Holdfast, and do not
 * outlive a change of address. A stop resets them, as it does sessions.
 *
 *     one socket -> onData -> copied -> the other's queue     (paused while that is at its high-water mark)
 */
import type { WireCode } from '../base/codes.ts'
import { formatHostPort, type HostPort } from '../base/endpoint.ts'
import { type CapturedConnection, refuse } from '../capture/capture.ts'
import type { ApplicationSocket } from '../platform/application-socket.ts'
import type { Connections } from './connections.ts'
import type { TotalsCounter } from './totals.ts'

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
   * Until the destination is connected, nothing is read from the application.
   *
   * @param found where its name was looked up already
   */
  async open(connection: CapturedConnection, found?: Found): Promise<void> {
    const { socket, to, client = formatHostPort(socket.remote), answer } = connection
    const { dial, totals, onFailed } = this.#options
    totals.directConnections++
    const abort = new AbortController()
    const cut = () => {
      abort.abort()
      refuse(connection, 'SHUTTING_DOWN')
    }
    this.#cuts.add(cut)
    const answered = await dial(to, found, abort.signal)
    this.#cuts.delete(cut)
    if (abort.signal.aborted) {
      if (typeof answered !== 'string') answered.socket.reset()
    } else if (typeof answered === 'string') {
      onFailed(answered, { client, to: formatHostPort(to) })
      refuse(connection, answered)
    } else {
      answer?.(undefined, answered.remote)
      this.#join(socket, answered.socket)
      this.#join(answered.socket, socket)
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
