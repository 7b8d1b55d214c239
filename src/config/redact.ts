/** A configuration for logs and bug reports: as a file would have it, without what may be secret. */
import { formatHostPort, printableEndpoint } from '../base/endpoint.ts'
import type { Config } from './config.ts'

/** Plain values. */
export function printableConfig(config: Config): Record<string, unknown> {
  return {
    ...config,
    listen: config.listen.map(({ endpoint, tls }) => ({ url: printableEndpoint(endpoint), ...tls })),
    advertise: config.advertise.map(printableEndpoint),
    peers: config.peers.map(peer => ({ ...peer, endpoints: peer.endpoints.map(printableEndpoint) })),
    forward: config.forward.map(one => ({ ...one, listen: formatHostPort(one.listen), to: formatHostPort(one.to) })),
    proxy: config.proxy.map(({ auth, ...one }) => ({
      ...one,
      listen: formatHostPort(one.listen),
      ...(auth === undefined ? {} : { auth: { user: auth.user, password: '…' } }),
    })),
  }
}
