/** What one peer may reach through us, and how that is served. Default deny: what no rule matches is refused. */
import { OperatorError } from '../base/errors.ts'
import { holderOf, parseNetwork } from '../base/network.ts'
import { RuleTable } from '../base/rule-table.ts'
import type { Clients } from './preserved-source.ts'
import type { ProxyProtocol } from './proxy-protocol.ts'

/** A rule as it is configured: a text (base/allow-rule.ts), or that text and how what it matches is served. */
export type AllowEntry = string | AllowMapping

export interface AllowMapping {
  readonly to: string
  readonly proxyProtocol?: ProxyProtocol | undefined
  readonly source?: 'preserve' | undefined
  /** Networks (base/network.ts). */
  readonly clients?: readonly string[] | undefined
}

/** The rule that matched. */
export interface Permission {
  /** The header that the destination wants before anything else; undefined: none. */
  readonly proxyProtocol: ProxyProtocol | undefined
  /** Whose address is the source of the connection, and nobody else's; undefined: it is this host's. */
  readonly clients: Clients | undefined
}

/** Whatever a name resolves to may be dialed, when the name itself has a rule. */
export class AllowList extends RuleTable<Permission> {
  /** @throws OperatorError CONFIG_INVALID at the first text that is no rule (base/allow-rule.ts), or no network */
  constructor(entries: readonly AllowEntry[]) {
    super(
      entries.map(entry => {
        const {
          to,
          proxyProtocol,
          source,
          clients = [],
        }: AllowMapping = typeof entry === 'string' ? { to: entry } : entry
        return [to, { proxyProtocol, clients: source === 'preserve' ? clients.map(holderOfText) : undefined }]
      }),
    )
  }
}

function holderOfText(text: string): Clients[number] {
  const network = parseNetwork(text)
  if (typeof network === 'string') throw new OperatorError('CONFIG_INVALID', network)
  return holderOf(network)
}
