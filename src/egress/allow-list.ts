/**
 * What one peer may reach through us. Default deny: what no rule matches is refused.
 *
 * Where several rules match, the most specific one says how the destination is served: the longest name or prefix, then the
 * smallest range of ports, then the first in the list.
 */
import { type AllowRule, normalName, type PortRange, parseAllowRule } from '../base/allow-rule.ts'
import { OperatorError } from '../base/errors.ts'
import { addressBytes, parseIpAddress } from '../base/ip-address.ts'
import { holderOf } from '../base/network.ts'
import type { ProxyProtocol } from './proxy-protocol.ts'

/** A rule as it is configured: a text (base/allow-rule.ts), or that text and how what it matches is served. */
export type AllowEntry = string | { readonly to: string; readonly proxyProtocol?: ProxyProtocol | undefined }

/** The rule that matched. */
export interface Permission {
  /** The header that the destination wants before anything else; undefined: none. */
  readonly proxyProtocol: ProxyProtocol | undefined
}

interface Rule extends Permission {
  readonly ports: PortRange
  /** Greater is more specific, among rules of names or rules of one family. */
  readonly precision: number
}

interface NameRule extends Rule {
  readonly holds: (normalName: string) => boolean
}

interface NetworkRule extends Rule {
  readonly holds: (address: Uint8Array) => boolean
}

/** An exact name is more specific than any suffix. */
const EXACT = Number.POSITIVE_INFINITY

export class AllowList {
  /** The most specific first. */
  readonly #names: NameRule[] = []
  readonly #networks: NetworkRule[] = []

  /** @throws OperatorError CONFIG_INVALID at the first text that is no rule (base/allow-rule.ts) */
  constructor(entries: readonly AllowEntry[]) {
    for (const entry of entries) this.#add(entry)
    this.#names.sort(bySpecificity)
    this.#networks.sort(bySpecificity)
  }

  /** The rule that names `name`, if one does; then whatever it resolves to may be dialed. */
  ruleForName(name: string, port: number): Permission | undefined {
    const normal = normalName(name)
    return this.#names.find(({ ports, holds }) => isWithin(ports, port) && holds(normal))
  }

  /** The rule that holds `address`; an IPv4-mapped IPv6 address counts as IPv4. What is no address is refused. */
  ruleForAddress(address: string, port: number): Permission | undefined {
    const parsed = parseIpAddress(address)
    if (parsed === undefined) return undefined
    const bytes = addressBytes(parsed)
    return this.#networks.find(({ ports, holds }) => isWithin(ports, port) && holds(bytes))
  }

  /** Whether any address could be allowed on `port`; if not, no name needs to be looked up. */
  allowsSomeAddress(port: number): boolean {
    return this.#networks.some(({ ports }) => isWithin(ports, port))
  }

  #add(entry: AllowEntry): void {
    const { to, proxyProtocol } = typeof entry === 'string' ? { to: entry } : entry
    const rule = parse(to)
    const { ports } = rule
    if (rule.kind === 'network') {
      this.#networks.push({ ports, proxyProtocol, precision: rule.prefixBits, holds: holderOf(rule) })
    } else if (rule.kind === 'name') {
      this.#names.push({ ports, proxyProtocol, precision: EXACT, holds: name => name === rule.name })
    } else {
      const holds = (name: string) => name.endsWith(rule.suffix) && name.length > rule.suffix.length
      this.#names.push({ ports, proxyProtocol, precision: rule.suffix.length, holds })
    }
  }
}

/** Rules that are alike stay in the order of the list. */
function bySpecificity(a: Rule, b: Rule): number {
  if (a.precision !== b.precision) return a.precision > b.precision ? -1 : 1
  return portsOf(a) - portsOf(b)
}

function portsOf({ ports }: Rule): number {
  return ports.last - ports.first
}

function parse(text: string): AllowRule {
  const rule = parseAllowRule(text)
  if (typeof rule === 'string') throw new OperatorError('CONFIG_INVALID', rule)
  return rule
}

function isWithin({ first, last }: PortRange, port: number): boolean {
  return port >= first && port <= last
}
