import { randomBytes } from 'node:crypto'
import { type Endpoint, formatHostPort, type HostPort, isWildcard, parseEndpoint, parseHostPort } from '../../base/endpoint.ts'
import { OperatorError } from '../../base/errors.ts'
import { LIMITS } from '../../base/limits.ts'
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

/** Shares services for as long as it runs. The ticket goes to stdout, so that it can be piped; words go to stderr. */
export async function serve(names: readonly string[], options: ServeOptions): Promise<void> {
  const services = names.map(name => hostPort(name))
  const listen = endpoint(options.listen, '--listen')
  const advertised = (options.advertise ?? []).map(url => endpoint(url, '--advertise'))
  const lifeMs = parseDuration(options.expires)
  if (lifeMs === undefined || lifeMs === 0) {
    throw new OperatorError('USAGE', `--expires ${options.expires} is no duration: write 24h, 15m or 90s`)
  }
  if (listen.scheme === 'wss') {
    throw new OperatorError('USAGE', '--listen wss:// needs certificate files: put it into a configuration and use `holdfast up`')
  }
  const identity = loadIdentity(await createIdentity())
  const seed = randomBytes(SEED_BYTES)
  const expiresAt = Math.min(Math.floor((Date.now() + lifeMs) / 1_000), 0xffff_ffff)
  const client = peerIdFromSeed(seed)
  process.exitCode = await runSidecar({
    identity,
    log: createLog(options.logLevel, options.logFormat),
    config: {
      identity: '',
      listen: [{ endpoint: listen }],
      advertise: advertised,
      peers: [
        {
          name: 'ticket',
          id: client,
          endpoints: [],
          allow: services.map(formatHostPort),
          isTicket: true,
          expiresAt: expiresAt * 1_000,
        },
      ],
      forward: [],
      holdMs: LIMITS.holdMs,
      admin: { socket: undefined },
      ca: undefined,
    },
    onReady: sidecar => {
      const [real] = sidecar.listening
      const endpoints = advertised.length > 0 ? advertised : reachable(parseEndpoint(real!)!)
      const serverHash = peerIdBytes(identity.peerId)
      process.stderr.write(
        `sharing ${services.map(formatHostPort).join(', ')} on ${real}; this ticket opens it until ` +
          `${new Date(expiresAt * 1_000).toISOString()}, and only while this runs:\n`,
      )
      process.stdout.write(`${encodeTicket({ seed, serverHash, expiresAt, endpoints, services })}\n`)
      process.stderr.write('on the other machine: holdfast connect TICKET\n')
    },
  })
}

/** Addresses of this host, those of other hosts' use first. */
function reachable(listening: Endpoint): readonly Endpoint[] {
  if (!isWildcard(listening.host)) return [listening]
  const family = (host: string) => listening.host === '::' || !host.includes(':')
  return hostAddresses()
    .filter(family)
    .slice(0, LIMITS.endpointsPerPeerMax)
    .map(host => ({ ...listening, host }))
}

function hostPort(text: string): HostPort {
  const parsed = parseHostPort(text)
  if (parsed !== undefined && parsed.port > 0) return parsed
  throw new OperatorError('USAGE', `"${text}" is no service: write host:port, such as 127.0.0.1:5432`)
}

function endpoint(text: string, option: string): Endpoint {
  const parsed = parseEndpoint(text)
  if (parsed !== undefined) return parsed
  throw new OperatorError('USAGE', `${option} ${text} is no endpoint: write tcp://host:port or ws://host:port/path`)
}
