/** What one peer may reach through us. Default deny: what no rule matches is refused. */
import { BlockList } from 'node:net'
import { type AllowRule, normalName, type PortRange, parseAllowRule } from '../base/allow-rule.ts'
import { OperatorError } from '../base/errors.ts'
import { parseIpAddress } from '../base/ip-address.ts'

/** Networks that share a range of ports. IPv4 and IPv6 are kept apart: `[::]/0` says nothing about IPv4. */
interface Networks {
  readonly ports: PortRange
  readonly 4: BlockList
  readonly 6: BlockList
}

const FAMILY = { 4: 'ipv4', 6: 'ipv6' } as const

export class AllowList {
  readonly #names: readonly AllowRule[]
  readonly #networks = new Map<string, Networks>()

  /** @throws OperatorError CONFIG_INVALID at the first text that is no rule (base/allow-rule.ts) */
  constructor(texts: readonly string[]) {
    const rules = texts.map(parse)
    this.#names = rules.filter(rule => rule.kind !== 'network')
    for (const rule of rules) {
      if (rule.kind !== 'network') continue
      this.#of(rule.ports)[rule.family].addSubnet(rule.address, rule.prefixBits, FAMILY[rule.family])
    }
  }

  /** Whether a rule names `name`; then whatever it resolves to may be dialed. */
  allowsName(name: string, port: number): boolean {
    const normal = normalName(name)
    return this.#names.some(rule => {
      if (!isWithin(rule.ports, port)) return false
      if (rule.kind === 'suffix') return normal.endsWith(rule.suffix) && normal.length > rule.suffix.length
      return rule.kind === 'name' && rule.name === normal
    })
  }

  /** Whether a rule holds `address`; an IPv4-mapped IPv6 address counts as IPv4. What is no address is refused. */
  allowsAddress(address: string, port: number): boolean {
    const parsed = parseIpAddress(address)
    if (parsed === undefined) return false
    const { family, text } = parsed
    return this.#at(port).some(networks => networks[family].check(text, FAMILY[family]))
  }

  /** Whether any address could be allowed on `port`; if not, no name needs to be looked up. */
  allowsSomeAddress(port: number): boolean {
    return this.#at(port).length > 0
  }

  #at(port: number): Networks[] {
    return [...this.#networks.values()].filter(networks => isWithin(networks.ports, port))
  }

  #of(ports: PortRange): Networks {
    const key = `${ports.first}-${ports.last}`
    const networks = this.#networks.get(key) ?? { ports, 4: new BlockList(), 6: new BlockList() }
    this.#networks.set(key, networks)
    return networks
  }
}

function parse(text: string): AllowRule {
  const rule = parseAllowRule(text)
  if (typeof rule === 'string') throw new OperatorError('CONFIG_INVALID', rule)
  return rule
}

function isWithin({ first, last }: PortRange, port: number): boolean {
  return port >= first && port <= last
}
