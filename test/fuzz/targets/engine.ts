/**
 * Records from a peer with a pinned key, into a real engine with open sessions. An input is what a peer sends: whole records,
 * each with two bytes of length before it, on the carrier of an association that is at rest.
 *
 * - A record is taken, or refused with PROTOCOL_VIOLATION or DUPLICATE_IDENTITY, which closes its carrier. Never another error.
 * - The two engines come to rest, and what is reserved of the budget never exceeds it by the input.
 * - A session of another peer, out of the same budget, is untouched: its bytes arrive.
 */
import { strict as assert } from 'node:assert'
import type { Code } from '../../../src/base/codes.ts'
import { Budget } from '../../../src/session/budget.ts'
import { concatBytes, getUint, putUint } from '../../../src/wire/bytes.ts'
import { INCARNATION_BYTES } from '../../../src/wire/control.ts'
import { ackFrame, dataHeader, FLAG_FIN, FLAG_OPEN, goneFrame, resetFrame } from '../../../src/wire/inner-frame.ts'
import { EnginePair } from '../../support/engine-pair.ts'
import { control } from '../../support/frame-text.ts'
import type { Target } from '../target.ts'

const CODES: readonly Code[] = ['PROTOCOL_VIOLATION', 'DUPLICATE_IDENTITY', 'FRAME_MALFORMED']
const LENGTH_BYTES = 2
const REST_MS = 2_000

export const engine: Target = {
  name: 'engine',
  inputBytesMax: 2_048,
  msBase: 500,
  msPerKib: 200,
  batch: 16,
  prepare: async () => ({ seeds: seeds(), run }),
}

function seeds(): Uint8Array[] {
  const payload = Buffer.from('bytes')
  const incarnation = new Uint8Array(INCARNATION_BYTES).fill(0xaa)
  const hello = {
    incarnation,
    knownIncarnation: incarnation,
    sessionsMax: 9,
    holdSeconds: 9,
    features: 0,
    endpoints: [],
  }
  const records = [
    concatBytes([dataHeader(4, 0, FLAG_OPEN, payload.length), payload]),
    concatBytes([dataHeader(2, 6, FLAG_FIN, payload.length), payload]),
    concatBytes([dataHeader(3, 1, 0, payload.length), payload]),
    ackFrame(3, 1, 16_385),
    ackFrame(2, 6, 2 ** 53 - 1),
    resetFrame(2, 1, 6),
    resetFrame(2, 1, 7),
    goneFrame(3),
    control({ type: 'hello', ...hello }),
    control({ type: 'migrate', epoch: 2, reason: 'gone', endpoints: ['tcp://192.0.2.1:7'] }),
    control({ type: 'migrateAck', epoch: 1, accepted: false, greatestEpoch: 9 }),
    control({ type: 'ping', id: 1 }),
    control({ type: 'pong', id: 1 }),
    control({ type: 'drain' }),
    control({ type: 'goodbye' }),
  ].map(framed)
  return [...records, concatBytes(records.slice(0, 5)), concatBytes(records.slice(5, 10))]
}

function run(input: Uint8Array): void {
  const budget = new Budget()
  const bystander = EnginePair.met({}, { budget })
  const other = bystander.a.open()
  const pair = EnginePair.met({}, { budget })
  const [near, far] = [pair.a.open(), pair.b.open()]
  pair.a.write(near, 'bytes')
  pair.b.write(far, 'bytes')
  pair.advance(REST_MS)
  for (const record of recordsOf(input)) {
    if (!pair.b.carriers.has(1)) break
    pair.inject(pair.b, pair.wires[0]!, record)
    pair.advance(1)
  }
  pair.advance(REST_MS)
  for (const code of [...pair.a.faults, ...pair.b.faults]) assert(CODES.includes(code as Code), `closed with ${code}`)
  bystander.a.write(other, 'still here')
  bystander.advance(REST_MS)
  assert.equal(bystander.b.received.get(other), 'still here')
}

function framed(record: Uint8Array): Uint8Array {
  const length = new Uint8Array(LENGTH_BYTES)
  putUint(length, 0, LENGTH_BYTES, record.length)
  return concatBytes([length, record])
}

function recordsOf(input: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = []
  for (let at = 0; at + LENGTH_BYTES <= input.length; ) {
    const end = at + LENGTH_BYTES + getUint(input, at, LENGTH_BYTES)
    records.push(input.slice(at + LENGTH_BYTES, end))
    at = end
  }
  return records
}
