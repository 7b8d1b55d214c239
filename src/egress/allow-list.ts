/** Default deny: what one peer may reach through this host. The rules are those of base/allow-rule.ts. */
import { BlockList, isIP } from 'node:net'
import { type AllowRule, parseAllowRule } from '../base/allow-rule.ts'
import { plainAddress } from '../base/endpoint.ts'

export class AllowList {
  readonly #rules: readonly { readonly rule: AllowRule; readonly network: BlockList | undefined }[]

  /** @param rules as configured; one that cannot be read allows nothing */
  constructor(rules: readonly string[]) {
    const parsed = rules.map(parseAllowRule).filter(rule => typeof rule !== 'string')
    this.#rules = parsed.map(rule => ({ rule, network: rule.kind === 'network' ? networkOf(rule) : undefined }))
  }

  /** Whether a name may be dialed as it was named, whatever it stands for. */
  allowsName(name: string, port: number): boolean {
    const host = name.toLowerCase().replace(/\.$/, '')
    return this.#rules.some(({ rule }) => hasPort(rule, port) && matchesName(rule, host))
  }

  allowsAddress(address: string, port: number): boolean {
    const plain = plainAddress(address)
    const family = isIP(plain) === 6 ? 'ipv6' : 'ipv4'
    return this.#rules.some(({ rule, network }) => hasPort(rule, port) && network?.check(plain, family) === true)
  }
}

function networkOf({ host, prefixBits }: AllowRule): BlockList {
  const network = new BlockList()
  network.addSubnet(host, prefixBits, host.includes(':') ? 'ipv6' : 'ipv4')
  return network
}

function hasPort({ fromPort, toPort }: AllowRule, port: number): boolean {
  return port >= fromPort && port <= toPort
}

function matchesName(rule: AllowRule, host: string): boolean {
  if (rule.kind === 'suffix') return host.endsWith(rule.host.slice(1)) && host.length > rule.host.length - 1
  return rule.kind === 'name' && rule.host.replace(/\.$/, '') === host
}
