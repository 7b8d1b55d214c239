/**
 * The nftables table that drops packets of lost carriers, as texts of transactions. A carrier is known by its 5-tuple: TCP,
 * and the address and port of either end.
 *
 *     input    from its remote end to its local one    -> counted, dropped
 *     output   from its local end to its remote one    -> counted, dropped
 *
 * The rules are there as long as the sidecar; a suspension is an element of their sets. It is added when the carrier is lost
 * and deleted when another has taken over, and the kernel deletes it by itself when its time is over. Both hooks see packets as
 * the socket does: before output translates addresses, and after prerouting has.
 */
import type { HostPort } from '../base/endpoint.ts'
import { parseIpAddress } from '../base/ip-address.ts'
import { LIMITS } from '../base/limits.ts'

export const SUSPENSION_TABLE = 'inet holdfast_suspension'

/** The transaction that removes the table, whether it is there or not. */
export const SUSPENSION_REMOVAL = `add table ${SUSPENSION_TABLE}\ndelete table ${SUSPENSION_TABLE}\n`

/** Before anything that keeps a state of connections, and before the filters of others. */
const PRIORITY = -300

/** The two ends of one carrier, as its socket on this host has them. */
export interface Tuple {
  readonly local: HostPort
  readonly remote: HostPort
}

/** Replaces the table, and what an earlier process has left in it. */
export function suspensionTable(): string {
  return `${SUSPENSION_REMOVAL}table ${SUSPENSION_TABLE} {
  set tuples4 { type ipv4_addr . inet_service . ipv4_addr . inet_service; flags timeout; size ${LIMITS.suspensionsMax}; }
  set tuples6 { type ipv6_addr . inet_service . ipv6_addr . inet_service; flags timeout; size ${LIMITS.suspensionsMax}; }
  counter dropped_in { }
  counter dropped_out { }
  chain input {
    type filter hook input priority ${PRIORITY}; policy accept;
    ip daddr . tcp dport . ip saddr . tcp sport @tuples4 counter name dropped_in drop
    ip6 daddr . tcp dport . ip6 saddr . tcp sport @tuples6 counter name dropped_in drop
  }
  chain output {
    type filter hook output priority ${PRIORITY}; policy accept;
    ip saddr . tcp sport . ip daddr . tcp dport @tuples4 counter name dropped_out drop
    ip6 saddr . tcp sport . ip6 daddr . tcp dport @tuples6 counter name dropped_out drop
  }
}
`
}

/**
 * A tuple of the carrier as the sets hold it; undefined where they cannot: a link-local address means nothing without its link.
 */
export function elementOf({ local, remote }: Tuple): { readonly set: string; readonly key: string } | undefined {
  const [from, to] = [parseIpAddress(local.host), parseIpAddress(remote.host)]
  if (from === undefined || to === undefined || from.family !== to.family) return undefined
  return { set: `tuples${from.family}`, key: `${from.text} . ${local.port} . ${to.text} . ${remote.port}` }
}

/** One transaction. Those that it deletes may be over by themselves: added first, they are there. */
export function suspensionChange(
  added: readonly Tuple[],
  withdrawn: readonly Tuple[],
  timeoutMs: number = LIMITS.suspensionMs,
): string {
  return [
    ...withdrawn.flatMap(tuple => [line('add', tuple), line('delete', tuple)]),
    ...added.map(tuple => line('add', tuple, ` timeout ${timeoutMs}ms`)),
  ].join('')
}

function line(verb: 'add' | 'delete', tuple: Tuple, timeout = ''): string {
  const element = elementOf(tuple)
  return element === undefined
    ? ''
    : `${verb} element ${SUSPENSION_TABLE} ${element.set} { ${element.key}${timeout} }\n`
}
