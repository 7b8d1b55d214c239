import { isIP } from 'node:net'
import { parseAllowRule } from '../../base/allow-rule.ts'
import { formatEndpoint, formatHostPort, type HostPort, isLoopback } from '../../base/endpoint.ts'
import { OperatorError } from '../../base/errors.ts'
import { LIMITS } from '../../base/limits.ts'
import type { CaptureConfig, RouteConfig } from '../../config/config.ts'
import { decodeTicket } from '../../config/ticket.ts'
import { isLinux } from '../../platform/system.ts'
import { identityFromSeed, peerIdText } from '../../secure/identity.ts'
import { localAddresses, proxyAddress } from '../local-ports.ts'
import { createLog, type LogFormat, type LogLevel } from '../log.ts'
import { runSidecar } from '../run.ts'
import { followTicket } from '../ticket-connection.ts'

export interface ConnectOptions {
  /** `true`: without a place of its own. */
  readonly socks?: string | true
  /** Whether connections to the services' own addresses are led to them. */
  readonly capture?: boolean
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

/**
 * Opens every service of a ticket on a local port, for as long as both sides run. `ready` is said when it is connected.
 * @throws OperatorError TICKET_INVALID, TICKET_EXPIRED, USAGE, CAPTURE_UNAVAILABLE; GOODBYE when the other side ends
 */
export async function connect(text: string, local: string | undefined, options: ConnectOptions): Promise<void> {
  if (options.capture === true && !isLinux()) {
    throw new OperatorError('USAGE', '--capture works on Linux only: leave it out, and use the local ports or --socks')
  }
  const ticket = decodeTicket(text === '-' ? await firstLine(process.stdin) : text, Date.now())
  const captured = options.capture === true ? capturedServices(ticket.services) : []
  const capture = captured.length === 0 ? undefined : await everybodysCapture()
  const addresses = await localAddresses(ticket.services, local, capture === undefined ? [] : [capture.port])
  const ports = addresses.map(({ port }) => port)
  const proxy = options.socks === undefined ? undefined : await proxyAddress(options.socks, ports)
  const identity = await identityFromSeed(ticket.seed)
  const { createSidecar } = await import('../../sidecar/sidecar.ts')
  const connection = followTicket(
    () => process.stdout.write('ready\n'),
    () => process.stderr.write('not connected yet, still trying\n'),
  )
  process.exitCode = await runSidecar({
    identity,
    log: createLog(options.logLevel, options.logFormat),
    config: {
      identity: '',
      listen: [],
      advertise: [],
      peers: [{ name: 'ticket', id: peerIdText(ticket.serverHash), endpoints: ticket.endpoints, allow: [] }],
      forward: ticket.services.map((to, i) => ({ listen: addresses[i]!, peer: 'ticket', to })),
      routes: serviceRoutes(ticket.services),
      proxy: proxy === undefined ? [] : [{ listen: proxy, optimistic: false }],
      ...(capture === undefined ? {} : { capture }),
      holdMs: LIMITS.holdMs,
      admin: { socket: undefined },
      ca: undefined,
    },
    create: sidecarOptions => createSidecar({ ...sidecarOptions, ...connection.events }),
    onReady: sidecar => {
      for (const { listen, to } of sidecar.forwards) process.stdout.write(`${listen} -> ${to}\n`)
      for (const { listen } of sidecar.proxies) process.stdout.write(`socks5h://${listen} -> all of them, by name\n`)
      for (const to of captured) process.stdout.write(`${to} -> captured\n`)
      process.stderr.write(`connecting to ${ticket.endpoints.map(formatEndpoint).join(', ')}\n`)
    },
    over: connection.over,
  })
}

/** As in a configuration that says no more than `capture: {}`. */
async function everybodysCapture(): Promise<CaptureConfig> {
  const { DEFAULT_CAPTURE_PORT: port } = await import('../../config/capture-schema.ts')
  const except = { users: [], cgroups: [] }
  return { mode: 'redirect', port, users: [], cgroups: [], except, applyRules: true }
}

/** The kernel knows no names, and an address of the loopback interface is this machine's. */
function capturedServices(services: readonly HostPort[]): readonly string[] {
  const captured = services.filter(({ host }) => isIP(host) !== 0 && !isLoopback(host))
  if (captured.length > 0) return captured.map(formatHostPort)
  const why = `no service of this ticket has an address that can be captured: ${services.map(formatHostPort).join(', ')}`
  throw new OperatorError('USAGE', `--capture: ${why}; serve one by its address in the network there, or use --socks`)
}

/** Through the proxy a service has its own name; everything else goes directly. */
function serviceRoutes(services: readonly HostPort[]): readonly RouteConfig[] {
  const rules = services.map(formatHostPort).filter(rule => typeof parseAllowRule(rule) !== 'string')
  return [{ rules, peer: 'ticket' }]
}

/** Whoever pipes the ticket may keep the pipe open. */
async function firstLine(input: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of input) {
    text += chunk
    if (text.includes('\n') || text.length > LIMITS.ticketCharsMax) break
  }
  return text.split('\n')[0]!
}
