/**
 * Which source address would the kernel use now? A connected UDP socket tells, in about 150 µs and without a packet.
 * It must be a fresh one each time: one already connected keeps its old answer.
 */
import { createSocket } from 'node:dgram'
import { isIP } from 'node:net'
import { isLocalOnly, plainAddress } from '../base/endpoint.ts'

/**
 * @param host an IP address; no name is looked up
 * @returns undefined when there is no route, or only a loopback or link-local source for a host elsewhere
 */
export function sourceAddressFor(host: string, port: number): Promise<string | undefined> {
  const ip = plainAddress(host)
  const family = isIP(ip)
  if (family === 0) return Promise.resolve(undefined)
  return new Promise(resolve => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
    const answer = (address: string | undefined) => {
      socket.close()
      resolve(address)
    }
    socket.once('error', () => answer(undefined))
    socket.once('connect', () => {
      const { address } = socket.address()
      answer(isLocalOnly(address) && !isLocalOnly(ip) ? undefined : address)
    })
    // A callback here would be called with failures, too, and they would not be events then.
    socket.connect(port, ip)
  })
}
