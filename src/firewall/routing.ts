/**
 * What the kernel's routing adds to a capture, as lines for `ip -batch`, family by family.
 *
 * **redirect**: a connection takes its source address from the route to its destination, before any rule of nftables sees it.
 * Left alone, that is the address of an interface, and when the interface loses it, the kernel sends nothing more for this
 * socket, although both its ends are on this host. So captured destinations have a route over the loopback interface, with a
 * loopback source: such a connection lives without any network. The sidecar's own sockets carry a mark and keep to the real
 * routes.
 *
 *     source not chosen yet (0.0.0.0), or 127.0.0.1    -> table 7242: default dev lo src 127.0.0.1
 *     bound to an address by the application           -> as before; captured, but it does not outlive that address
 *
 * The source is part of the IPv4 rules because reverse path filters ask the same rules, with this host's address as source.
 * IPv6 has no such filter, and its rules do not match a source that is not chosen.
 *
 * A rule of routing knows users and no cgroups: what is selected or left out by cgroup keeps the source it had.
 *
 * **tproxy**: packets that carry the mark of the diverted are delivered here, whoever they are for.
 */
import {
  type CapturePlan,
  DIVERTED_MARK,
  type Family,
  familiesOf,
  hex,
  type NetworkRule,
  OWN_MARK,
} from './capture-plan.ts'

/** Number of the table, and priority of the rules: before those of VPNs (5,200 and above 32,000 are taken by some). */
export const ROUTING_TABLE = 7242
/** Written into each rule and route, so that they are known for ours. */
export const ROUTING_PROTOCOL = 72

const OURS = `lookup ${ROUTING_TABLE} protocol ${ROUTING_PROTOCOL}`
const USER_ID_MAX = 0xffff_fffe

export interface FamilyLines {
  readonly family: Family
  readonly lines: readonly string[]
}

export function routing(plan: CapturePlan): readonly FamilyLines[] {
  return familiesOf(plan).map(family => {
    const rules = plan.mode === 'redirect' ? redirectRules(plan, family) : [divertRule()]
    return { family, lines: rules.length === 0 ? [] : [routeLine(plan, family), ...rules] }
  })
}

/** @param shown what `ip -N rule show` says @returns lines that remove our rules and routes */
export function routingRemoval(shown: string): readonly string[] {
  const ours = new RegExp(`^${ROUTING_TABLE}:.* lookup ${ROUTING_TABLE} proto ${ROUTING_PROTOCOL}\\b`)
  const rules = shown.split('\n').filter(line => ours.test(line))
  return rules.map(() => `rule del priority ${ROUTING_TABLE} ${OURS}`)
}

/** The kernel takes no IPv6 route over the loopback interface but a local one. */
function routeLine({ mode }: CapturePlan, family: Family): string {
  const type = mode === 'tproxy' || family === 6 ? 'local ' : ''
  const source = mode === 'tproxy' ? '' : ` src ${family === 4 ? '127.0.0.1' : '::1'}`
  return `route replace ${type}default dev lo${source} table ${ROUTING_TABLE} protocol ${ROUTING_PROTOCOL}`
}

function redirectRules(plan: CapturePlan, family: Family): readonly string[] {
  const sources = family === 4 ? ['from 0.0.0.0/32 ', 'from 127.0.0.1/32 '] : ['']
  return plan.networks
    .filter(network => network.family === family)
    .flatMap(network => sources.map(source => `${source}to ${destination(network)}`))
    .flatMap(match => userRanges(plan).map(range => `${match}${range}`))
    .map(match => `rule add priority ${ROUTING_TABLE} fwmark 0/${hex(OWN_MARK)} iif lo ${match} ${OURS}`)
}

function divertRule(): string {
  const mark = hex(DIVERTED_MARK)
  return `rule add priority ${ROUTING_TABLE} fwmark ${mark}/${mark} ${OURS}`
}

function destination({ address, prefixBits, ports: { first, last } }: NetworkRule): string {
  const ports = first === 1 && last === 65_535 ? '' : ` dport ${first === last ? first : `${first}-${last}`}`
  return `${address}/${prefixBits} ipproto tcp${ports}`
}

/** Whom the rules are for: '' is everybody. */
function userRanges({ userIds, cgroups, exceptUserIds, exceptCgroups }: CapturePlan): readonly string[] {
  if (exceptCgroups.length > 0) return []
  const chosen = userIds.filter(id => !exceptUserIds.includes(id))
  if (userIds.length > 0) return chosen.map(id => ` uidrange ${id}-${id}`)
  if (cgroups.length > 0) return []
  if (exceptUserIds.length === 0) return ['']
  const ranges: string[] = []
  let first = 0
  for (const id of [...new Set(exceptUserIds)].sort((a, b) => a - b)) {
    if (id > first) ranges.push(` uidrange ${first}-${id - 1}`)
    first = id + 1
  }
  return [...ranges, ` uidrange ${first}-${USER_ID_MAX}`]
}
