/** Whether an address is this host's own, on any of its links at this moment. */
import { networkInterfaces } from 'node:os'
import { addressBytes, parseIpAddress } from '../base/ip-address.ts'
import { holderOf, parseNetwork } from '../base/network.ts'

/** What is asked of the system; tests have hosts of their own. */
export type Interfaces = ReturnType<typeof networkInterfaces>

/** Also where a packet would go to everybody on one of its links, this host among them. */
export function isOwnAddress(address: string, interfaces: Interfaces = networkInterfaces()): boolean {
  const asked = parseIpAddress(address.replace(/%.*$/, ''))
  if (asked === undefined) return false
  const bytes = addressBytes(asked)
  return Object.values(interfaces).some(list =>
    list?.some(one => {
      const own = parseIpAddress(one.address.replace(/%.*$/, ''))
      if (own === undefined) return false
      return Buffer.from(addressBytes(own)).equals(bytes) || isForEverybody(bytes, one.cidr)
    }),
  )
}

/** The first and the last address of an IPv4 network; of /31 and /32 (RFC 3021) both are hosts. */
function isForEverybody(bytes: Uint8Array, cidr: string | null): boolean {
  const network = parseNetwork(cidr ?? '')
  if (bytes.length !== 4 || typeof network === 'string' || network.prefixBits > 30) return false
  if (!holderOf(network)(bytes)) return false
  const hostMask = 2 ** (32 - network.prefixBits) - 1
  const host = (Buffer.from(bytes).readUInt32BE() & hostMask) >>> 0
  return host === 0 || host === hostMask
}
