/**
 * The client's address as the source of the connection to a destination (`source: preserve`).
 *
 * A peer says who its clients are, and can say anything. So the rule says whom it may name, nobody by default, and some it
 * may never name: a destination must not take a peer for this host itself, nor for a neighbour on its own link. Where the
 * address cannot be kept, there is no connection: one with another source would be believed to be somebody else's.
 *
 *     no address, or none told ------------------------------------------------> refused
 *     loopback, link-local, multicast: another host's business, or nobody's ---> refused
 *     this host's own, or the destination's ----------------------------------> refused
 *     in none of the networks of the rule -------------------------------------> refused
 *     of another family than the destination ----------------------------------> refused
 *     anything else -----------------------------------------------------------> the source
 *
 * The port is the client's where it is free here, else any (docs/decisions/0009-a-clients-address-is-kept-or-refused.md).
 */
import { type HostPort, parseHostPort } from '../base/endpoint.ts'
import { addressBytes, type IpAddress, isLocalOnlyAddress, parseIpAddress } from '../base/ip-address.ts'

/** Whom a peer may name under a rule. */
export type Clients = readonly ((address: Uint8Array) => boolean)[]

/**
 * @param client `host:port` as the peer tells it
 * @param destination the address that is dialed
 * @param isOwn whether an address is this host's
 * @returns a string when there is none: why, as a clause
 */
export function preservedSource(
  client: string | undefined,
  destination: string,
  clients: Clients,
  isOwn: (address: string) => boolean,
): HostPort | string {
  const told = client === undefined ? undefined : parseHostPort(client)
  const source = addressOf(told?.host)
  if (told === undefined || source === undefined) return 'the peer does not say at which address the client is'
  const { text, family } = source
  if (isLocalOnlyAddress(source)) return `the client’s address ${text} means something else on this host`
  if (isOwn(text)) return `the client’s address ${text} is one of this host`
  if (isSameAddress(text, destination)) return `the client’s address ${text} is that of the destination`
  const bytes = addressBytes(source)
  if (!clients.some(holds => holds(bytes))) return `no \`clients\` of the rule hold the client’s address ${text}`
  if (addressOf(destination)?.family === family) return { host: text, port: told.port }
  return `the client’s address ${text} is IPv${family}, and the destination ${destination} is not`
}

export function isSameAddress(one: string, other: string): boolean {
  const [a, b] = [addressOf(one), addressOf(other)]
  return a !== undefined && b !== undefined && Buffer.from(addressBytes(a)).equals(addressBytes(b))
}

/** A zone belongs to the host that wrote it. */
function addressOf(host: string | undefined): IpAddress | undefined {
  return host === undefined ? undefined : parseIpAddress(host.replace(/%.*$/, ''))
}
