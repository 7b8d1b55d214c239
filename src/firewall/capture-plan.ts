/** What is to be captured, as the rules of the kernel need it: numbers and networks. */
import { type AllowRule, parseAllowRule } from '../base/allow-rule.ts'
import { addressBytes } from '../base/ip-address.ts'
import type { Network } from '../base/network.ts'

export type NetworkRule = Extract<AllowRule, { kind: 'network' }>
export type Family = 4 | 6

export interface CapturePlan {
  /** Of this host's own connections, or of connections that it forwards for others. */
  readonly mode: 'redirect' | 'tproxy'
  /** Where the sidecar listens, on the loopback address of each family. */
  readonly port: number
  readonly networks: readonly NetworkRule[]
  /** Only connections of these users and cgroups. Both empty: everybody's. */
  readonly userIds: readonly number[]
  readonly cgroups: readonly string[]
  /** Never captured, beside what carries the sidecar's mark. */
  readonly exceptUserIds: readonly number[]
  readonly exceptCgroups: readonly string[]
}

/**
 * On packets of the sidecar's own sockets, never captured; one bit, so that marks of others are left as they are. It is none
 * of those that Kubernetes, Tailscale, Cilium or WireGuard use.
 */
export const OWN_MARK = 0x1000_0000
/** On packets that are for a socket of the sidecar, whoever they say they are for. */
export const DIVERTED_MARK = 0x2000_0000

/** Routes of names have no addresses that a rule of the kernel could hold. */
export function networksOf(rules: readonly string[]): readonly NetworkRule[] {
  return rules
    .map(parseAllowRule)
    .filter((rule): rule is NetworkRule => typeof rule !== 'string' && rule.kind === 'network')
    .map(rule => ({ ...rule, address: firstOf(rule) }))
}

export function networkText(network: Network): string {
  return `${firstOf(network)}/${network.prefixBits}`
}

/** The first address of a network: a rule of routing takes no bits beyond the prefix. */
function firstOf({ family, address, prefixBits }: Network): string {
  const bytes = addressBytes({ family, text: address })
  const kept = bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefixBits - 8 * i))))
  if (family === 4) return kept.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => ((kept[2 * i]! << 8) | kept[2 * i + 1]!).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

export function familiesOf({ networks }: CapturePlan): readonly Family[] {
  return ([4, 6] as const).filter(family => networks.some(one => one.family === family))
}

export function hex(mark: number): string {
  return `0x${mark.toString(16)}`
}
