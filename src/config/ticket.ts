/**
 * A ticket: everything another machine needs to open shared services, in one word.
 *
 *     hft1 + base64url( version 1 | seed 32 | server's key hash 32 | expiry 4, unix seconds | text | checksum 4 )
 *     text: endpoints, one a line; an empty line; services host:port, one a line (UTF-8)
 *
 * It is the seed of the client's key: whoever holds it is that client, until it expires or `serve` ends. The checksum
 * (SHA-256, first four bytes) is against slips of copying, not against forgery: a forged ticket has a key nobody pinned.
 */
import { createHash } from 'node:crypto'
import { type Endpoint, formatEndpoint, formatHostPort, type HostPort, parseEndpoint, parseHostPort } from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'

export interface Ticket {
  /** 32 bytes: the client's key follows from them. */
  readonly seed: Uint8Array
  /** 32 bytes: SHA-256 of the server's public key. */
  readonly serverHash: Uint8Array
  /** Unix seconds. */
  readonly expiresAt: number
  readonly endpoints: readonly Endpoint[]
  readonly services: readonly HostPort[]
}

const PREFIX = 'hft1'
const FORMAT = 1
const HEAD_BYTES = 1 + 32 + 32 + 4
const CHECKSUM_BYTES = 4
const TICKET_CHARS_MAX = 4_096

export function encodeTicket(ticket: Ticket): string {
  const head = Buffer.alloc(HEAD_BYTES)
  head[0] = FORMAT
  head.set(ticket.seed, 1)
  head.set(ticket.serverHash, 33)
  head.writeUInt32BE(ticket.expiresAt, 65)
  const text = [...ticket.endpoints.map(formatEndpoint), '', ...ticket.services.map(formatHostPort)].join('\n')
  const body = Buffer.concat([head, Buffer.from(text)])
  return PREFIX + Buffer.concat([body, checksum(body)]).toString('base64url')
}

/**
 * @param nowMs unix milliseconds
 * @throws OperatorError TICKET_INVALID, TICKET_EXPIRED
 */
export function decodeTicket(text: string, nowMs: number): Ticket {
  const ticket = readTicket(text.trim())
  if (ticket === undefined) {
    throw new OperatorError('TICKET_INVALID', 'the ticket is damaged or altered: copy it again, whole (it begins with hft1)')
  }
  if (ticket.expiresAt * 1_000 < nowMs) {
    const at = new Date(ticket.expiresAt * 1_000).toISOString()
    throw new OperatorError('TICKET_EXPIRED', `the ticket expired at ${at}: ask for a new one (\`holdfast serve\` prints it)`)
  }
  return ticket
}

function readTicket(text: string): Ticket | undefined {
  if (!text.startsWith(PREFIX) || text.length > TICKET_CHARS_MAX || !/^[\w-]+$/.test(text)) return undefined
  const whole = Buffer.from(text.slice(PREFIX.length), 'base64url')
  const body = whole.subarray(0, -CHECKSUM_BYTES)
  if (body.length < HEAD_BYTES || body[0] !== FORMAT || !checksum(body).equals(whole.subarray(-CHECKSUM_BYTES))) return undefined
  const [endpointLines = '', serviceLines = ''] = body.subarray(HEAD_BYTES).toString().split('\n\n')
  const endpoints = endpointLines.split('\n').map(parseEndpoint)
  const services = serviceLines.split('\n').map(line => parseHostPort(line))
  if (endpoints.includes(undefined) || services.includes(undefined)) return undefined
  return {
    seed: new Uint8Array(body.subarray(1, 33)),
    serverHash: new Uint8Array(body.subarray(33, 65)),
    expiresAt: body.readUInt32BE(65),
    endpoints: endpoints as Endpoint[],
    services: services as HostPort[],
  }
}

function checksum(body: Uint8Array): Buffer {
  return createHash('sha256').update(body).digest().subarray(0, CHECKSUM_BYTES)
}
