/**
 * What rules (allow-rule.ts) say of destinations, whatever that is. Of several rules that hold a destination, the most specific
 * one decides, wherever it stands in the list:
 *
 *     the very name, then the longest *.suffix           for what was asked for by name
 *     the network with the longest prefix                for an address
 *     of two that are equal in that, the one with fewer ports, then the first in the list
 */
import { type AllowRule, normalName, type PortRange, parseAllowRule } from './allow-rule.ts'
import { OperatorError } from './errors.ts'
import { addressBytes, parseIpAddress } from './ip-address.ts'
import { holderOf } from './network.ts'

interface Row<Host, Value> {
  readonly ports: PortRange
  /** Greater is more specific, among rules of names or rules of one family. */
  readonly precision: number
  readonly holds: (host: Host) => boolean
  readonly value: Value
}

/** An exact name is more specific than any suffix. */
const EXACT = Number.POSITIVE_INFINITY

export class RuleTable<Value> {
  /** The most specific first. */
  readonly #names: Row<string, Value>[] = []
  readonly #networks: Row<Uint8Array, Value>[] = []

  /** @throws OperatorError CONFIG_INVALID at the first text that is no rule */
  constructor(entries: readonly (readonly [rule: string, value: Value])[]) {
    for (const [text, value] of entries) this.#add(parse(text), value)
    this.#names.sort(bySpecificity)
    this.#networks.sort(bySpecificity)
  }

  /** Of the rule that names `name`, if one does. */
  forName(name: string, port: number): Value | undefined {
    return find(this.#names, normalName(name), port)
  }

  /** Of the rule that holds `address`; an IPv4-mapped IPv6 address counts as IPv4. What is no address has none. */
  forAddress(address: string, port: number): Value | undefined {
    const parsed = parseIpAddress(address)
    return parsed === undefined ? undefined : find(this.#networks, addressBytes(parsed), port)
  }

  /** Whether any address could have a rule on `port`; if not, no name needs to be looked up. */
  hasNetworksFor(port: number): boolean {
    return this.#networks.some(({ ports }) => isWithin(ports, port))
  }

  #add(rule: AllowRule, value: Value): void {
    const { ports } = rule
    if (rule.kind === 'network') {
      this.#networks.push({ ports, value, precision: rule.prefixBits, holds: holderOf(rule) })
    } else if (rule.kind === 'name') {
      this.#names.push({ ports, value, precision: EXACT, holds: name => name === rule.name })
    } else {
      const holds = (name: string) => name.endsWith(rule.suffix) && name.length > rule.suffix.length
      this.#names.push({ ports, value, precision: rule.suffix.length, holds })
    }
  }
}

function parse(text: string): AllowRule {
  const rule = parseAllowRule(text)
  if (typeof rule === 'string') throw new OperatorError('CONFIG_INVALID', rule)
  return rule
}

/** Rules that are alike stay in the order of the list. */
function bySpecificity(a: Row<never, unknown>, b: Row<never, unknown>): number {
  if (a.precision !== b.precision) return a.precision > b.precision ? -1 : 1
  return portsOf(a) - portsOf(b)
}

function portsOf({ ports }: Row<never, unknown>): number {
  return ports.last - ports.first
}

function find<Host, Value>(rows: readonly Row<Host, Value>[], host: Host, port: number): Value | undefined {
  return rows.find(({ ports, holds }) => isWithin(ports, port) && holds(host))?.value
}

function isWithin({ first, last }: PortRange, port: number): boolean {
  return port >= first && port <= last
}
