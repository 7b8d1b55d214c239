/**
 * The configuration file, key by key. This is the place that says what a key means: its unit, default, bounds, and what happens
 * at the limit; capture-schema.ts has the keys for rules of the kernel. The descriptions go into the JSON Schema for editors.
 */
import { z } from 'zod'
import { parseAllowRule } from '../base/allow-rule.ts'
import { type Endpoint, isHost, isWildcard, parseEndpoint, parseHostPort } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import { allowEntry } from './allow-entry.ts'
import { capture, firewall } from './capture-schema.ts'
import { parseDuration } from './duration.ts'
import { list, network, text } from './schema-parts.ts'
import { quoted } from './words.ts'

export const DEFAULT_IDENTITY = 'identity.pem'
export const DEFAULT_SOCKET = 'holdfast.sock'

function endpointFault(value: string, judge: (endpoint: Endpoint) => string | undefined): string | undefined {
  const endpoint = parseEndpoint(value)
  if (endpoint !== undefined) return hostFault(endpoint.host) ?? judge(endpoint)
  return `${quoted(value)} is no endpoint; write tcp://203.0.113.7:7700, ws://host:7780/holdfast or wss://host/holdfast`
}

function hostFault(host: string): string | undefined {
  if (host === '*') return '"*" is no address; write [::] for every address of this host'
  return isHost(host) ? undefined : `${quoted(host)} is no name and no address`
}

/** Where somebody else can be dialed. */
const endpoint = text(value =>
  endpointFault(value, ({ host, port }) => {
    if (isWildcard(host)) return `${quoted(value)} is no address that can be dialed; write a host name or an address`
    return port === 0 ? `${quoted(value)} has port 0; write the port that is listened on` : undefined
  }),
).meta({ pattern: '^(tcp|wss?)://' })

const listenUrl = text(value => endpointFault(value, () => undefined)).meta({
  examples: ['tcp://[::]:7700', 'ws://[::]:7780/holdfast'],
})

function address(value: string): string | undefined {
  const parsed = parseHostPort(value)
  if (parsed !== undefined) return hostFault(parsed.host)
  return `${quoted(value)} is no address; write host:port, such as 127.0.0.1:5432 or [::1]:5432`
}

const localAddress = text(address).meta({ examples: ['127.0.0.1:15432'] })

const destination = text(
  value =>
    address(value) ??
    (parseHostPort(value)!.port === 0 ? `${quoted(value)} has port 0; write the port of the service` : undefined),
).meta({ examples: ['127.0.0.1:5432'] })

/** 256 bits in base32: the last of 52 digits has one bit of them. */
const peerId = text(value =>
  /^hf1[a-z2-7]{51}[aq]$/.test(value)
    ? undefined
    : `${quoted(value)} is no peer ID; copy what \`holdfast id\` prints on the other machine (hf1 and 52 letters or digits)`,
).meta({ pattern: '^hf1[a-z2-7]{51}[aq]$' })

const peerName = text(value =>
  /^[^\p{Cc}]+$/u.test(value) && value.length <= LIMITS.peerNameCharsMax
    ? undefined
    : `${quoted(value)} is no name; write 1 to ${LIMITS.peerNameCharsMax} printable characters`,
)

const hold = z
  .union([z.string(), z.number()], {
    error: 'must be a duration such as 24h, 15m, 90s or 500ms, or a number of seconds',
  })
  .superRefine((value, context) => {
    const ms = parseDuration(value)
    if (ms !== undefined && ms >= LIMITS.holdMinMs && ms <= LIMITS.holdMaxMs) return
    const what = ms === undefined ? 'is no duration; write 24h, 15m or 90s' : 'is out of bounds; write 1s to 30d'
    context.addIssue({ code: 'custom', message: `${quoted(value)} ${what}` })
  })
  .meta({ examples: ['24h', '90s'] })

const listener = z.union(
  [
    listenUrl,
    z.strictObject({
      url: listenUrl.describe('Where to listen: wss://host:port/path, and tcp:// or ws:// as well.'),
      cert: z
        .string()
        .optional()
        .describe('PEM file with the certificate chain, shown to those who dial wss. Needed for wss, and only there.'),
      key: z.string().optional().describe('PEM file with its private key. Needed for wss, and only there.'),
    }),
  ],
  { error: 'must be a URL, or {url: wss://…, cert: FILE, key: FILE}' },
)

const peer = z.strictObject({
  name: peerName.describe(
    `A name for this peer, used in forwards, logs, metrics and commands. At most ${LIMITS.peerNameCharsMax} characters.`,
  ),
  id: peerId.describe(
    'Its identity, as `holdfast id` prints it there: the only thing that is trusted. Whoever dials with another key is refused.',
  ),
  endpoints: list(endpoint, LIMITS.endpointsPerPeerMax)
    .default([])
    .describe(
      'Where it can be dialed, most preferred first; names are looked up again at every attempt. Empty (default): it dials us. ' +
        `At most ${LIMITS.endpointsPerPeerMax}.`,
    ),
  allow: list(allowEntry, LIMITS.allowRulesMax)
    .default([])
    .describe(
      'What it may reach through this host: host:port, network:port such as 10.0.0.0/8:*, or *.suffix:port; the port is a number, ' +
        'a range such as 80-90, or *. Of several that match, the most specific decides. Anything else is refused with NOT_ALLOWED. ' +
        'Empty (default): nothing. ' +
        `At most ${LIMITS.allowRulesMax}.`,
    ),
})

const forward = z.strictObject({
  listen: localAddress.describe(
    'Local address that applications connect to. Port 0: a free one, shown by `holdfast status`.',
  ),
  peer: z.string().describe('Name of the peer on whose side the destination is.'),
  to: destination.describe('Destination, as the peer sees it; a name is looked up there. The peer must allow it.'),
  proxyProtocol: z
    .strictObject({
      from: list(network, LIMITS.proxySourcesMax)
        .min(1, { error: 'is empty; leave `proxyProtocol` out when nobody sends a header' })
        .describe(
          'Addresses and networks, such as 10.0.0.0/8 or ::1, whose connections must begin with a header: without one they are ' +
            `reset with PROXY_HEADER_INVALID. From elsewhere nothing is read as a header. At most ${LIMITS.proxySourcesMax}.`,
        ),
    })
    .optional()
    .describe(
      'For a proxy or load balancer in front: takes the client’s address from the PROXY protocol header (v1 or v2) that it sends. ' +
        'Default: nobody sends one.',
    ),
})

const proxyText = text(value =>
  Buffer.byteLength(value) >= 1 && Buffer.byteLength(value) <= LIMITS.proxyAuthBytesMax
    ? undefined
    : `must have 1 to ${LIMITS.proxyAuthBytesMax} bytes`,
)

const proxy = z.strictObject({
  listen: localAddress
    .meta({ examples: ['127.0.0.1:1080'] })
    .describe(
      'Where programs reach the proxy; one port speaks SOCKS5 and HTTP CONNECT. Another address than loopback needs `auth`. ' +
        'Port 0: a free one, shown by `holdfast status`.',
    ),
  peer: z
    .string()
    .optional()
    .describe('Name of the peer for what has no route. Default: that goes directly, from this host.'),
  optimistic: z
    .boolean()
    .default(false)
    .describe(
      'Whether programs are told that they are connected before the far side says so. It saves a round trip, and a ' +
        'failure is then a reset without a reason. Default false.',
    ),
  auth: z
    .strictObject({
      user: proxyText.describe(`Name, without a colon. At most ${LIMITS.proxyAuthBytesMax} bytes.`),
      password: proxyText.describe(`Password; keep the file from others. At most ${LIMITS.proxyAuthBytesMax} bytes.`),
    })
    .optional()
    .describe('What programs must log in with: RFC 1929 for SOCKS5, Basic for HTTP. Default: nothing.'),
})

/** As allow rules, or why they are none. */
export function routeRules(to: string, ports: readonly (number | string)[]): readonly string[] {
  const bits = /\/\d+$/.exec(to)?.[0] ?? ''
  const address = to.slice(0, to.length - bits.length)
  const host = address.includes(':') && !address.startsWith('[') ? `[${address}]` : address
  return ports.map(port => `${host}${bits}:${port}`)
}

const routePort = z.union([z.number(), z.string()], { error: 'must be a port, or a range such as 8000-8080' })

const route = z
  .strictObject({
    to: z
      .string()
      .meta({ examples: ['10.20.0.0/16', 'fd00::/8', 'db.internal', '*.internal'] })
      .describe('A network, an address, a name, or *.suffix for all names below one.'),
    ports: list(routePort, LIMITS.routePortsMax)
      .min(1, { error: 'is empty; leave it out for all ports' })
      .default(['*'])
      .describe(`Ports and ranges such as 8000-8080. Default: all. At most ${LIMITS.routePortsMax}.`),
    peer: z.string().describe('Name of the peer that it is reached through, and that must allow it.'),
    withoutSidecar: z
      .enum(['hold', 'direct'], { error: 'must be hold or direct' })
      .default('hold')
      .describe(
        'What becomes of connections while nothing at the endpoints of the peer is a sidecar, and none was met since this one ' +
          'started. hold: they wait for it. direct: they go to their destination without protection, after ' +
          `${LIMITS.presenceMs / 1000} s at most; whoever can block the port of the peer can bring that about. Default hold.`,
      ),
  })
  .superRefine(({ to, ports }, context) => {
    routeRules(to, ports).forEach((rule, i) => {
      const parsed = parseAllowRule(rule)
      if (typeof parsed !== 'string') return
      const isPort = typeof parseAllowRule(routeRules(to, ['*'])[0]!) !== 'string'
      if (isPort) context.addIssue({ code: 'custom', path: ['ports', i], message: parsed })
      else if (i === 0) context.addIssue({ code: 'custom', path: ['to'], message: parsed })
    })
  })

const admin = z.strictObject({
  socket: z
    .string()
    .default(DEFAULT_SOCKET)
    .describe(
      'Unix socket for `holdfast status`, `holdfast migrate` and metrics; only this user can open it. ' +
        `Default holdfast.sock; at most ${LIMITS.socketPathBytesMax} bytes with its directory.`,
    ),
})

export const configSchema = z
  .strictObject({
    identity: z
      .string()
      .default(DEFAULT_IDENTITY)
      .describe(
        'PEM file with this host’s key, made by `holdfast init`; refused when others can read it. Default identity.pem.',
      ),
    listen: list(listener, LIMITS.configListenMax)
      .default([])
      .describe(
        `Where peers can reach this host. Empty (default): this host only dials. At most ${LIMITS.configListenMax}.`,
      ),
    advertise: list(endpoint, LIMITS.endpointsPerPeerMax)
      .default([])
      .describe(
        'What peers are told to dial. Empty (default): the listen URLs, wildcards replaced by this host’s current addresses. ' +
          `At most ${LIMITS.endpointsPerPeerMax}.`,
      ),
    peers: list(peer, LIMITS.configPeersMax)
      .default([])
      .describe(
        `The other sidecars; anybody else is refused with PEER_UNKNOWN. Default none, at most ${LIMITS.configPeersMax}.`,
      ),
    forward: list(forward, LIMITS.configForwardsMax)
      .default([])
      .describe(
        `Local ports that lead to destinations on a peer’s side. Default none, at most ${LIMITS.configForwardsMax}.`,
      ),
    routes: list(route, LIMITS.configRoutesMax)
      .default([])
      .describe(
        'What is reached through which peer, for proxies and captures; the most specific decides, and what none names goes ' +
          `directly. Default none, at most ${LIMITS.configRoutesMax}.`,
      ),
    proxy: list(proxy, LIMITS.configProxiesMax)
      .default([])
      .describe(
        'Proxies for programs on this host: SOCKS5 and HTTP CONNECT. `holdfast proxy-env` says how to use them. ' +
          `Default none, at most ${LIMITS.configProxiesMax}.`,
      ),
    capture: capture
      .optional()
      .describe(
        'Connections to what the routes name, caught on Linux by rules of nftables, without a change to the application. Default: none.',
      ),
    firewall: firewall.default({ suspend: false }).describe('Rules of nftables while a session has no path.'),
    hold: hold
      .default('24h')
      .describe(
        'How long connections are kept without any path: a number with ms, s, m, h or d, or a number of seconds; 1s to 30d, ' +
          'default 24h. The smaller of both sides’ values holds. After it, they are reset with HOLD_EXPIRED.',
      ),
    admin: admin.default({ socket: DEFAULT_SOCKET }).describe('How commands speak to the running sidecar.'),
    ca: z
      .string()
      .optional()
      .describe(
        'PEM file of the authorities trusted when wss endpoints are dialed. Default: those that Node.js trusts.',
      ),
  })
  .describe('Configuration of a Holdfast sidecar. Relative paths are relative to the file; `~/` is the user’s home.')

export type ConfigFile = z.output<typeof configSchema>
/** What a person may leave out. */
export type ConfigInput = z.input<typeof configSchema>

/** The schema for editors (JSON Schema 2020-12). It knows keys and types; what a text must look like, only `loadConfig` does. */
export function jsonSchema(): Record<string, unknown> {
  return { title: 'Holdfast configuration', ...z.toJSONSchema(configSchema, { io: 'input' }) }
}
