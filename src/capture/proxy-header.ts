/**
 * Reads the PROXY protocol header at the beginning of a connection, from bytes cut anywhere (HAProxy's proxy-protocol.txt,
 * versions 1 and 2). It says who the client is, where a proxy in front of us is at the other end of the socket.
 *
 *     "PROXY "               a line, to CR LF within 107 bytes
 *     0d 0a 0d 0a 00 0d ...  signature (12), version and command, family, length (2), so many bytes
 *     anything else          a fault, told at its first byte that is wrong
 *
 * LOCAL, UNKNOWN, and families other than TCP over IPv4 or IPv6 name no client: that of the socket is kept. Values by type
 * (TLV) are skipped: nothing here rests on them.
 */
import type { HostPort } from '../base/endpoint.ts'
import { addressOfBytes, parseIpAddress } from '../base/ip-address.ts'
import { LIMITS } from '../base/limits.ts'

export interface ProxyHeader {
  /** undefined: the header names none. */
  readonly client: HostPort | undefined
  /** What came after the header, as a part of the last chunk. */
  readonly rest: Uint8Array
}

/** A header without its rest. */
interface Found {
  readonly client: HostPort | undefined
  readonly length: number
}

const TEXT_START = Uint8Array.from(Buffer.from('PROXY '))
const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
const FIXED_BYTES = 16
const VERSION_LOCAL = 0x20
const VERSION_PROXY = 0x21
/** The high half of the family's byte: unspecified, IPv4, IPv6, unix; the low half: unspecified, stream, datagram. */
const FAMILY_MAX = 3
const TRANSPORT_MAX = 2
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 17: 4, 33: 16 }

export class ProxyHeaderParser {
  /** Below LIMITS.proxyHeaderBytesMax, where every header has its end or its fault. */
  #bytes = new Uint8Array(0)

  /** @returns undefined when more bytes are needed; a string, the fault, when this is no header. Then, push no more. */
  push(chunk: Uint8Array): ProxyHeader | string | undefined {
    const before = this.#bytes.length
    const taken = chunk.subarray(0, LIMITS.proxyHeaderBytesMax - before)
    const bytes = new Uint8Array(before + taken.length)
    bytes.set(this.#bytes)
    bytes.set(taken, before)
    this.#bytes = bytes
    const found = read(bytes)
    if (found === undefined || typeof found === 'string') return found
    return { client: found.client, rest: chunk.subarray(found.length - before) }
  }
}

function read(bytes: Uint8Array): Found | string | undefined {
  if (agrees(bytes, TEXT_START)) return readText(bytes)
  if (agrees(bytes, SIGNATURE)) return readBinary(bytes)
  return 'it does not begin with a PROXY protocol header'
}

/** Whether `bytes` begin so, as far as they go. */
function agrees(bytes: Uint8Array, start: Uint8Array): boolean {
  return start.every((byte, i) => i >= bytes.length || bytes[i] === byte)
}

function readText(bytes: Uint8Array): Found | string | undefined {
  const text = Buffer.from(bytes.subarray(0, LIMITS.proxyTextHeaderBytesMax)).toString('latin1')
  const end = text.indexOf('\r\n')
  if (end >= 0) return readLine(text.slice(0, end), end + 2)
  if (text.length < LIMITS.proxyTextHeaderBytesMax) return undefined
  return `its header of version 1 has no end within ${LIMITS.proxyTextHeaderBytesMax} bytes`
}

function readLine(line: string, length: number): Found | string {
  // What follows UNKNOWN is to be ignored, whatever it is.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { client: undefined, length }
  const port = '(0|[1-9][0-9]{0,4})'
  const [, family, source, destination, ...ports] =
    new RegExp(`^PROXY TCP([46]) ([^ ]+) ([^ ]+) ${port} ${port}$`).exec(line) ?? []
  const host = readAddress(source, family)
  const isWhole = host !== undefined && readAddress(destination, family) !== undefined
  if (!isWhole || ports.some(text => Number(text) > 65_535)) return 'its header of version 1 is malformed'
  return { client: { host, port: Number(ports[0]) }, length }
}

/** @param family as it is written: an IPv4-mapped address stands in a TCP6 line */
function readAddress(text = '', family: string | undefined): string | undefined {
  return text.includes(':') === (family === '6') ? parseIpAddress(text)?.text : undefined
}

function readBinary(bytes: Uint8Array): Found | string | undefined {
  const [command, family = 0] = bytes.subarray(SIGNATURE.length)
  if (command === undefined) return undefined
  if (command !== VERSION_LOCAL && command !== VERSION_PROXY) {
    return `its header has version and command 0x${command.toString(16).padStart(2, '0')}, which are unknown`
  }
  if (bytes.length < FIXED_BYTES) return undefined
  const length = FIXED_BYTES + uint16At(bytes, FIXED_BYTES - 2)
  if (length > LIMITS.proxyHeaderBytesMax)
    return `its header of version 2 has more than ${LIMITS.proxyHeaderBytesMax} bytes`
  if (bytes.length < length) return undefined
  if (command === VERSION_LOCAL) return { client: undefined, length }
  if (family >> 4 > FAMILY_MAX || (family & 0x0f) > TRANSPORT_MAX)
    return 'its header of version 2 has an unknown family'
  const addressBytes = ADDRESS_BYTES[family]
  if (addressBytes === undefined) return { client: undefined, length }
  const portAt = FIXED_BYTES + 2 * addressBytes
  if (length < portAt + 4) return 'its header of version 2 is too short for its addresses'
  const host = addressOfBytes(bytes.subarray(FIXED_BYTES, FIXED_BYTES + addressBytes)).text
  return { client: { host, port: uint16At(bytes, portAt) }, length }
}

function uint16At(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!
}
