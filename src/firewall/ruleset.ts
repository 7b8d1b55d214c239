/**
 * The nftables table of a capture, as the text of one transaction. An older table of ours, of a process that was killed, is
 * replaced in it; no packet meets neither or both, and nobody else's table is named.
 *
 *     redirect:  output      the sidecar's own -> passes          tproxy:  prerouting  for this host itself -> passes
 *                            to this host itself -> passes                             a routed network -> the sidecar
 *                            a routed network -> the sidecar                           anything else -> passes
 *                            anything else -> passes
 *
 * Connections are counted by what became of them: own, captured, passed.
 */
import { type CapturePlan, DIVERTED_MARK, type Family, familiesOf, hex, OWN_MARK } from './capture-plan.ts'

export const TABLE = 'inet holdfast'

/** The transaction that removes the table, whether it is there or not. */
export const REMOVAL = `add table ${TABLE}\ndelete table ${TABLE}\n`

/** Before those of others who translate destinations, such as Docker, at -100. */
const NAT_PRIORITY = -105

export function ruleset(plan: CapturePlan): string {
  const lines = [
    ...['own', 'captured', 'passed'].map(name => `counter ${name} { }`),
    ...setsOf(plan).map(({ name, family, elements }) => {
      const type = family === 4 ? 'ipv4_addr' : 'ipv6_addr'
      return `set ${name} { type ${type}; flags interval; auto-merge; elements = { ${elements.join(', ')} } }`
    }),
    ...(plan.mode === 'redirect' ? redirectChains(plan) : tproxyChains(plan)),
  ]
  return `${REMOVAL}table ${TABLE} {\n${lines.map(line => `  ${line}\n`).join('')}}\n`
}

interface NetworkSet {
  readonly name: string
  readonly family: Family
  readonly ports: string
  readonly elements: readonly string[]
}

/** One set for each family and range of ports: intervals of pairs may not overlap, and routes do. */
function setsOf({ networks }: CapturePlan): readonly NetworkSet[] {
  const sets = new Map<string, NetworkSet & { readonly elements: string[] }>()
  for (const { family, address, prefixBits, ports } of networks) {
    const { first, last } = ports
    const name = `ip${family}_${first}_${last}`
    const set = sets.get(name) ?? {
      name,
      family,
      ports: first === last ? `${first}` : `${first}-${last}`,
      elements: [],
    }
    sets.set(name, set)
    set.elements.push(`${address}/${prefixBits}`)
  }
  return [...sets.values()]
}

function redirectChains(plan: CapturePlan): readonly string[] {
  const selectors = [...users(plan.userIds), ...plan.cgroups.map(cgroup)]
  const judged = selectors.length === 0 ? ['jump routed'] : selectors.map(selector => `${selector} jump routed`)
  return [
    ...chain('routed', matches(plan, `counter name captured redirect to :${plan.port}`)),
    ...chain('output', [
      `type nat hook output priority ${NAT_PRIORITY}; policy accept;`,
      'meta l4proto != tcp return',
      `meta mark & ${hex(OWN_MARK)} == ${hex(OWN_MARK)} counter name own return`,
      ...[...users(plan.exceptUserIds), ...plan.exceptCgroups.map(cgroup)].map(one => `${one} counter name own return`),
      ...passLocal(),
      ...judged,
      'counter name passed',
    ]),
  ]
}

/**
 * The sidecar itself is on this host, and what stays within it outlives a change of address anyway. For IPv6, whether an
 * address is local is asked of the routing, where ours would say so of all that is captured: with our mark it is not asked.
 */
function passLocal(): readonly string[] {
  const unmark = `meta mark set meta mark & ${hex(0xffff_ffff - OWN_MARK)}`
  return [`meta mark set meta mark | ${hex(OWN_MARK)}`, `fib daddr . mark type local ${unmark} return`, unmark]
}

function tproxyChains(plan: CapturePlan): readonly string[] {
  const targets = { 4: `ip to 127.0.0.1:${plan.port}`, 6: `ip6 to [::1]:${plan.port}` }
  return [
    ...chain('divert', [
      'ct state new counter name captured',
      `meta mark set meta mark | ${hex(DIVERTED_MARK)}`,
      ...familiesOf(plan).map(family => `meta nfproto ipv${family} meta l4proto tcp tproxy ${targets[family]} accept`),
    ]),
    ...chain('prerouting', [
      'type filter hook prerouting priority mangle; policy accept;',
      'meta l4proto != tcp return',
      'fib daddr type local return',
      ...matches(plan, 'goto divert'),
      'ct state new counter name passed',
    ]),
  ]
}

function chain(name: string, lines: readonly string[]): readonly string[] {
  return [`chain ${name} {`, ...lines.map(line => `  ${line}`), '}']
}

function matches(plan: CapturePlan, verdict: string): readonly string[] {
  return setsOf(plan).map(
    ({ name, family, ports }) => `${family === 4 ? 'ip' : 'ip6'} daddr @${name} tcp dport ${ports} ${verdict}`,
  )
}

function users(userIds: readonly number[]): readonly string[] {
  return userIds.length === 0 ? [] : [`meta skuid { ${userIds.join(', ')} }`]
}

function cgroup(path: string): string {
  return `socket cgroupv2 level ${path.split('/').length} "${path}"`
}
