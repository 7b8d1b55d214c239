/** Where a connection wanted to go before a rule of nftables redirected it: SO_ORIGINAL_DST, which conntrack answers. */
import type { HostPort } from '../base/endpoint.ts'
import { loadLibc } from './libc.ts'

const SOL_IP = 0
const SOL_IPV6 = 41
/** SO_ORIGINAL_DST, and IP6T_SO_ORIGINAL_DST. */
const ORIGINAL_DST = 80
/** struct sockaddr_in: family 2, port 2, address 4. struct sockaddr_in6: family 2, port 2, flow 4, address 16, scope 4. */
const SOCKADDR_IN_BYTES = 16
const SOCKADDR_IN6_BYTES = 28
const PORT_AT = 2

export type OriginalDestination = (fd: number, family: 4 | 6) => HostPort | undefined

let loaded: { readonly call: OriginalDestination | undefined } | undefined

/** Declared once per process, at the first call. @returns undefined where libc cannot be called */
export function originalDestinations(): OriginalDestination | undefined {
  loaded ??= { call: declare() }
  return loaded.call
}

function declare(): OriginalDestination | undefined {
  const getsockopt = loadLibc()?.declare(
    'int getsockopt(int fd, int level, int name, uint8_t *value, _Inout_ uint32_t *length)',
  )
  if (getsockopt === undefined) return undefined
  return (fd, family) => {
    const bytes = Buffer.alloc(family === 4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES)
    const level = family === 4 ? SOL_IP : SOL_IPV6
    // A connection that nobody redirected has no entry, where no rule asks conntrack to make one.
    if (getsockopt(fd, level, ORIGINAL_DST, bytes, [bytes.length]) !== 0) return undefined
    return { host: family === 4 ? ipv4At(bytes) : ipv6At(bytes), port: bytes.readUInt16BE(PORT_AT) }
  }
}

function ipv4At(bytes: Buffer): string {
  return bytes.subarray(4, 8).join('.')
}

function ipv6At(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(8 + 2 * i).toString(16))
  // In the short form, in which it is compared and shown.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
