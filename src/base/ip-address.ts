/**
 * IP addresses in text (RFC 4291 section 2.2, RFC 5952 loosely): strict, so that what a rule is checked against is
 * what the kernel dials. No short forms of inet_aton (`127.1`, `0x7f.1`, `010.0.0.1`), no zones.
 */
export interface IpAddress {
  readonly family: 4 | 6
  /** As given, but an IPv4-mapped IPv6 address is the IPv4 address it stands for. */
  readonly text: string
}

const GROUPS = 8
const MAPPED_PREFIX = '0:0:0:0:0:65535'
/**
 * Where clouds serve credentials to whoever asks from the host: 169.254.169.254 and, for containers, .170.2 and .170.23; beside
 * them what is not link-local: Alibaba, Oracle, Azure; the groups of EC2 (fd00:ec2::254, ::23 for containers) and Google.
 */
const METADATA_IPV4: ReadonlySet<string> = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
])
const METADATA_IPV6: ReadonlySet<string> = new Set([
  [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254].join(':'),
  [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23].join(':'),
  [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254].join(':'),
])

/** @returns undefined when `text` is no address */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (parseIpv4(text) !== undefined) return { family: 4, text }
  const groups = parseIpv6(text)
  if (groups === undefined) return undefined
  if (groups.slice(0, 6).join(':') !== MAPPED_PREFIX) return { family: 6, text }
  const bytes = groups.slice(6).flatMap(group => [group >> 8, group & 0xff])
  return { family: 4, text: bytes.join('.') }
}

/** As it is on the wire: 4 bytes or 16. */
export function addressBytes({ family, text }: IpAddress): Uint8Array {
  if (family === 4) return Uint8Array.from(parseIpv4(text)!)
  return Uint8Array.from(parseIpv6(text)!.flatMap(group => [group >> 8, group & 0xff]))
}

/** @param bytes 4 or 16; an IPv4-mapped IPv6 address reads as the IPv4 address it stands for */
export function addressOfBytes(bytes: Uint8Array): IpAddress {
  return parseIpAddress(bytes.length === 4 ? bytes.join('.') : formatIpv6(bytes))!
}

/** 16 bytes as groups of hexadecimal digits only, also where the address is IPv4-mapped (RFC 5952 section 4). */
export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: GROUPS }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16))
  const text = groups.join(':')
  const runs = [...text.matchAll(/\b0(?::0\b)+/g)].map(run => ({ at: run.index, length: run[0].length }))
  if (runs.length === 0) return text
  const { at, length } = runs.reduce((best, run) => (run.length > best.length ? run : best))
  return `${text.slice(0, at).replace(/:$/, '')}::${text.slice(at + length).replace(/^:/, '')}`
}

/** Loopback, link-local, multicast or unspecified. */
export function isLocalOnlyAddress({ family, text }: IpAddress): boolean {
  if (family === 4) {
    const bytes = parseIpv4(text)!
    return bytes[0] === 0 || bytes[0] === 127 || (bytes[0] === 169 && bytes[1] === 254) || bytes[0]! >= 224
  }
  const groups = parseIpv6(text)!
  const first = groups[0]!
  if (first === 0) return groups.slice(0, 7).every(group => group === 0) && groups[7]! <= 1
  return (first & 0xffc0) === 0xfe80 || first >= 0xff00
}

/** A cloud's metadata service: never a peer. */
export function isMetadataAddress({ family, text }: IpAddress): boolean {
  return family === 4 ? METADATA_IPV4.has(text) : METADATA_IPV6.has(parseIpv6(text)!.join(':'))
}

function parseIpv4(text: string): readonly number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined
  const bytes = parts.map(Number)
  return bytes.every(byte => byte <= 255) ? bytes : undefined
}

/** The eight 16-bit groups. */
function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0]!, halves.length === 1)
  const tail = halves.length === 1 ? [] : parseGroups(halves[1]!, true)
  if (head === undefined || tail === undefined) return undefined
  const missing = GROUPS - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  return [...head, ...new Array<number>(missing).fill(0), ...tail]
}

/** @param isLast whether the last group may be an IPv4 address in dots, which is two groups */
function parseGroups(text: string, isLast: boolean): readonly number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    const bytes = isLast && index === parts.length - 1 ? parseIpv4(part) : undefined
    if (bytes !== undefined) groups.push(bytes[0]! * 256 + bytes[1]!, bytes[2]! * 256 + bytes[3]!)
    else if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}
