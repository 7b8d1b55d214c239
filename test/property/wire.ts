/** Whatever comes: frames survive any cut, and bytes that are no frames are refused with a code, never with a crash. */
import fc from 'fast-check'
import t from 'tap'
import { RemoteError } from '../../src/base/errors.ts'
import { concatBytes, getUint, putUint, toHex } from '../../src/wire/bytes.ts'
import {
  type Control,
  decodeControl,
  decodeOpenRequest,
  decodeOpenResult,
  encodeControl,
  MIGRATE_REASONS,
} from '../../src/wire/control.ts'
import {
  ackFrame,
  controlFrame,
  dataHeader,
  goneFrame,
  readInnerFrames,
  resetFrame,
} from '../../src/wire/inner-frame.ts'
import { OUTER, OuterFrameParser, outerFrame } from '../../src/wire/outer-frame.ts'
import { holds } from '../support/property.ts'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const ref = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const offset = fc.maxSafeNat()
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })

/** The whole in pieces that end at the given fractions of it. */
function cutAt(whole: Uint8Array, fractions: readonly number[]): Uint8Array[] {
  const cuts = fractions.map(fraction => Math.floor(fraction * whole.length)).sort((a, b) => a - b)
  return [...cuts, whole.length].map((cut, i) => whole.subarray(cuts[i - 1] ?? 0, cut))
}
const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 })

/** Whether `read` answers, or refuses as it refuses a peer. */
function isJudged(read: () => unknown): boolean {
  try {
    read()
  } catch (error) {
    return error instanceof RemoteError
  }
  return true
}

t.test('integers of any width read back as they were written', async t => {
  const width = fc.integer({ min: 1, max: 7 })
  const property = fc.property(width, fc.maxSafeNat(), (width, value) => {
    const fitting = width === 7 ? value : value % 2 ** (8 * width)
    const buffer = new Uint8Array(width + 2)
    putUint(buffer, 1, width, fitting)
    return getUint(buffer, 1, width) === fitting && buffer[0] === 0 && buffer[width + 1] === 0
  })
  await holds(t, property)
})

t.test('outer frames are read back from any chunks', async t => {
  const frame = fc.record({ type: fc.constantFrom(...Object.values(OUTER)), body: bytes(50) })
  const property = fc.property(fc.array(frame, { maxLength: 5 }), fractions, (frames, cuts) => {
    const stream = concatBytes(frames.flatMap(({ type, body }) => outerFrame(type, body)))
    const seen: string[] = []
    const parser = new OuterFrameParser()
    for (const chunk of cutAt(stream, cuts)) {
      parser.push(chunk, ({ type, body }) => seen.push(`${type} ${toHex(concatBytes(body))}`))
    }
    return seen.join() === frames.map(({ type, body }) => `${type} ${toHex(body)}`).join()
  })
  await holds(t, property)
})

const innerFrame = fc.oneof(
  fc.tuple(ref, offset, fc.integer({ min: 0, max: 255 }), bytes(40)).map(([ref, offset, flags, payload]) => ({
    frame: concatBytes([dataHeader(ref, offset, flags, payload.length), payload]),
    says: `data ${ref} ${offset} ${flags} ${toHex(payload)}`,
  })),
  fc.tuple(ref, offset, offset).map(([ref, received, limit]) => ({
    frame: ackFrame(ref, received, limit),
    says: `ack ${ref} ${received} ${limit}`,
  })),
  fc
    .tuple(ref, fc.integer({ min: 0, max: 65_535 }), offset)
    .map(([ref, code, final]) => ({ frame: resetFrame(ref, code, final), says: `reset ${ref} ${code} ${final}` })),
  ref.map(ref => ({ frame: goneFrame(ref), says: `gone ${ref}` })),
  bytes(40).map(body => ({ frame: controlFrame(body), says: `control ${toHex(body)}` })),
)

function readAll(record: readonly Uint8Array[]): string[] {
  const seen: string[] = []
  readInnerFrames(record, {
    onData: (ref, offset, flags, parts) => seen.push(`data ${ref} ${offset} ${flags} ${toHex(concatBytes(parts))}`),
    onAck: (ref, received, limit) => seen.push(`ack ${ref} ${received} ${limit}`),
    onReset: (ref, code, final) => seen.push(`reset ${ref} ${code} ${final}`),
    onGone: ref => seen.push(`gone ${ref}`),
    onControl: body => seen.push(`control ${toHex(body)}`),
  })
  return seen
}

t.test('inner frames are read back from a record in any pieces', async t => {
  const property = fc.property(fc.array(innerFrame, { maxLength: 5 }), fractions, (frames, cuts) => {
    const record = concatBytes(frames.map(({ frame }) => frame))
    return readAll(cutAt(record, cuts)).join() === frames.map(({ says }) => says).join()
  })
  await holds(t, property)
})

const endpoints = fc.array(fc.stringMatching(/^[!-~]{0,30}$/), { maxLength: 16 })
const incarnation = fc.uint8Array({ minLength: 16, maxLength: 16 })
const control: fc.Arbitrary<Control> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    incarnation,
    knownIncarnation: fc.oneof(incarnation, fc.constant(new Uint8Array(0))),
    sessionsMax: uint32,
    holdSeconds: uint32,
    features: uint32,
    endpoints,
  }),
  fc.record({
    type: fc.constant('migrate' as const),
    epoch: uint32,
    reason: fc.constantFrom(...MIGRATE_REASONS),
    endpoints,
  }),
  fc.record({ type: fc.constant('migrateAck' as const), epoch: uint32, accepted: fc.boolean(), greatestEpoch: uint32 }),
  fc.record({ type: fc.constant('endpointUpdate' as const), endpoints }),
  fc.record({ type: fc.constantFrom('ping' as const, 'pong' as const), id: uint32 }),
  fc.record({ type: fc.constantFrom('drain' as const, 'goodbye' as const) }),
)

t.test('control messages read back as they were written', async t => {
  const text = (message: Control = { type: 'drain' }) =>
    Object.entries(message)
      .map(([name, value]) => `${name}: ${value instanceof Uint8Array ? toHex(value) : JSON.stringify(value)}`)
      .sort()
      .join()
  const property = fc.property(control, message => text(decodeControl(encodeControl(message))) === text(message))
  await holds(t, property)
})

t.test('bytes of any kind are read or refused with a code', async t => {
  const readOuter = (chunk: Uint8Array) => new OuterFrameParser().push(chunk, () => undefined)
  const readers = [
    readOuter,
    (chunk: Uint8Array) => readAll([chunk]),
    decodeControl,
    decodeOpenRequest,
    decodeOpenResult,
  ]
  const property = fc.property(bytes(200), chunk => readers.every(read => isJudged(() => read(chunk))))
  await holds(t, property, 1_000)
})

t.test('messages with some bytes changed are read or refused with a code', async t => {
  const change = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) })
  const property = fc.property(control, fc.array(change, { minLength: 1, maxLength: 4 }), (message, changes) => {
    const damaged = encodeControl(message).slice()
    for (const { at, to } of changes) if (damaged.length > 0) damaged[at % damaged.length] = to
    return isJudged(() => decodeControl(damaged)) && isJudged(() => readAll([controlFrame(damaged).subarray(1)]))
  })
  await holds(t, property, 1_000)
})
