/**
 * Allow rules: what a peer may reach through us, one text each.
 *
 *     rule  = host ":" ports
 *     host  = name / "*." name            any depth below the name, not the name itself
 *           / IPv4 ["/" 0-32] / "[" IPv6 "]" ["/" 0-128]
 *     ports = "*" / port / port "-" port  1-65535, both ends included
 *
 * A name rule judges what the peer asked for; an address rule judges what is dialed.
 */
import { parseIpAddress } from './ip-address.ts'
import { type Network, networkOf } from './network.ts'

export interface PortRange {
  readonly first: number
  readonly last: number
}

export type AllowRule =
  /** `name` in lower case without a trailing dot. */
  | { readonly kind: 'name'; readonly name: string; readonly ports: PortRange }
  /** `suffix` begins with a dot. */
  | { readonly kind: 'suffix'; readonly suffix: string; readonly ports: PortRange }
  | ({ readonly kind: 'network'; readonly ports: PortRange } & Network)

/** @returns a string when `text` is no rule: a sentence that says why and what to write */
export function parseAllowRule(text: string): AllowRule | string {
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:/[\]]*))(?:\/(?<bits>\d{1,3}))?:(?<ports>[^:]*)$/.exec(text)
  const { v6, host, bits, ports: portsText = '' } = match?.groups ?? {}
  if (match === null) return `${text} is no rule; write host:port, address/bits:port or [IPv6]/bits:port`
  const ports = parsePorts(portsText)
  if (ports === undefined) return `${portsText} is no port; write 1-65535, a range such as 8000-8080, or *`
  if (v6 !== undefined) return parseAddresses(v6, bits, ports, 6)
  if (bits !== undefined || parseIpAddress(host!) !== undefined) return parseAddresses(host!, bits, ports, 4)
  return parseName(host!, ports)
}

/** In lower case and without a trailing dot: the form in which names are compared. */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/** Whether `name` can be a host name (underscores included). Names that end in a number are addresses gone wrong. */
export function isHostName(name: string): boolean {
  const labels = normalName(name).split('.')
  return name.length <= 255 && labels.every(isLabel) && !/^(\d+|0x[\da-f]*)$/.test(labels.at(-1)!)
}

function isLabel(label: string): boolean {
  return /^[\da-z_]([\da-z_-]{0,61}[\da-z_])?$/.test(label)
}

function parsePorts(text: string): PortRange | undefined {
  if (text === '*') return { first: 1, last: 65_535 }
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  if (match === null) return undefined
  const first = Number(match[1])
  const last = Number(match[2] ?? match[1])
  return first >= 1 && first <= last && last <= 65_535 ? { first, last } : undefined
}

function parseAddresses(text: string, bits: string | undefined, ports: PortRange, written: 4 | 6): AllowRule | string {
  const parsed = parseIpAddress(text)
  if (parsed === undefined || text.includes(':') !== (written === 6)) return `${text} is no IPv${written} address`
  const network = networkOf(parsed, text, bits)
  return typeof network === 'string' ? network : { kind: 'network', ...network, ports }
}

function parseName(host: string, ports: PortRange): AllowRule | string {
  if (host === '*') return '* is no host; write 0.0.0.0/0 and [::]/0 to allow every address'
  const isSuffix = host.startsWith('*.')
  const name = isSuffix ? host.slice(2) : host
  if (!isHostName(name)) return `${host || 'nothing'} is no name and no address`
  if (isSuffix) return { kind: 'suffix', suffix: `.${normalName(name)}`, ports }
  return { kind: 'name', name: normalName(name), ports }
}
