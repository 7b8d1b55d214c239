/**
 * Near side: where a captured connection goes.
 *
 *     a route holds its destination            to that route's peer; or directly, where the route says so and the peer
 *                                              runs no sidecar (presence.ts)
 *     else its listener has a peer             to that one
 *     else it is a name, and some route is     the name is looked up here, and a route may hold what it stands for
 *       for a network, on this port
 *     else                                     directly, from this host (direct.ts)
 */
import type { HostPort } from '../base/endpoint.ts'
import { parseIpAddress } from '../base/ip-address.ts'
import { type CapturedConnection, refuse } from '../capture/capture.ts'
import type { RouteConfig } from '../config/config.ts'
import type { Direct, Found } from './direct.ts'
import type { Presence } from './presence.ts'
import type { Pump } from './pump.ts'
import type { Routes } from './routes.ts'

export interface NearOptions {
  readonly routes: Routes
  /** The association with a peer of this name. */
  readonly pumpOf: (peer: string) => Pump | undefined
  readonly presenceOf: (peer: string) => Presence | undefined
  /** Addresses of a name as this host sees them, best first, or why there are none. */
  readonly lookUp: (name: string) => Promise<Found>
  readonly direct: Direct
}

export class Near {
  readonly #options: NearOptions
  /** Their names are looked up, or it is not known whether their peers run a sidecar. */
  readonly #undecided = new Set<CapturedConnection>()

  constructor(options: NearOptions) {
    this.#options = options
  }

  /** @param peer of the listener that captured it, where it has one */
  take(connection: CapturedConnection, peer?: string): void {
    const { routes, direct } = this.#options
    const route = routes.routeFor(connection.to)
    if (route !== undefined) return this.#follow(route, connection)
    if (peer !== undefined) return this.open(connection, peer)
    if (routes.hasNetworksFor(connection.to.port) && parseIpAddress(connection.to.host) === undefined) {
      return void this.#takeName(connection)
    }
    void direct.open(connection, 'no_route')
  }

  /** To this peer, whatever the routes say. */
  open(connection: CapturedConnection, peer: string): void {
    const pump = this.#options.pumpOf(peer)
    if (pump !== undefined) return pump.applications.open(connection)
    refuse(connection, 'UNREACHABLE')
  }

  /** Ends what no peer has: what is undecided, and what goes directly. */
  stop(): void {
    for (const connection of this.#undecided) refuse(connection, 'SHUTTING_DOWN')
    this.#undecided.clear()
    this.#options.direct.stop()
  }

  /** @param asked what the application asked for, where its name was looked up here to find the route */
  #follow(
    { peer, withoutSidecar }: RouteConfig,
    connection: CapturedConnection,
    asked: { readonly connection: CapturedConnection; readonly found?: Found } = { connection },
  ): void {
    const presence = withoutSidecar === 'direct' ? this.#options.presenceOf(peer) : undefined
    if (presence === undefined) return this.open(connection, peer)
    this.#undecided.add(connection)
    presence.ask(isAbsent => {
      if (!this.#undecided.delete(connection)) return
      if (isAbsent) void this.#options.direct.open(asked.connection, 'no_sidecar', asked.found)
      else this.open(connection, peer)
    })
  }

  async #takeName(connection: CapturedConnection): Promise<void> {
    const { routes, lookUp, direct } = this.#options
    const { host, port } = connection.to
    this.#undecided.add(connection)
    const found = await lookUp(host)
    if (!this.#undecided.delete(connection)) return
    for (const address of typeof found === 'string' ? [] : found) {
      const to: HostPort = { host: address, port }
      const route = routes.routeFor(to)
      if (route !== undefined) return this.#follow(route, { ...connection, to }, { connection, found })
    }
    await direct.open(connection, 'no_route', found)
  }
}
