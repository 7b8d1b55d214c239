/**
 * Protobuf from a peer: control messages, OpenSession, OpenResult. Each input is read as all three.
 *
 * - It is read, or refused with PROTOCOL_VIOLATION and nothing else.
 * - What comes out is bounded and printable: endpoints, hosts, addresses; incarnations and IDs have 16 bytes; numbers are
 *   integers below 2^32, ports below 2^16.
 * - What was read and is written again reads the same.
 */
import { strict as assert } from 'node:assert'
import { LIMITS } from '../../../src/base/limits.ts'
import {
  type Control,
  decodeControl,
  decodeOpenRequest,
  decodeOpenResult,
  encodeControl,
  encodeOpenRequest,
  encodeOpenResult,
  INCARNATION_BYTES,
  SESSION_ID_BYTES,
} from '../../../src/wire/control.ts'
import { refusalOf } from '../judge.ts'
import type { Target } from '../target.ts'

const PRINTABLE = /^[\x21-\x7e]*$/
const UINT32_MAX = 2 ** 32 - 1
const ENDPOINTS = ['tcp://192.0.2.1:7000', 'wss://host.example:443/holdfast', 'tcp://[2001:db8::1]:7000']

export const control: Target = {
  name: 'control',
  inputBytesMax: LIMITS.controlBytesMax,
  msBase: 50,
  msPerKib: 20,
  batch: 64,
  prepare: async () => ({ seeds: seeds(), run }),
}

function seeds(): Uint8Array[] {
  const incarnation = new Uint8Array(INCARNATION_BYTES).fill(0xaa)
  const limits = { sessionsMax: 20_000, holdSeconds: 86_400, features: 0 }
  const messages: Control[] = [
    { type: 'hello', incarnation, knownIncarnation: incarnation, ...limits, endpoints: ENDPOINTS },
    { type: 'hello', incarnation, knownIncarnation: new Uint8Array(0), ...limits, endpoints: [] },
    { type: 'migrate', epoch: UINT32_MAX, reason: 'rekey', endpoints: ENDPOINTS },
    { type: 'migrateAck', epoch: 7, accepted: true, greatestEpoch: 9 },
    { type: 'endpointUpdate', endpoints: ENDPOINTS },
    { type: 'ping', id: 1 },
    { type: 'pong', id: 1 },
    { type: 'drain' },
    { type: 'goodbye' },
  ]
  const sessionId = new Uint8Array(SESSION_ID_BYTES).fill(1)
  return [
    ...messages.map(encodeControl),
    encodeOpenRequest({ sessionId, host: 'db.example', port: 5_432, client: '192.0.2.1:50000' }),
    encodeOpenResult({ code: 0x07, remote: '198.51.100.7:5432' }),
  ]
}

function run(input: Uint8Array): void {
  const refusable = (read: () => void) => refusalOf(read, ['PROTOCOL_VIOLATION'])
  refusable(() => {
    const message = decodeControl(input)
    if (message === undefined) return
    checkControl(message)
    assertSame(decodeControl(encodeControl(message)), message)
  })
  refusable(() => {
    const request = decodeOpenRequest(input)
    assert.equal(request.sessionId.length, SESSION_ID_BYTES)
    assert(request.port > 0 && request.port < 65_536 && request.host.length > 0)
    checkTexts([request.host, request.client])
    assertSame(decodeOpenRequest(encodeOpenRequest(request)), request)
  })
  refusable(() => {
    const result = decodeOpenResult(input)
    checkNumbers([result.code])
    checkTexts([result.remote])
    assertSame(decodeOpenResult(encodeOpenResult(result)), result)
  })
}

function checkControl(message: Control): void {
  checkNumbers(Object.values(message).filter(value => typeof value === 'number'))
  if (message.type === 'hello') {
    assert.equal(message.incarnation.length, INCARNATION_BYTES)
    assert([0, INCARNATION_BYTES].includes(message.knownIncarnation.length))
  }
  if (!('endpoints' in message)) return
  assert(message.endpoints.length <= LIMITS.endpointsPerPeerMax)
  checkTexts(message.endpoints)
}

function checkTexts(texts: readonly string[]): void {
  for (const text of texts) assert(PRINTABLE.test(text) && text.length <= LIMITS.hostBytesMax, text)
}

function checkNumbers(numbers: readonly number[]): void {
  for (const number of numbers) assert(Number.isInteger(number) && number >= 0 && number <= UINT32_MAX, `${number}`)
}

/** The bytes in them may be a Buffer in one and a plain array in the other, which a clone evens out. */
function assertSame(again: object | undefined, message: object): void {
  assert.deepEqual(structuredClone(again), structuredClone(message))
}
