/**
 * Which peer a destination is reached through. The most specific route decides, wherever it stands in the list:
 *
 *     the very name, then the longest *.suffix           what was asked for by name
 *     the network with the longest prefix                what was asked for by address
 *     of two that are equal in that, the one with fewer ports
 *
 * What no route holds is none of our business, and goes where it would go without Holdfast.
 */
import { BlockList } from 'node:net'
import { type AllowRule, normalName, parseAllowRule } from '../base/allow-rule.ts'
import type { HostPort } from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'
import { parseIpAddress } from '../base/ip-address.ts'
import type { RouteConfig } from '../config/config.ts'

interface Route {
  readonly rule: AllowRule
  readonly holdsHost: (host: string) => boolean
  readonly peer: string
  /** Greater is more specific. */
  readonly weight: number
}

export class Routes {
  readonly #routes: readonly Route[]

  /** @throws OperatorError CONFIG_INVALID at the first that is no rule */
  constructor(configs: readonly RouteConfig[]) {
    this.#routes = configs.flatMap(routesOf).sort((a, b) => b.weight - a.weight)
  }

  /** Whether an address that a name stands for could have a route. */
  get hasNetworks(): boolean {
    return this.#routes.some(({ rule }) => rule.kind === 'network')
  }

  /** @returns the name of the peer, or undefined when no route holds `to` */
  peerFor(to: HostPort): string | undefined {
    const isPort = ({ ports: { first, last } }: AllowRule) => to.port >= first && to.port <= last
    return this.#routes.find(({ rule, holdsHost }) => isPort(rule) && holdsHost(to.host))?.peer
  }
}

function routesOf({ rules, peer }: RouteConfig): Route[] {
  return rules.map(text => {
    const rule = parseAllowRule(text)
    if (typeof rule === 'string') throw new OperatorError('CONFIG_INVALID', rule)
    return { rule, peer, holdsHost: hostTest(rule), weight: weightOf(rule) }
  })
}

const PORTS = 65_536

function weightOf(rule: AllowRule): number {
  const ports = PORTS - (rule.ports.last - rule.ports.first)
  if (rule.kind === 'network') return rule.prefixBits * PORTS + ports
  return (rule.kind === 'name' ? 1_000 : rule.suffix.length) * PORTS + ports
}

function hostTest(rule: AllowRule): (host: string) => boolean {
  if (rule.kind === 'name') return host => normalName(host) === rule.name
  if (rule.kind === 'suffix') {
    return host => normalName(host).endsWith(rule.suffix) && normalName(host).length > rule.suffix.length
  }
  const family = rule.family === 4 ? 'ipv4' : 'ipv6'
  const network = new BlockList()
  network.addSubnet(rule.address, rule.prefixBits, family)
  return host => {
    const address = parseIpAddress(host)
    return address?.family === rule.family && network.check(address.text, family)
  }
}
