/**
 * Which peer a destination is reached through: the most specific route decides (base/rule-table.ts). What no route holds is
 * none of our business, and goes where it would go without it.
 */
import type { HostPort } from '../base/endpoint.ts'
import { RuleTable } from '../base/rule-table.ts'
import type { RouteConfig } from '../config/config.ts'

export class Routes {
  readonly #peers: RuleTable<string>

  /** @throws OperatorError CONFIG_INVALID at the first that is no rule */
  constructor(configs: readonly RouteConfig[]) {
    this.#peers = new RuleTable(configs.flatMap(({ rules, peer }) => rules.map(rule => [rule, peer] as const)))
  }

  /** Whether an address that a name stands for could have a route on `port`. */
  hasNetworksFor(port: number): boolean {
    return this.#peers.hasNetworksFor(port)
  }

  /** @returns the name of the peer, or undefined when no route holds `to` */
  peerFor({ host, port }: HostPort): string | undefined {
    return this.#peers.forAddress(host, port) ?? this.#peers.forName(host, port)
  }
}
