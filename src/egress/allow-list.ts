/** What one peer may reach through us, and how that is served. Default deny: what no rule matches is refused. */
import { RuleTable } from '../base/rule-table.ts'
import type { ProxyProtocol } from './proxy-protocol.ts'

/** A rule as it is configured: a text (base/allow-rule.ts), or that text and how what it matches is served. */
export type AllowEntry = string | { readonly to: string; readonly proxyProtocol?: ProxyProtocol | undefined }

/** The rule that matched. */
export interface Permission {
  /** The header that the destination wants before anything else; undefined: none. */
  readonly proxyProtocol: ProxyProtocol | undefined
}

/** Whatever a name resolves to may be dialed, when the name itself has a rule. */
export class AllowList extends RuleTable<Permission> {
  /** @throws OperatorError CONFIG_INVALID at the first text that is no rule (base/allow-rule.ts) */
  constructor(entries: readonly AllowEntry[]) {
    super(
      entries.map(entry => {
        const { to, proxyProtocol } = typeof entry === 'string' ? { to: entry } : entry
        return [to, { proxyProtocol }]
      }),
    )
  }
}
