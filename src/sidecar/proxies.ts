/** The proxies of one sidecar: what they capture goes where the routes say. */
import { formatHostPort } from '../base/endpoint.ts'
import type { Capture, CapturedConnection } from '../capture/capture.ts'
import { authorizeOnly } from '../capture/credentials.ts'
import { proxyAutoConfig } from '../capture/pac.ts'
import { listenProxy } from '../capture/proxy.ts'
import type { ProxyConfig, RouteConfig } from '../config/config.ts'
import type { Log } from './sidecar-api.ts'
import type { ProxyStatus } from './status.ts'
import type { TotalsCounter } from './totals.ts'

export interface ProxiesOptions {
  readonly routes: readonly RouteConfig[]
  /** @param peer for what has no route */
  readonly take: (connection: CapturedConnection, peer: string | undefined) => void
  readonly totals: TotalsCounter
  readonly log: Log
}

export class Proxies {
  readonly #options: ProxiesOptions
  #open: { readonly capture: Capture; readonly config: ProxyConfig }[] = []

  constructor(options: ProxiesOptions) {
    this.#options = options
  }

  /** @throws OperatorError ADDRESS_IN_USE or ADDRESS_UNAVAILABLE, naming the address */
  async open(config: ProxyConfig): Promise<Capture> {
    const { routes, take, totals, log } = this.#options
    const { listen, peer, optimistic, auth } = config
    const pac = {
      rules: routes.flatMap(({ rules }) => rules),
      isEverything: peer !== undefined,
      hasPassword: auth !== undefined,
    }
    const capture = await listenProxy(
      {
        listen,
        isOptimistic: optimistic,
        authorize: auth === undefined ? undefined : authorizeOnly(auth.user, auth.password),
        pac: place => proxyAutoConfig(pac, place),
        onRefused: (fault, why, client) => {
          totals.countProxyRefusal(fault)
          log.warn(`the proxy turned a program away: ${why}`, { code: 'PROXY_REFUSED', client })
        },
      },
      connection => take(connection, peer),
    )
    this.#open.push({ capture, config })
    return capture
  }

  status(): readonly ProxyStatus[] {
    return this.#open.map(({ capture, config: { peer, optimistic, auth } }) => ({
      listen: formatHostPort(capture.local),
      peer: peer ?? null,
      optimistic,
      hasPassword: auth !== undefined,
    }))
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map(({ capture }) => capture.close()))
  }
}
