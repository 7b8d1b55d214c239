/**
 * Allow rules: what a peer may reach through this host.
 *
 *     db.internal:5432    a name, as the peer says it       10.0.0.0/8:*       a network, any port
 *     *.internal:443      names under a suffix              [2001:db8::/32]:80-90 or [2001:db8::]/32:80-90
 *
 * A name is matched as named; an address rule also admits names, if every address they stand for is in it.
 */
export interface AllowRule {
  /** Lower case; `*.suffix` for all names under it; an IP address without brackets, or a network's first address. */
  readonly host: string
  readonly kind: 'name' | 'suffix' | 'network'
  /** Bits of the network, for kind `network`. */
  readonly prefixBits: number
  readonly fromPort: number
  readonly toPort: number
}

const SHAPE = /^(?:\[([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?\](?:\/(\d{1,3}))?|([^\s:[\]/]+)(?:\/(\d{1,2}))?):(\*|\d{1,5}(?:-\d{1,5})?)$/
const NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/

/** @returns the rule, or a sentence that says what is wrong */
export function parseAllowRule(text: string): AllowRule | string {
  const match = SHAPE.exec(text)
  if (match === null) return `"${text}" is no allow rule; write host:port, 10.0.0.0/8:*, *.internal:443 or [2001:db8::]/32:80-90`
  const [, v6, v6InnerBits, v6OuterBits, other = '', v4Bits, portText = ''] = match
  const ports = parsePorts(portText)
  if (ports === undefined) return `"${portText}" in "${text}" is no port; write a number from 1 to 65535, a range such as 80-90, or *`
  if (v6 !== undefined) return network(text, v6, v6InnerBits ?? v6OuterBits, 128, ports)
  if (/^\d+\.\d+\.\d+\.\d+$/.test(other)) {
    const isAddress = other.split('.').every(part => Number(part) <= 255)
    return isAddress ? network(text, other, v4Bits, 32, ports) : `"${other}" in "${text}" is no IPv4 address`
  }
  const host = other.toLowerCase()
  if (v4Bits !== undefined || !NAME.test(host)) return `"${other}" in "${text}" is neither a name nor an address`
  return { host, kind: host.startsWith('*.') ? 'suffix' : 'name', prefixBits: 0, ...ports }
}

type Ports = Pick<AllowRule, 'fromPort' | 'toPort'>

function network(text: string, host: string, bits: string | undefined, most: number, ports: Ports): AllowRule | string {
  const prefixBits = bits === undefined ? most : Number(bits)
  if (prefixBits > most) return `/${bits} in "${text}" is no prefix length; write 0 to ${most}`
  return { host, kind: 'network', prefixBits, ...ports }
}

function parsePorts(text: string): Ports | undefined {
  if (text === '*') return { fromPort: 1, toPort: 65_535 }
  const [fromPort = 0, toPort = fromPort] = text.split('-').map(Number)
  return fromPort >= 1 && toPort <= 65_535 && fromPort <= toPort ? { fromPort, toPort } : undefined
}
