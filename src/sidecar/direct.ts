/**
 * Connections that no route names: they go to their destination from this host, as they would without Holdfast, and do not
 * outlive a change of address.
 *
 *     one socket -> onData -> copied -> the other's queue     (paused while that is at its high-water mark)
 */
import type { WireCode } from '../base/codes.ts'
import { formatHostPort, type HostPort } from '../base/endpoint.ts'
import type { CapturedConnection } from '../capture/capture.ts'
import type { ApplicationSocket } from '../platform/application-socket.ts'
import type { Connections } from './connections.ts'
import type { TotalsCounter } from './totals.ts'

export interface DirectOptions {
  /** @param addresses of the name, best first; none where they are not known yet */
  readonly dial: (
    to: HostPort,
    addresses: readonly string[],
    signal: AbortSignal,
  ) => Promise<{ readonly socket: ApplicationSocket; readonly remote: string } | WireCode>
  readonly connections: Connections
  readonly totals: TotalsCounter
  readonly onFailed: (code: WireCode, ends: { readonly client: string; readonly to: string }) => void
}

export class Direct {
  readonly #options: DirectOptions

  constructor(options: DirectOptions) {
    this.#options = options
  }

  /**
   * Until the destination is connected, nothing is read from the application.
   *
   * @param addresses of its name, best first, where they were looked up already
   */
  async open(connection: CapturedConnection, addresses: readonly string[] = []): Promise<void> {
    const { socket, to, client = formatHostPort(socket.remote), answer } = connection
    const { dial, totals, connections, onFailed } = this.#options
    totals.directConnections++
    const abort = new AbortController()
    const drop = connections.add(() => {
      abort.abort()
      socket.reset()
    })
    const answered = await dial(to, addresses, abort.signal)
    drop()
    if (typeof answered !== 'string') {
      answer?.(undefined, answered.remote)
      this.#join(socket, answered.socket)
      this.#join(answered.socket, socket)
      return
    }
    onFailed(answered, { client, to: formatHostPort(to) })
    if (answer === undefined || abort.signal.aborted) socket.reset()
    else answer(answered, '')
  }

  /** What `from` says goes to `to`. */
  #join(from: ApplicationSocket, to: ApplicationSocket): void {
    from.attach({
      onData: chunk => {
        if (!to.write([chunk.slice()])) from.pause()
      },
      onEnd: () => to.end(),
      onReset: () => to.reset(),
      onDrain: () => to.resume(),
      onConsumed: () => {},
      onClosed: this.#options.connections.add(() => from.reset()),
    })
  }
}
