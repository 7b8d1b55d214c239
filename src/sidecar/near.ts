/**
 * Near side: where a captured connection goes.
 *
 *     a route holds its destination            to that route's peer
 *     else its listener has a peer             to that one
 *     else it is a name, and some route is     the name is looked up here, and a route may hold what it stands for
 *       for a network, on this port
 *     else                                     directly, from this host (direct.ts)
 */
import type { HostPort } from '../base/endpoint.ts'
import { parseIpAddress } from '../base/ip-address.ts'
import { type CapturedConnection, refuse } from '../capture/capture.ts'
import type { Direct, Found } from './direct.ts'
import type { Pump } from './pump.ts'
import type { Routes } from './routes.ts'

export interface NearOptions {
  readonly routes: Routes
  /** The association with a peer of this name. */
  readonly pumpOf: (peer: string) => Pump | undefined
  /** Addresses of a name as this host sees them, best first, or why there are none. */
  readonly lookUp: (name: string) => Promise<Found>
  readonly direct: Direct
}

export class Near {
  readonly #options: NearOptions
  /** Their names are looked up. */
  readonly #undecided = new Set<CapturedConnection>()

  constructor(options: NearOptions) {
    this.#options = options
  }

  /** @param peer of the listener that captured it, where it has one */
  take(connection: CapturedConnection, peer?: string): void {
    const { routes, direct } = this.#options
    const routed = routes.peerFor(connection.to) ?? peer
    if (routed !== undefined) return this.open(connection, routed)
    if (routes.hasNetworksFor(connection.to.port) && parseIpAddress(connection.to.host) === undefined) {
      return void this.#takeName(connection)
    }
    void direct.open(connection)
  }

  /** To this peer, whatever the routes say. */
  open(connection: CapturedConnection, peer: string): void {
    const pump = this.#options.pumpOf(peer)
    if (pump !== undefined) return pump.applications.open(connection)
    refuse(connection, 'UNREACHABLE')
  }

  /** Ends what no peer has: what waits for a lookup, and what goes directly. */
  stop(): void {
    for (const connection of this.#undecided) refuse(connection, 'SHUTTING_DOWN')
    this.#undecided.clear()
    this.#options.direct.stop()
  }

  async #takeName(connection: CapturedConnection): Promise<void> {
    const { routes, lookUp, direct } = this.#options
    const { host, port } = connection.to
    this.#undecided.add(connection)
    const found = await lookUp(host)
    if (!this.#undecided.delete(connection)) return
    for (const address of typeof found === 'string' ? [] : found) {
      const to: HostPort = { host: address, port }
      const routed = routes.peerFor(to)
      if (routed !== undefined) return this.open({ ...connection, to }, routed)
    }
    await direct.open(connection, found)
  }
}
