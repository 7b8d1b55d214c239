/**
 * PROXY protocol headers, which tell a destination whose connection it has (HAProxy's proxy-protocol.txt, versions 1 and 2).
 *
 *     v1:  PROXY TCP4 192.0.2.1 127.0.0.1 51234 80 CR LF             at most 107 bytes
 *     v2:  signature (12), version and command, family, length (2), addresses, then values by type
 *
 * - The source is the client that the near side saw. The destination is what was dialed here: the address that the client
 *   connected to belongs to another host and means nothing on this one.
 * - Both addresses must be of one family. Where they differ, the IPv4 one is written as IPv4-mapped IPv6, in both versions, as
 *   HAProxy does: UNKNOWN would keep the client from the destination, and a client at ::1 with a service at 127.0.0.1 is usual.
 *   In v1 the mapped one has hexadecimal digits only (::ffff:7f00:1), since the specification knows no dots in TCP6.
 * - A client that is no address and port: UNKNOWN in v1, in v2 LOCAL with family UNSPEC. Every receiver must accept those, and
 *   then takes the address of the connection itself; PROXY with UNSPEC it may refuse.
 * - v2 carries the session ID as PP2_TYPE_UNIQUE_ID, which is the same on both sidecars.
 */
import { parseHostPort } from '../base/endpoint.ts'
import { addressBytes, formatIpv6, parseIpAddress } from '../base/ip-address.ts'

export const PROXY_PROTOCOLS = ['v1', 'v2'] as const
export type ProxyProtocol = (typeof PROXY_PROTOCOLS)[number]

/** Who asked for a connection. */
export interface Caller {
  /** `host:port` as the other sidecar tells it: a peer can write anything here. */
  readonly client: string
  readonly sessionId: Uint8Array
}

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
const VERSION_LOCAL = 0x20
const VERSION_PROXY = 0x21
const FAMILY_UNSPEC = 0x00
const FAMILY_TCP4 = 0x11
const FAMILY_TCP6 = 0x21
const TYPE_UNIQUE_ID = 0x05
const UNKNOWN = 'PROXY UNKNOWN\r\n'
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

/** @param destination `address:port` that was dialed */
export function proxyHeader(version: ProxyProtocol, { client, sessionId }: Caller, destination: string): Uint8Array {
  const ends = endsOf(client, destination)
  return version === 'v1' ? Buffer.from(textHeader(ends), 'latin1') : binaryHeader(ends, sessionId)
}

interface End {
  /** 4 or 16. */
  readonly address: Uint8Array
  readonly port: number
}

/** Source and destination in one family, or undefined when one of them is no address. */
type Ends = readonly [source: End, destination: End] | undefined

function endsOf(client: string, destination: string): Ends {
  const [from, to] = [endOf(client), endOf(destination)]
  if (from === undefined || to === undefined) return undefined
  return from.address.length === to.address.length ? [from, to] : [asIpv6(from), asIpv6(to)]
}

function endOf(text: string): End | undefined {
  const parsed = parseHostPort(text)
  // The zone of a link-local address belongs to the other host.
  const address = parsed === undefined ? undefined : parseIpAddress(parsed.host.replace(/%.*$/, ''))
  return address === undefined ? undefined : { address: addressBytes(address), port: parsed!.port }
}

function asIpv6({ address, port }: End): End {
  return { address: address.length === 4 ? Uint8Array.of(...MAPPED_PREFIX, ...address) : address, port }
}

function textHeader(ends: Ends): string {
  if (ends === undefined) return UNKNOWN
  const [source, destination] = ends
  const family = source.address.length === 4 ? 'TCP4' : 'TCP6'
  return `PROXY ${family} ${textOf(source)} ${textOf(destination)} ${source.port} ${destination.port}\r\n`
}

function textOf({ address }: End): string {
  return address.length === 4 ? address.join('.') : formatIpv6(address)
}

function binaryHeader(ends: Ends, sessionId: Uint8Array): Uint8Array {
  const uniqueId = [TYPE_UNIQUE_ID, ...twoBytes(sessionId.length), ...sessionId]
  const addresses = ends === undefined ? [] : [...ends.flatMap(bytesOfAddress), ...ends.flatMap(bytesOfPort)]
  const command = ends === undefined ? VERSION_LOCAL : VERSION_PROXY
  const length = twoBytes(addresses.length + uniqueId.length)
  return Uint8Array.of(...SIGNATURE, command, familyOf(ends), ...length, ...addresses, ...uniqueId)
}

function familyOf(ends: Ends): number {
  if (ends === undefined) return FAMILY_UNSPEC
  return ends[0].address.length === 4 ? FAMILY_TCP4 : FAMILY_TCP6
}

function bytesOfAddress({ address }: End): number[] {
  return [...address]
}

function bytesOfPort({ port }: End): number[] {
  return twoBytes(port)
}

function twoBytes(value: number): number[] {
  return [value >> 8, value & 0xff]
}
