/**
 * What the kernel's routing adds to a capture, as lines for `ip -batch`, family by family.
 *
 * **redirect**: a connection takes its source address from the route to its destination, before any rule of nftables sees it.
 * Left alone, that is the address of an interface, and when the interface loses it, the kernel sends nothing more for this
 * socket, although both its ends are on this host. So captured destinations have a route over the loopback interface, with a
 * loopback source: such a connection lives without any network. The sidecar's own sockets carry a mark and keep to the real
 * routes.
 *
 *     source not chosen yet (0.0.0.0), or 127.0.0.1    -> a table of ours: each network dev lo src 127.0.0.1
 *                                                         none of them: the next rule, as without ours
 *     bound to an address by the application           -> as before; captured, but it does not outlive that address
 *
 * Rules are compared one by one for each connection that is opened, and routes of a table are not: so there is a table for each
 * range of ports, which a route cannot say, and in it a route for each network.
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

/** Number of the first table, and priority of the rules: before those of VPNs (5,200 and above 32,000 are taken by some). */
export const ROUTING_TABLE = 7242
export const ROUTING_PRIORITY = 7242
/** Written into each rule and route, so that they are known for ours. */
export const ROUTING_PROTOCOL = 72

/** 7242, then 7242001 and so on, which nobody else has: as many as LIMITS.captureRulesMax allows. */
export const CAPTURE_TABLES = `${ROUTING_TABLE}(?:\\d{3})?`
const USER_ID_MAX = 0xffff_fffe

export interface FamilyLines {
  readonly family: Family
  readonly lines: readonly string[]
}

export function routing(plan: CapturePlan): readonly FamilyLines[] {
  return familiesOf(plan).map(family => {
    return { family, lines: plan.mode === 'redirect' ? redirectLines(plan, family) : divertLines() }
  })
}

/** What is shown of one family by `ip -N`. */
export interface ShownRouting {
  /** `rule show` */
  readonly rules: string
  /** `route show table all proto 72` */
  readonly routes: string
}

/** @returns lines that remove our rules and routes, also those of an earlier version; none when there are none */
export function routingRemoval(shown: ShownRouting, tables: string = CAPTURE_TABLES): readonly string[] {
  const { rules, routes } = oursOf(shown, tables)
  const found = new Set(routes.map(tableOf))
  return [
    ...rules.map(line => `rule del priority ${ROUTING_PRIORITY} lookup ${tableOf(line)} protocol ${ROUTING_PROTOCOL}`),
    ...[...found].map(table => `route flush table ${table} protocol ${ROUTING_PROTOCOL}`),
  ]
}

export interface OurRouting {
  readonly rules: readonly string[]
  readonly routes: readonly string[]
}

/** The lines that are of rules and routes of ours. @param tables a regular expression of their numbers */
export function oursOf({ rules, routes }: ShownRouting, tables: string): OurRouting {
  const isRule = new RegExp(`^${ROUTING_PRIORITY}:.* lookup ${tables} proto ${ROUTING_PROTOCOL}\\b`)
  const isRoute = new RegExp(` table ${tables}(?: |$)`)
  return {
    rules: rules.split('\n').filter(line => isRule.test(line)),
    routes: routes.split('\n').filter(line => isRoute.test(line)),
  }
}

function tableOf(shown: string): string {
  return / (?:lookup|table) (\d+)/.exec(shown)![1]!
}

function divertLines(): readonly string[] {
  const mark = hex(DIVERTED_MARK)
  const table = `table ${ROUTING_TABLE} protocol ${ROUTING_PROTOCOL}`
  return [`route replace local default dev lo ${table}`, ruleLine(`fwmark ${mark}/${mark}`, ROUTING_TABLE)]
}

function redirectLines(plan: CapturePlan, family: Family): readonly string[] {
  const sources = family === 4 ? ['from 0.0.0.0/32 ', 'from 127.0.0.1/32 '] : ['']
  const ranges = userRanges(plan)
  if (ranges.length === 0) return []
  return [...networksByPorts(plan, family)].flatMap(([ports, networks], at) => {
    const table = at === 0 ? ROUTING_TABLE : 1_000 * ROUTING_TABLE + at
    const matches = sources.flatMap(source => ranges.map(range => `${source}ipproto tcp${ports}${range}`))
    return [
      ...[...networks].map(network => routeLine(network, family, table)),
      ...matches.map(match => ruleLine(`fwmark 0/${hex(OWN_MARK)} iif lo ${match}`, table)),
    ]
  })
}

/** The kernel takes no IPv6 route over the loopback interface but a local one. */
function routeLine(network: string, family: Family, table: number): string {
  const [type, source] = family === 4 ? ['', '127.0.0.1'] : ['local ', '::1']
  return `route replace ${type}${network} dev lo src ${source} table ${table} protocol ${ROUTING_PROTOCOL}`
}

function ruleLine(match: string, table: number): string {
  return `rule add priority ${ROUTING_PRIORITY} ${match} lookup ${table} protocol ${ROUTING_PROTOCOL}`
}

function networksByPorts(plan: CapturePlan, family: Family): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>()
  for (const network of plan.networks) {
    if (network.family !== family) continue
    const ports = portsOf(network)
    const networks = found.get(ports) ?? new Set()
    found.set(ports, networks.add(`${network.address}/${network.prefixBits}`))
  }
  return found
}

function portsOf({ ports: { first, last } }: NetworkRule): string {
  if (first === 1 && last === 65_535) return ''
  return ` dport ${first === last ? first : `${first}-${last}`}`
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
