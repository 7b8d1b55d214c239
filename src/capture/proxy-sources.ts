/**
 * Sources whose connections must begin with a PROXY header (proxy-header.ts), such as a load balancer in front of a listener.
 *
 * - From a listed source the header is required: its client is the client, and the application's bytes begin after it. Without
 *   one the connection is reset. It is never guessed: else whoever can make the proxy leave it out could write one of his own.
 * - From anybody else nothing is interpreted: what looks like a header is the application's first bytes.
 * - A listed source that ends without a byte, as health checks do, is ended in the same way, and nothing is told.
 */
import { formatHostPort, type HostPort } from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'
import { addressBytes, parseIpAddress } from '../base/ip-address.ts'
import { LIMITS } from '../base/limits.ts'
import { holderOf, type Network, parseNetwork } from '../base/network.ts'
import type { ApplicationSocket } from '../platform/application-socket.ts'
import type { OnConnection } from './capture.ts'
import { ProxyHeaderParser } from './proxy-header.ts'

export type ProxyFault = 'PROXY_HEADER_INVALID' | 'OVERLOADED'

export interface ProxySourcesOptions {
  /** Addresses and networks (base/network.ts). */
  readonly from: readonly string[]
  /** A connection was reset; `detail` says why. */
  readonly onFault: (code: ProxyFault, detail: string, source: HostPort) => void
  /** Milliseconds for the whole header. @default LIMITS.proxyHeaderMs */
  readonly headerMs?: number
}

export class ProxySources {
  readonly #options: ProxySourcesOptions
  readonly #holders: readonly ((address: Uint8Array) => boolean)[]
  /** What gives each up that waits for its header. */
  readonly #pending = new Map<ApplicationSocket, () => void>()

  /** @throws OperatorError CONFIG_INVALID at the first text that is no network */
  constructor(options: ProxySourcesOptions) {
    this.#options = options
    this.#holders = options.from.map(text => holderOf(parse(text)))
  }

  /** Hands `socket` on at once, or with the client that its header names when that has come. */
  take(socket: ApplicationSocket, onConnection: OnConnection): void {
    if (!this.#isListed(socket.remote.host)) return onConnection(socket)
    if (this.#pending.size >= LIMITS.proxyHeadersPendingMax) {
      return this.#refuse(socket, 'OVERLOADED', 'too many connections wait for their PROXY header')
    }
    const { headerMs = LIMITS.proxyHeaderMs } = this.#options
    const fail = (detail: string) => this.#refuse(socket, 'PROXY_HEADER_INVALID', detail)
    const timer = setTimeout(() => fail(`its PROXY header did not come within ${headerMs} ms`), headerMs)
    this.#pending.set(socket, () => clearTimeout(timer))
    this.#read(socket, fail, client => onConnection(socket, client))
  }

  /** What waits for its header is reset. */
  close(): void {
    for (const socket of [...this.#pending.keys()]) {
      this.#settle(socket)
      socket.reset()
    }
  }

  #isListed(host: string): boolean {
    // The zone of a link-local address.
    const parsed = parseIpAddress(host.replace(/%.*$/, ''))
    if (parsed === undefined) return false
    const bytes = addressBytes(parsed)
    return this.#holders.some(holds => holds(bytes))
  }

  #read(socket: ApplicationSocket, fail: (detail: string) => void, done: (client: string | undefined) => void): void {
    const parser = new ProxyHeaderParser()
    let isBegun = false
    socket.attach({
      onData: chunk => {
        isBegun = true
        const header = parser.push(chunk)
        if (header === undefined) return
        if (typeof header === 'string') return fail(header)
        this.#settle(socket)
        socket.unread(header.rest)
        done(header.client && formatHostPort(header.client))
      },
      onEnd: () => {
        if (isBegun) return fail('it ended inside its PROXY header')
        this.#settle(socket)
        socket.end()
      },
      onReset: () => this.#settle(socket),
      onDrain: () => {},
      onConsumed: () => {},
      onClosed: () => {},
    })
  }

  #refuse(socket: ApplicationSocket, code: ProxyFault, detail: string): void {
    this.#settle(socket)
    socket.reset()
    this.#options.onFault(code, detail, socket.remote)
  }

  #settle(socket: ApplicationSocket): void {
    this.#pending.get(socket)?.()
    this.#pending.delete(socket)
  }
}

function parse(text: string): Network {
  const network = parseNetwork(text)
  if (typeof network === 'string') throw new OperatorError('CONFIG_INVALID', network)
  return network
}
