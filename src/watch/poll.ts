/** Addresses as every system tells them, for where netlink is not to be had. Costs about 50 µs. */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { addressOn, isEverywhere, type Quality, type Snapshot } from './snapshot.ts'

export type Interfaces = NodeJS.Dict<Pick<NetworkInterfaceInfo, 'address'>[]>

/** Links that are down are not in it. Nothing is known of temporary and deprecated addresses. */
export function pollSnapshot(interfaces: Interfaces = networkInterfaces()): Snapshot {
  const snapshot = new Map<string, Quality>()
  for (const [link, addresses = []] of Object.entries(interfaces)) {
    for (const { address } of addresses) if (!isEverywhere(address)) snapshot.set(addressOn(link, address), 'stable')
  }
  return snapshot
}
