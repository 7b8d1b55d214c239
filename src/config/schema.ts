/**
 * The configuration file, key by key. This is the one place that says what a key means: the descriptions go into the JSON
 * Schema for editors, and a test keeps docs/configuration.md equal to them.
 */
import { z } from 'zod'
import { parseEndpoint, parseHostPort } from '../base/endpoint.ts'
import { parseAllowRule } from '../base/allow-rule.ts'
import { parseDuration } from './duration.ts'

const ENDPOINT_EXAMPLE = 'tcp://203.0.113.7:7700, ws://host:7780/holdfast or wss://host/holdfast'
const HOLD_MAX_MS = 30 * 86_400_000

const endpoint = z
  .string()
  .refine(text => parseEndpoint(text) !== undefined, { error: issue => `"${issue.input}" is no endpoint; write ${ENDPOINT_EXAMPLE}` })

const hostPort = z.string().refine(text => parseHostPort(text) !== undefined, {
  error: issue => `"${issue.input}" is no address; write host:port, such as 127.0.0.1:5432 or [::1]:5432`,
})

const allowRule = z.string().superRefine((text, context) => {
  const rule = parseAllowRule(text)
  if (typeof rule === 'string') context.addIssue({ code: 'custom', message: rule })
})

const peerId = z.string().refine(text => /^hf1[a-z2-7]{51}[aq]$/.test(text), {
  error: issue => `"${issue.input}" is no peer ID; \`holdfast id\` on the other machine prints it (hf1 and 52 letters or digits)`,
})

const hold = z.union([z.string(), z.number()]).superRefine((value, context) => {
  const ms = parseDuration(value)
  if (ms === undefined) context.addIssue({ code: 'custom', message: `"${value}" is no duration; write 24h, 15m, 90s or 500ms` })
  else if (ms < 1_000 || ms > HOLD_MAX_MS) context.addIssue({ code: 'custom', message: `${value} is out of bounds; write 1s to 30d` })
})

const listener = z.union([
  endpoint,
  z.strictObject({
    url: endpoint.describe('Where to listen.'),
    cert: z.string().optional().describe('PEM file with the certificate chain. Needed for wss.'),
    key: z.string().optional().describe('PEM file with the private key. Needed for wss.'),
  }),
])

const peer = z.strictObject({
  name: z.string().min(1).max(64).describe('A name for this peer, used in `forward`, logs and commands.'),
  id: peerId.describe('Its identity, as `holdfast id` prints it there: the only thing that is trusted.'),
  endpoints: z
    .array(endpoint)
    .max(16)
    .default([])
    .describe('Where it can be dialed, most preferred first; names are looked up again at every attempt. Empty: it dials us.'),
  allow: z
    .array(allowRule)
    .max(256)
    .default([])
    .describe('What it may reach through this host: host:port, CIDR:port, *.suffix:port; port a number, a range or *. Empty: nothing.'),
})

const forward = z.strictObject({
  listen: hostPort.describe('Local address that applications connect to. Port 0: a free one, shown by `holdfast status`.'),
  peer: z.string().describe('Name of the peer whose side the destination is on.'),
  to: hostPort.describe('Destination, as the peer sees it; a name is looked up there. The peer must allow it.'),
})

export const configSchema = z
  .strictObject({
    identity: z.string().default('identity.pem').describe('PEM file with this host’s key, made by `holdfast init`; nobody else may read it.'),
    listen: z.array(listener).max(16).default([]).describe('Where peers can reach this host. Empty: this host only dials.'),
    advertise: z
      .array(endpoint)
      .max(16)
      .default([])
      .describe('What peers are told to dial. Empty: the listen URLs, wildcards replaced by this host’s current addresses.'),
    peers: z.array(peer).max(1_000).default([]).describe('The other sidecars. Anybody else is refused.'),
    forward: z.array(forward).max(1_000).default([]).describe('Local ports that lead to destinations on a peer’s side.'),
    hold: hold
      .default('24h')
      .describe('How long connections are kept without any path; the smaller of both sides’ values holds. Then they are reset. 1s to 30d.'),
    admin: z
      .strictObject({
        socket: z
          .string()
          .default('holdfast.sock')
          .describe('Unix socket for `holdfast status` and `migrate`; only this user can open it. At most 107 bytes.'),
      })
      .default({ socket: 'holdfast.sock' })
      .describe('How commands speak to the running sidecar.'),
    ca: z.string().optional().describe('PEM file of the authorities trusted when dialing wss. Without it, those that Node.js trusts.'),
  })
  .describe('Configuration of a Holdfast sidecar. Relative paths are relative to the file.')

export type ConfigFile = z.output<typeof configSchema>
/** What a person may leave out. */
export type ConfigInput = z.input<typeof configSchema>

/** The schema for editors (JSON Schema 2020-12). */
export function jsonSchema(): object {
  return { $id: 'holdfast-config', title: 'Holdfast configuration', ...z.toJSONSchema(configSchema, { io: 'input' }) }
}
