/**
 * A ticket, as text. A ticket with a wrong checksum ends early, so every input is also read with the right one.
 *
 * - It is read, or refused with TICKET_INVALID or TICKET_EXPIRED and nothing else.
 * - What was read has at least one endpoint and one service, and is spelled in one way only: encoded again, it is the input.
 */
import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { parseEndpoint, parseHostPort } from '../../../src/base/endpoint.ts'
import { OperatorError } from '../../../src/base/errors.ts'
import { LIMITS } from '../../../src/base/limits.ts'
import { decodeTicket, encodeTicket } from '../../../src/config/ticket.ts'
import type { Target } from '../target.ts'

const NOW_MS = 1_000
const EXPIRES_AT = 2_000_000_000
const CODES = ['TICKET_INVALID', 'TICKET_EXPIRED']
const CHECKSUM_BYTES = 4

export const ticket: Target = {
  name: 'ticket',
  inputBytesMax: 2 * LIMITS.ticketCharsMax,
  msBase: 50,
  msPerKib: 20,
  batch: 64,
  prepare: async () => ({ seeds: seeds(), run }),
}

function seeds(): Uint8Array[] {
  const bytes = new Uint8Array(32)
  const endpoints = ['tcp://192.0.2.1:7000', 'wss://host.example:443/holdfast', 'tcp://[2001:db8::1]:7000']
  const word = encodeTicket({
    seed: bytes.fill(1),
    serverHash: bytes.slice().fill(2),
    expiresAt: EXPIRES_AT,
    endpoints: endpoints.map(text => parseEndpoint(text)!),
    services: ['db.example:5432', '[::1]:22'].map(text => parseHostPort(text)!),
  })
  const body = Buffer.from(word.slice('hft1'.length), 'base64url')
  return [Buffer.from(word), body.subarray(0, -CHECKSUM_BYTES)].map(one => new Uint8Array(one))
}

function run(input: Uint8Array): void {
  read(Buffer.from(input).toString('latin1'))
  const checksum = createHash('sha256').update(input).digest().subarray(0, CHECKSUM_BYTES)
  read(`hft1${Buffer.concat([input, checksum]).toString('base64url')}`)
}

function read(text: string): void {
  try {
    const { endpoints, services, ...rest } = decodeTicket(text, NOW_MS)
    assert(endpoints.length > 0 && services.length > 0)
    assert(text.trim().length <= LIMITS.ticketCharsMax)
    const again = decodeTicket(encodeTicket({ endpoints, services, ...rest }), NOW_MS)
    assert.deepEqual(again, { endpoints, services, ...rest })
  } catch (error) {
    if (!(error instanceof OperatorError) || !CODES.includes(error.code)) throw error
  }
}
