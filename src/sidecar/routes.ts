/**
 * Which peer a destination is reached through: the most specific route decides (base/rule-table.ts). What no route holds is
 * none of our business, and goes where it would go without it.
 */
import type { HostPort } from '../base/endpoint.ts'
import { RuleTable } from '../base/rule-table.ts'
import type { RouteConfig } from '../config/config.ts'

export class Routes {
  readonly #routes: RuleTable<RouteConfig>

  /** @throws OperatorError CONFIG_INVALID at the first that is no rule */
  constructor(configs: readonly RouteConfig[]) {
    this.#routes = new RuleTable(configs.flatMap(route => route.rules.map(rule => [rule, route] as const)))
  }

  /** Whether an address that a name stands for could have a route on `port`. */
  hasNetworksFor(port: number): boolean {
    return this.#routes.hasNetworksFor(port)
  }

  /** @returns undefined when no route holds `to` */
  routeFor({ host, port }: HostPort): RouteConfig | undefined {
    return this.#routes.forAddress(host, port) ?? this.#routes.forName(host, port)
  }
}
