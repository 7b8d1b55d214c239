/**
 * Which source address would the kernel use now? A connected UDP socket tells, in about 150 µs and without a packet. It must be a
 * fresh one each time: one already connected keeps its old answer.
 */
import { createSocket } from 'node:dgram'
import { isIP } from 'node:net'
import { isLocalOnly, plainAddress } from '../base/endpoint.ts'

/** @returns undefined when there is no route, or only loopback would be used for a host elsewhere */
export function sourceAddressFor(ip: string, port: number): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = createSocket(isIP(ip) === 6 ? 'udp6' : 'udp4')
    const answer = (address: string | undefined) => {
      socket.close()
      resolve(address)
    }
    socket.once('error', () => answer(undefined))
    socket.connect(port, ip, () => {
      const address = plainAddress(socket.address().address)
      answer(isLocalOnly(address) && !isLocalOnly(ip) ? undefined : address)
    })
  })
}
