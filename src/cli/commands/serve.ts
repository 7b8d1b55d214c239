import { randomBytes } from 'node:crypto'
import { parseAllowRule } from '../../base/allow-rule.ts'
import {
  type Endpoint,
  formatEndpoint,
  formatHostPort,
  type HostPort,
  isHost,
  isWildcard,
  parseEndpoint,
  parseHostPort,
} from '../../base/endpoint.ts'
import { OperatorError } from '../../base/errors.ts'
import { LIMITS } from '../../base/limits.ts'
import type { Config } from '../../config/config.ts'
import { parseDuration } from '../../config/duration.ts'
import { encodeTicket } from '../../config/ticket.ts'
import { createIdentity, loadIdentity, peerIdBytes, peerIdFromSeed, SEED_BYTES } from '../../secure/identity.ts'
import { hostAddresses } from '../host-addresses.ts'
import { createLog, type LogFormat, type LogLevel } from '../log.ts'
import { runSidecar } from '../run.ts'

export interface ServeOptions {
  readonly listen: string
  readonly advertise?: readonly string[]
  readonly expires: string
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

/** Later than this does not fit into a ticket: February 2106. */
const EXPIRY_MAX = 0xffff_ffff

/** Shares services for as long as it runs. The ticket alone goes to stdout, so that it can be piped; words go to stderr. */
export async function serve(names: readonly string[], options: ServeOptions): Promise<void> {
  const services = [...new Set(names)].map(parseService)
  const listen = parseListen(options.listen)
  const advertised = (options.advertise ?? []).map(parseAdvertised)
  const expiresAt = parseExpiry(options.expires)
  const identity = loadIdentity(await createIdentity())
  const seed = randomBytes(SEED_BYTES)
  const { createSidecar } = await import('../../sidecar/sidecar.ts')
  process.exitCode = await runSidecar({
    identity,
    log: createLog(options.logLevel, options.logFormat),
    config: configFor(listen, advertised, services, peerIdFromSeed(seed), expiresAt),
    create: createSidecar,
    onReady: sidecar => {
      const real = parseEndpoint(sidecar.listening[0]!)!
      const endpoints = advertised.length > 0 ? advertised : reachableAt(real, hostAddresses())
      const ticket = encodeTicket({ seed, serverHash: peerIdBytes(identity.peerId), expiresAt, endpoints, services })
      const until = new Date(expiresAt * 1_000).toISOString()
      const shared = services.map(formatHostPort).join(', ')
      process.stderr.write(`sharing ${shared} at ${endpoints.map(formatEndpoint).join(', ')}\n`)
      process.stderr.write(`the ticket is a secret; it can be used until ${until}, and only while this runs:\n`)
      process.stdout.write(`${ticket}\n`)
      process.stderr.write('on the other machine: holdfast connect TICKET\n')
    },
  })
}

/** Wildcards become this host's addresses, at most LIMITS.endpointsPerPeerMax. */
export function reachableAt(listening: Endpoint, addresses: readonly string[]): readonly Endpoint[] {
  if (!isWildcard(listening.host)) return [listening]
  const isReachable = (host: string) => listening.host === '::' || !host.includes(':')
  const hosts = addresses.filter(isReachable).slice(0, LIMITS.endpointsPerPeerMax)
  return (hosts.length > 0 ? hosts : ['127.0.0.1']).map(host => ({ ...listening, host }))
}

function configFor(
  listen: Endpoint,
  advertise: readonly Endpoint[],
  services: readonly HostPort[],
  client: string,
  expiresAt: number,
): Config {
  const allow = services.map(formatHostPort)
  return {
    identity: '',
    listen: [{ endpoint: listen }],
    advertise,
    peers: [{ name: 'ticket', id: client, endpoints: [], allow, isTicket: true, expiresAt: expiresAt * 1_000 }],
    forward: [],
    routes: [],
    proxy: [],
    holdMs: LIMITS.holdMs,
    admin: { socket: undefined },
    ca: undefined,
  }
}

/** A service is allowed as it is named, so the name must be one that an allow rule can have. */
function parseService(text: string): HostPort {
  const service = parseHostPort(text)
  const rule = parseAllowRule(text)
  if (service !== undefined && typeof rule !== 'string' && rule.kind !== 'suffix') return service
  throw new OperatorError('USAGE', `"${text}" is no service: write host:port, such as 127.0.0.1:5432`)
}

function parseListen(text: string): Endpoint {
  const endpoint = parseEndpoint(text)
  if (endpoint === undefined || !isHost(endpoint.host)) {
    throw new OperatorError('USAGE', `--listen ${text} is no endpoint: write tcp://host:port or ws://host:port/path`)
  }
  if (endpoint.scheme !== 'wss') return endpoint
  const todo = 'put it into a configuration and use `holdfast up`'
  throw new OperatorError('USAGE', `--listen ${text} would need certificate files: ${todo}`)
}

function parseAdvertised(text: string): Endpoint {
  const endpoint = parseEndpoint(text)
  if (endpoint !== undefined && endpoint.port > 0 && isHost(endpoint.host) && !isWildcard(endpoint.host))
    return endpoint
  const example = 'tcp://host.example.com:7700'
  throw new OperatorError('USAGE', `--advertise ${text} cannot be dialed: write host and port, such as ${example}`)
}

function parseExpiry(text: string): number {
  const lifeMs = parseDuration(text)
  if (lifeMs === undefined || lifeMs < 1_000) {
    throw new OperatorError('USAGE', `--expires ${text} is no duration of at least a second: write 24h, 15m or 90s`)
  }
  return Math.min(Math.floor((Date.now() + lifeMs) / 1_000), EXPIRY_MAX)
}
