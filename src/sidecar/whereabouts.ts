/**
 * Where one peer may be dialed: as configured, as it says itself, and where it was last seen with the ports it says.
 *
 * What it says may be meant for others, or be a lie: an authenticated peer must not make this host speak to what listens on
 * its own loopback, nor to a metadata service on its link. So every address is judged just before it is dialed, also one
 * that a name stands for; only what the configuration says itself is exempt. A configuration with a local endpoint, as in a
 * test on one host, lets the peer name local ones, too, but never a metadata service. Nor does a sidecar dial itself, as it would
 * where many hosts have the same private address.
 */
import {
  type Endpoint,
  formatEndpoint,
  type HostPort,
  isLocalOnly,
  isMetadataService,
  parseEndpoint,
} from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import { DialError, describeTarget } from '../carrier/dial-error.ts'

export class Whereabouts {
  readonly #configured: ReadonlyMap<string, Endpoint>
  /** The configuration has a local endpoint itself, as in a test on one host: then the peer may name such, too. */
  readonly #mayBeLocal: boolean
  readonly #isOwn: (place: HostPort) => boolean
  #learned: readonly Endpoint[] = []
  /** Where its last accepted active path came from; a translator may have made that of another address. */
  #seenHost: string | undefined

  /** @param isOwn whether this sidecar listens there itself */
  constructor(configured: readonly Endpoint[], isOwn: (place: HostPort) => boolean) {
    this.#configured = new Map(configured.map(endpoint => [formatEndpoint(endpoint), endpoint]))
    this.#mayBeLocal = configured.some(endpoint => isLocalOnly(endpoint.host))
    this.#isOwn = isOwn
  }

  /** Most preferred first. */
  endpoints(): readonly Endpoint[] {
    const unique = new Map(this.#configured)
    for (const endpoint of [...this.#learned, ...this.#seen()]) {
      if (this.objection(endpoint, endpoint.host) === undefined) unique.set(formatEndpoint(endpoint), endpoint)
    }
    return [...unique.values()]
  }

  /** Why this endpoint is not dialed at this address; undefined when it may be. */
  objection(endpoint: Endpoint, address: string): DialError | undefined {
    const target = describeTarget(endpoint, address)
    if (this.#isOwn({ host: address, port: endpoint.port })) {
      return new DialError('PEER_MISMATCH', `${target} is this sidecar itself`)
    }
    if (this.#configured.has(formatEndpoint(endpoint))) return undefined
    const isRefused = isMetadataService(address) || (isLocalOnly(address) && !this.#mayBeLocal)
    if (!isRefused) return undefined
    return new DialError('PEER_MISMATCH', `${target} is what the peer says, and is not dialed: the address is local`)
  }

  /** An authenticated peer names its endpoints. */
  learn(endpoints: readonly string[]): void {
    this.#learned = endpoints
      .map(parseEndpoint)
      .filter(endpoint => endpoint !== undefined)
      .filter(({ port }) => port > 0)
      .slice(0, LIMITS.endpointsPerPeerMax)
  }

  handleSeen(host: string): void {
    this.#seenHost = host
  }

  /** A certificate is for a name, so a wss endpoint is not looked for elsewhere. */
  #seen(): readonly Endpoint[] {
    const host = this.#seenHost
    if (host === undefined) return []
    return this.#learned.filter(({ scheme }) => scheme !== 'wss').map(endpoint => ({ ...endpoint, host }))
  }
}
