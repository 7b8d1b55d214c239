/**
 * A ticket: everything another machine needs to open shared services, in one word.
 *
 *     hft1 + base64url( version 1 | seed 32 | server's key hash 32 | expiry 4, unix seconds | text | checksum 4 )
 *     text: endpoints, one a line; an empty line; services host:port, one a line (UTF-8)
 *
 * It is the seed of the client's key: whoever holds it is that client, until it expires or `serve` ends. The checksum
 * (SHA-256, first four bytes) is against slips of copying, not against forgery: a forged ticket has a key nobody pinned.
 * There is one spelling of a ticket: base64url whose unused bits are not zero is refused too.
 */
import { createHash } from 'node:crypto'
import { assert } from '../base/assert.ts'
import {
  type Endpoint,
  formatEndpoint,
  formatHostPort,
  type HostPort,
  parseEndpoint,
  parseHostPort,
} from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'

export interface Ticket {
  /** 32 bytes: the client's key follows from them. */
  readonly seed: Uint8Array
  /** 32 bytes: SHA-256 of the server's public key. */
  readonly serverHash: Uint8Array
  /** Unix seconds, uint32. */
  readonly expiresAt: number
  /** At least one. */
  readonly endpoints: readonly Endpoint[]
  /** At least one. */
  readonly services: readonly HostPort[]
}

const PREFIX = 'hft1'
const FORMAT = 1
const SEED_AT = 1
const HASH_AT = 33
const EXPIRY_AT = 65
const TEXT_AT = 69
const CHECKSUM_BYTES = 4

/** @throws OperatorError USAGE when it would exceed LIMITS.ticketCharsMax */
export function encodeTicket(ticket: Ticket): string {
  const { seed, serverHash, expiresAt, endpoints, services } = ticket
  assert(seed.length === 32 && serverHash.length === 32, 'a ticket has a seed and a hash of 32 bytes')
  assert(endpoints.length > 0 && services.length > 0, 'a ticket has endpoints and services')
  const head = Buffer.alloc(TEXT_AT)
  head[0] = FORMAT
  head.set(seed, SEED_AT)
  head.set(serverHash, HASH_AT)
  head.writeUInt32BE(expiresAt, EXPIRY_AT)
  const text = [...endpoints.map(formatEndpoint), '', ...services.map(formatHostPort)].join('\n')
  const body = Buffer.concat([head, Buffer.from(text)])
  const word = PREFIX + Buffer.concat([body, checksum(body)]).toString('base64url')
  if (word.length <= LIMITS.ticketCharsMax) return word
  const most = `a ticket has at most ${LIMITS.ticketCharsMax} characters`
  throw new OperatorError('USAGE', `the ticket would have ${word.length} characters, and ${most}: share fewer services`)
}

/**
 * @param nowMs unix milliseconds
 * @throws OperatorError TICKET_INVALID, TICKET_EXPIRED
 */
export function decodeTicket(text: string, nowMs: number): Ticket {
  const ticket = readTicket(text.trim())
  if (ticket === undefined) {
    const message = 'the ticket is damaged or altered: copy it again, whole (it begins with hft1)'
    throw new OperatorError('TICKET_INVALID', message)
  }
  if (ticket.expiresAt * 1_000 <= nowMs) {
    const at = new Date(ticket.expiresAt * 1_000).toISOString()
    const todo = 'ask for a new one (`holdfast serve` prints it)'
    throw new OperatorError('TICKET_EXPIRED', `the ticket expired at ${at}: ${todo}`)
  }
  return ticket
}

function readTicket(word: string): Ticket | undefined {
  if (!word.startsWith(PREFIX) || word.length > LIMITS.ticketCharsMax) return undefined
  const whole = Buffer.from(word.slice(PREFIX.length), 'base64url')
  if (whole.toString('base64url') !== word.slice(PREFIX.length)) return undefined
  const body = whole.subarray(0, -CHECKSUM_BYTES)
  if (body.length < TEXT_AT || !checksum(body).equals(whole.subarray(-CHECKSUM_BYTES))) return undefined
  if (body[0] !== FORMAT) return undefined
  const [endpointLines, serviceLines = ''] = body.toString('utf8', TEXT_AT).split('\n\n')
  const endpoints = endpointLines!.split('\n').map(parseEndpoint)
  const services = serviceLines.split('\n').map(line => parseHostPort(line))
  if (endpoints.includes(undefined) || services.includes(undefined)) return undefined
  return {
    seed: new Uint8Array(body.subarray(SEED_AT, HASH_AT)),
    serverHash: new Uint8Array(body.subarray(HASH_AT, EXPIRY_AT)),
    expiresAt: body.readUInt32BE(EXPIRY_AT),
    endpoints: endpoints as Endpoint[],
    services: services as HostPort[],
  }
}

function checksum(body: Uint8Array): Buffer {
  return createHash('sha256').update(body).digest().subarray(0, CHECKSUM_BYTES)
}
