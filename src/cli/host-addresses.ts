import { networkInterfaces } from 'node:os'
import { isLocalOnly } from '../base/endpoint.ts'

/** This host's addresses: those that others can use first, loopback last; link-local ones are left out. */
export function hostAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(one => one.address))
  const usable = all.filter(address => !isLocalOnly(address))
  return [...usable, ...all.filter(address => address === '127.0.0.1')]
}
