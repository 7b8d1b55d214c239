/** What the two sidecars of a stand are told. */
import type { ConfigInput } from '../../../src/config/schema.ts'
import { ADDRESS } from '../lab/lab.ts'
import type { Identity } from '../sidecar.ts'
import { FAR_NETWORK, PORT } from './places.ts'
import type { CarrierKind } from './scenario.ts'
import type { StandOptions } from './stand.ts'
import { isCapture, proxyOf } from './ways.ts'

export function nearConfig(carrier: CarrierKind, far: Identity, options: StandOptions): ConfigInput {
  const listens = options.nearListens ?? options.nearEndpoints !== undefined
  const ports = [[PORT.nearForward, PORT.farApplication], ...(options.ports ?? []).map(port => [port, port])]
  const ways = options.ways ?? []
  const mode = ways.find(isCapture)
  return {
    listen: listens ? [endpointOf(carrier, '::')] : [],
    peers: [
      {
        name: 'far',
        id: far.peerId,
        endpoints: (options.farEndpoints ?? [ADDRESS.far.v4]).map(host => endpointOf(carrier, host)),
      },
    ],
    forward: ports.map(([from, to]) => ({
      listen: `127.0.0.1:${from}`,
      peer: 'far',
      to: `127.0.0.1:${to}`,
    })),
    ...(ways.length > 0 ? { routes: [{ to: FAR_NETWORK, peer: 'far' }] } : {}),
    ...(ways.some(way => proxyOf(way) !== undefined) ? { proxy: [{ listen: `127.0.0.1:${PORT.nearProxy}` }] } : {}),
    ...(mode === undefined ? {} : { capture: { mode } }),
  }
}

export function farConfig(carrier: CarrierKind, near: Identity, options: StandOptions): ConfigInput {
  return {
    listen: [endpointOf(carrier, '::')],
    peers: [
      {
        name: 'near',
        id: near.peerId,
        endpoints: (options.nearEndpoints ?? []).map(host => endpointOf(carrier, host)),
        allow: ['127.0.0.1:*', `${FAR_NETWORK}:*`],
      },
    ],
  }
}

function endpointOf(carrier: CarrierKind, host: string): string {
  const bracketed = host.includes(':') ? `[${host}]` : host
  return carrier === 'tcp' ? `tcp://${bracketed}:${PORT.tcp}` : `ws://${bracketed}:${PORT.ws}/holdfast`
}
