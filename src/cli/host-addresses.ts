import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { isLocalOnly } from '../base/endpoint.ts'

/** This host's addresses that others can use; where it has none, those of loopback. */
export function hostAddresses(
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): readonly string[] {
  const all = Object.values(interfaces).flatMap(list => list ?? [])
  const usable = all.filter(one => !isLocalOnly(one.address))
  return (usable.length > 0 ? usable : all.filter(one => one.internal)).map(one => one.address)
}
