/**
 * Brings back what is answered to the addresses of clients (`source: preserve`): the table of nftables as the text of one
 * transaction, and the routing beside it. Those addresses belong to hosts elsewhere, so the kernel would forward or drop it.
 *
 *     prerouting  for a client, and a socket of this host has its address  -> marked
 *     output      from a service of this host to such a socket             -> marked, and routed anew
 *     routing     marked, or from a loopback address                       -> table 7243: the clients' networks are local
 *
 * - The socket decides, not the address: what a client of such a network sends and gets by itself goes its own way.
 * - A service of this host chooses the route of its answer before any rule sees a packet of it. From a loopback address there is
 *   none to other hosts, so those are led by a rule of routing. Other addresses of this host do have one: there, the connections
 *   that the sidecar makes are noted as they leave, with their ends exchanged.
 * - The table of routing has the clients' networks and no default. Filters that ask for the way back to a sender with the mark of
 *   the packet (`src_valid_mark`, those of firewalld) find no answer here, and go on to the real one.
 */
import { LIMITS } from '../base/limits.ts'
import type { Network } from '../base/network.ts'
import { DIVERTED_MARK, type Family, hex, networkText } from './capture-plan.ts'
import { type FamilyLines, ROUTING_PRIORITY, ROUTING_PROTOCOL } from './routing.ts'

export const CLIENTS_TABLE = 'inet holdfast_clients'
/** Number of the table of routing. */
export const CLIENTS_ROUTING_TABLE = 7243

/** The transaction that removes the table, whether it is there or not. */
export const CLIENTS_REMOVAL = `add table ${CLIENTS_TABLE}\ndelete table ${CLIENTS_TABLE}\n`

const FAMILIES: readonly Family[] = [4, 6]
const HEADER = { 4: 'ip', 6: 'ip6' } as const
const TYPE = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const
const LOOPBACK = { 4: '127.0.0.0/8', 6: '::1' } as const
const MARK = hex(DIVERTED_MARK)
const TRANSPARENT = 'meta l4proto tcp socket transparent 1'
const SET_MARK = `counter meta mark set meta mark | ${MARK}`

/** Replaces the table, and what an earlier process has left in it. */
export function clientsTable(networks: readonly Network[]): string {
  const families = FAMILIES.filter(family => networks.some(one => one.family === family))
  const lines = [
    ...families.flatMap(family => sets(family, networks)),
    'chain prerouting {',
    '  type filter hook prerouting priority mangle; policy accept;',
    ...families.map(family => `  ${HEADER[family]} daddr @clients${family} ${TRANSPARENT} ${SET_MARK}`),
    '}',
    'chain output {',
    '  type route hook output priority mangle; policy accept;',
    ...families.flatMap(localAnswers),
    '}',
  ]
  return `${CLIENTS_REMOVAL}table ${CLIENTS_TABLE} {\n${lines.map(line => `  ${line}\n`).join('')}}\n`
}

export function clientsRouting(networks: readonly Network[]): readonly FamilyLines[] {
  const table = `${CLIENTS_ROUTING_TABLE} protocol ${ROUTING_PROTOCOL}`
  return FAMILIES.map(family => {
    const own = networks.filter(one => one.family === family)
    const matches = own.length === 0 ? [] : [`fwmark ${MARK}/${MARK}`, `iif lo from ${LOOPBACK[family]}`]
    const routes = own.map(network => `route replace local ${networkText(network)} dev lo table ${table}`)
    const rules = matches.map(match => `rule add priority ${ROUTING_PRIORITY} ${match} lookup ${table}`)
    return { family, lines: [...routes, ...rules] }
  })
}

function sets(family: Family, networks: readonly Network[]): readonly string[] {
  const elements = networks.filter(one => one.family === family).map(networkText)
  const type = TYPE[family]
  const ends = `${type} . inet_service . ${type} . inet_service`
  const bounds = `timeout ${LIMITS.localAnswerMs / 1_000}s; size ${LIMITS.localAnswersMax};`
  return [
    `set clients${family} { type ${type}; flags interval; auto-merge; elements = { ${elements.join(', ')} } }`,
    `set answers${family} { type ${ends}; flags dynamic,timeout; ${bounds} }`,
  ]
}

function localAnswers(family: Family): readonly string[] {
  const ip = HEADER[family]
  const answer = `${ip} saddr . tcp sport . ${ip} daddr . tcp dport`
  const exchanged = `${ip} daddr . tcp dport . ${ip} saddr . tcp sport`
  return [
    `  ${answer} @answers${family} ${SET_MARK}`,
    `  ${ip} saddr @clients${family} ${TRANSPARENT} fib daddr type local update @answers${family} { ${exchanged} }`,
  ]
}
