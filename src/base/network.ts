/** Networks of IP addresses: `10.0.0.0/8`, `fd00::/8`, or a single address. */
import { addressBytes, type IpAddress, parseIpAddress } from './ip-address.ts'

export interface Network {
  readonly family: 4 | 6
  readonly address: string
  /** 0-32 or 0-128. Bits of `address` beyond these do not count. */
  readonly prefixBits: number
}

const ADDRESS_BITS = { 4: 32, 6: 128 } as const
/** `::ffff:0:0/96`, which holds all of IPv4. */
const MAPPED_BITS = 96

/**
 * An IPv4-mapped network reads as the IPv4 network it stands for.
 * @returns a string when `text` is no network: a sentence that says why
 */
export function parseNetwork(text: string): Network | string {
  const { address = '', bits } = /^(?<address>[^/]*)(?:\/(?<bits>\d{1,3}))?$/.exec(text)?.groups ?? {}
  const parsed = parseIpAddress(address)
  if (parsed === undefined) return `${text || 'nothing'} is no address and no network; write 10.0.0.0/8 or fd00::1`
  return networkOf(parsed, address, bits)
}

/** @param written the address as it was written, of which `bits` is the prefix; without them it is one address */
export function networkOf({ family, text }: IpAddress, written: string, bits: string | undefined): Network | string {
  const writtenFamily = written.includes(':') ? 6 : 4
  const writtenBits = bits === undefined ? ADDRESS_BITS[writtenFamily] : Number(bits)
  if (writtenBits > ADDRESS_BITS[writtenFamily])
    return `/${bits} is longer than an IPv${writtenFamily} address has bits`
  const prefixBits = writtenBits - (family === writtenFamily ? 0 : MAPPED_BITS)
  if (prefixBits < 0) return `[${written}]/${bits} mixes IPv4 and IPv6; write the IPv4 network itself`
  return { family, address: text, prefixBits }
}

/** Whether a network holds an address, both as bytes. IPv4 and IPv6 are kept apart: `::/0` says nothing about IPv4. */
export function holderOf({ family, address, prefixBits }: Network): (bytes: Uint8Array) => boolean {
  const prefix = addressBytes({ family, text: address })
  const wholeBytes = prefixBits >> 3
  const lastMask = 0xff00 >> (prefixBits & 7)
  return bytes => {
    if (bytes.length !== prefix.length) return false
    for (let i = 0; i < wholeBytes; i++) if (bytes[i] !== prefix[i]) return false
    return wholeBytes === prefix.length || ((bytes[wholeBytes]! ^ prefix[wholeBytes]!) & lastMask & 0xff) === 0
  }
}
