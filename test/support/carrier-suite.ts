/** What every carrier must do, as one suite that is run over each kind. */
import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import type { Carrier, CarrierClose, CarrierHandlers } from '../../src/carrier/carrier.ts'
import { byteLength, concatBytes, toHex } from '../../src/wire/bytes.ts'
import { OUTER, OUTER_HEADER_BYTES, type OuterFrame, outerFrame, outerHeader } from '../../src/wire/outer-frame.ts'
import { Random } from './random.ts'

export interface CarrierPair {
  /** The side that dialed. */
  readonly near: Carrier
  readonly far: Carrier
}

export interface CarrierKind {
  readonly scheme: Carrier['scheme']
  /** A fresh pair, nobody attached. */
  connect(): Promise<CarrierPair>
  /** Frees whatever `connect` needed. */
  close(): Promise<void>
}

const BODY_BYTES_MAX = LIMITS.frameBytesMax - OUTER_HEADER_BYTES
const MIB = 1024 * 1024

/** Keeps everything it is told, and can be waited for. */
export class Recorder implements CarrierHandlers {
  readonly frames: OuterFrame[] = []
  readonly closes: CarrierClose[] = []
  drains = 0
  #wake: () => void = () => undefined

  get bytes(): number {
    return this.frames.reduce((sum, { body }) => sum + byteLength(body), 0)
  }

  onFrame(frame: OuterFrame): void {
    const body = frame.body.map(part => part.slice())
    this.frames.push({ ...frame, body })
    this.#wake()
  }

  onDrain(): void {
    this.drains++
    this.#wake()
  }

  onClose(reason: CarrierClose): void {
    this.closes.push(reason)
    this.#wake()
  }

  /** Resolves once `isTrue` holds, looked at after every event. */
  async until(isTrue: (recorder: this) => boolean): Promise<this> {
    while (!isTrue(this)) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    return this
  }

  async closed(): Promise<CarrierClose> {
    await this.until(({ closes }) => closes.length > 0)
    return this.closes[0]!
  }
}

export function attach(carrier: Carrier): Recorder {
  const recorder = new Recorder()
  carrier.attach(recorder)
  return recorder
}

/** Lets everything that is under way on this host arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
}

export function carrierSuite(t: Test, kind: CarrierKind): void {
  t.test(kind.scheme, async t => {
    t.teardown(() => kind.close())
    const connect = async (t: Test): Promise<CarrierPair> => {
      const pair = await kind.connect()
      t.teardown(() => {
        pair.near.destroy()
        pair.far.destroy()
      })
      return pair
    }
    deliveryTests(t, connect)
    backpressureTests(t, connect)
    endTests(t, connect)
    faultTests(t, connect)
    t.test('knows the addresses of both ends, and how long the connect took', async t => {
      const { near, far } = await connect(t)
      t.equal(near.scheme, kind.scheme)
      t.equal(far.scheme, kind.scheme)
      t.same(near.local, far.remote)
      t.same(near.remote, far.local)
      t.match(near.local, { host: /^127\.0\.0\.1$/, port: Number })
      const connected = [near, far].map(({ connectMs = 0 }) => connectMs > 0)
      t.same(connected, [kind.scheme !== 'memory', false])
    })
  })
}

type Connect = (t: Test) => Promise<CarrierPair>

function deliveryTests(t: Test, connect: Connect): void {
  t.test('delivers frames of random sizes whole, in order and unchanged', async t => {
    const seed = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 1_000_000)
    t.comment(`HOLDFAST_SEED=${seed}`)
    const random = new Random(seed)
    const { near, far } = await connect(t)
    const received = attach(far)
    attach(near)
    const sizes = [0, BODY_BYTES_MAX, 1, 125 - 4, 126 - 4, 65_535 - 4, 65_536 - 4, BODY_BYTES_MAX, 0]
    for (let i = 0; i < 60; i++) sizes.push(Math.floor(random.next() ** 3 * BODY_BYTES_MAX))
    const sent: string[] = []
    for (const bytes of sizes) {
      const body = random.bytes(bytes)
      const cut = random.int(0, bytes)
      near.send(outerFrame(OUTER.RECORD, body.subarray(0, cut), body.subarray(cut)))
      sent.push(toHex(outerHeader(OUTER.RECORD, bytes)) + createHash('sha256').update(body).digest('hex'))
      if (random.chance(0.3)) await new Promise(resolve => setImmediate(resolve))
    }
    await received.until(({ frames }) => frames.length >= sizes.length)
    const got = received.frames.map(
      ({ header, body }) => toHex(header) + createHash('sha256').update(concatBytes(body)).digest('hex'),
    )
    t.same(got, sent)
  })

  t.test('delivers many frames of one turn, sent one by one or together', async t => {
    const { near, far } = await connect(t)
    const received = attach(far)
    const together: Uint8Array[] = []
    for (let i = 0; i < 500; i++) near.send(outerFrame(OUTER.CRYPTO, Uint8Array.of(i >> 8, i & 0xff)))
    for (let i = 500; i < 1_000; i++) together.push(...outerFrame(OUTER.CRYPTO, Uint8Array.of(i >> 8, i & 0xff)))
    near.send(together)
    await received.until(({ frames }) => frames.length >= 1_000)
    t.ok(received.frames.every(({ body }, i) => toHex(concatBytes(body)) === i.toString(16).padStart(4, '0')))
  })

  t.test('takes more than the largest frame in one call, as several frames', async t => {
    const { near, far } = await connect(t)
    const received = attach(far)
    const body = new Uint8Array(50_000).fill(0x5a)
    near.send(Array.from({ length: 7 }, () => outerFrame(OUTER.RECORD, body)).flat())
    await received.until(({ frames }) => frames.length >= 7)
    t.equal(received.bytes, 350_000)
  })

  t.test('keeps frames that arrive before anybody is attached', async t => {
    const { near, far } = await connect(t)
    near.send(outerFrame(OUTER.RECORD, Uint8Array.of(1)))
    far.send(outerFrame(OUTER.RECORD, Uint8Array.of(2)))
    await settle()
    near.send(outerFrame(OUTER.RECORD, Uint8Array.of(3)))
    const [atFar, atNear] = [attach(far), attach(near)]
    t.equal(atFar.frames.length, 0, 'never from within attach')
    await atFar.until(({ frames }) => frames.length === 2)
    await atNear.until(({ frames }) => frames.length === 1)
    t.same(
      [...atFar.frames, ...atNear.frames].map(({ body }) => concatBytes(body)[0]),
      [1, 3, 2],
    )
  })

  t.test('carries 50 MB in both directions at once', async t => {
    const { near, far } = await connect(t)
    const ends = await Promise.all([transfer(near, far, 1), transfer(far, near, 2)])
    for (const { sent, received } of ends) t.equal(received, sent)
    t.equal(near.queuedBytes, 0)
    t.equal(far.queuedBytes, 0)
  })
}

/** Pushes 50 MB as fast as `send` allows. Attaches `from` for drains and keeps nothing but digests. */
async function transfer(from: Carrier, to: Carrier, seed: number): Promise<{ sent: string; received: string }> {
  const bodies = Array.from({ length: 8 }, (_, i) => Buffer.alloc(65_536, `${seed}:${i}`))
  const [sent, received] = [createHash('sha256'), createHash('sha256')]
  const framesTotal = Math.ceil((50 * MIB) / 65_536)
  const state = HANDLERS.get(from) ?? attachMeter(from)
  const target = HANDLERS.get(to) ?? attachMeter(to)
  const done = new Promise<void>(resolve => {
    let frames = 0
    target.onBody = part => void received.update(part)
    target.onWhole = () => {
      if (++frames === framesTotal) resolve()
    }
  })
  for (let i = 0; i < framesTotal; i++) {
    const body = bodies[i % bodies.length]!
    sent.update(body)
    if (!from.send(outerFrame(OUTER.RECORD, body))) await state.drained()
  }
  await done
  return { sent: sent.digest('hex'), received: received.digest('hex') }
}

/** A handler for bulk: forwards bodies, keeps nothing. */
class Meter implements CarrierHandlers {
  onBody: (part: Uint8Array) => void = () => undefined
  onWhole: () => void = () => undefined
  #wake: () => void = () => undefined

  onFrame({ body }: OuterFrame): void {
    for (const part of body) this.onBody(part)
    this.onWhole()
  }

  onDrain(): void {
    this.#wake()
  }

  onClose(): void {}

  drained(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}

const HANDLERS = new WeakMap<Carrier, Meter>()

function attachMeter(carrier: Carrier): Meter {
  const meter = new Meter()
  HANDLERS.set(carrier, meter)
  carrier.attach(meter)
  return meter
}

function backpressureTests(t: Test, connect: Connect): void {
  t.test('says stop when the peer does not read, and drains when it does', async t => {
    const { near, far } = await connect(t)
    const sender = attach(near)
    const { sentBytes } = await fill(near)
    t.ok(near.queuedBytes >= LIMITS.carrierHighWaterBytes, `${near.queuedBytes} queued`)
    const drainsBefore = sender.drains
    const receiver = attach(far)
    await sender.until(({ drains }) => drains > drainsBefore)
    await receiver.until(({ bytes }) => bytes === sentBytes)
    await settle()
    t.equal(sender.drains, drainsBefore + 1, 'one drain for one stop')
    t.equal(near.queuedBytes, 0)
  })

  t.test('is destroyed when the caller does not stop', async t => {
    const { near } = await connect(t)
    const sender = attach(near)
    const body = new Uint8Array(65_536)
    let calls = 0
    while (near.queuedBytes < LIMITS.carrierQueueBytesMax - body.length && calls++ < 2_000) {
      near.send(outerFrame(OUTER.RECORD, body))
    }
    t.equal(sender.closes.length, 0)
    for (let i = 0; i < 3; i++) t.equal(near.send(outerFrame(OUTER.RECORD, body)), false)
    t.equal(sender.closes.length, 0, 'never from within send')
    t.match(await sender.closed(), { code: 'OVERLOADED', detail: /were queued/ })
    t.equal(near.queuedBytes, 0)
    t.equal(near.send(outerFrame(OUTER.RECORD, body)), false)
    await settle()
    t.equal(sender.closes.length, 1)
  })
}

/** Sends until the carrier says stop and still does so a few turns later: the kernel's buffers are full too. */
async function fill(carrier: Carrier): Promise<{ sentBytes: number }> {
  const body = new Uint8Array(65_536)
  let sentBytes = 0
  for (let turn = 0; turn < 1_000 && carrier.queuedBytes < LIMITS.carrierHighWaterBytes; turn++) {
    let isOpen = true
    while (isOpen) {
      isOpen = carrier.send(outerFrame(OUTER.RECORD, body))
      sentBytes += body.length
    }
    if (carrier.queuedBytes < 4 * LIMITS.carrierHighWaterBytes) await settle()
  }
  return { sentBytes }
}

function endTests(t: Test, connect: Connect): void {
  t.test('tells when nothing of it is left, whoever ended it', async t => {
    for (const end of ['close', 'destroy'] as const) {
      const { near, far } = await connect(t)
      for (const carrier of [near, far]) attach(carrier)
      near[end]()
      t.same(await Promise.all([near.closed, far.closed]), [undefined, undefined], end)
    }
  })

  t.test('flushes the tail before an orderly end', async t => {
    const { near, far } = await connect(t)
    const [sender, receiver] = [attach(near), attach(far)]
    const body = new Uint8Array(100_000).fill(7)
    for (let i = 0; i < 40; i++) near.send(outerFrame(OUTER.RECORD, body))
    near.close()
    t.equal(near.send(outerFrame(OUTER.RECORD, body)), false)
    t.match(await receiver.closed(), { code: undefined, detail: 'the peer closed the connection' })
    t.equal(receiver.bytes, 4_000_000)
    await settle()
    t.same([sender.closes.length, receiver.closes.length], [0, 1], 'only the peer is told, once')
    t.equal(near.queuedBytes, 0)
  })

  t.test('flushes the tail even while the peer is sending', async t => {
    const { near, far } = await connect(t)
    attach(near)
    const receiver = attach(far)
    const body = new Uint8Array(65_536).fill(9)
    for (let i = 0; i < 20; i++) far.send(outerFrame(OUTER.RECORD, body))
    for (let i = 0; i < 20; i++) near.send(outerFrame(OUTER.RECORD, body))
    near.close()
    t.equal((await receiver.closed()).code, undefined)
    t.equal(receiver.bytes, 20 * body.length)
  })

  t.test('flushes to a peer that attaches only after the close', async t => {
    const { near, far } = await connect(t)
    near.send(outerFrame(OUTER.RECORD, new Uint8Array(1_000)))
    near.close()
    await settle()
    const receiver = attach(far)
    await receiver.closed()
    t.equal(receiver.bytes, 1_000)
  })

  t.test('loses the tail and tells the peer once when it is destroyed', async t => {
    const { near, far } = await connect(t)
    const sender = attach(near)
    const { sentBytes } = await fill(near)
    near.destroy()
    t.equal(near.queuedBytes, 0)
    const receiver = attach(far)
    const reason = await receiver.closed()
    t.equal(reason.code, undefined)
    t.match(reason.detail, /^the (connection|peer) /)
    t.ok(receiver.bytes < sentBytes, `${receiver.bytes} of ${sentBytes} bytes arrived`)
    await settle()
    t.same([sender.closes.length, receiver.closes.length], [0, 1])
  })

  t.test('may be closed and destroyed again and again', async t => {
    const { near, far } = await connect(t)
    const [sender, receiver] = [attach(near), attach(far)]
    near.close()
    near.close()
    await receiver.closed()
    near.destroy()
    near.destroy()
    near.close()
    far.close()
    far.destroy()
    await settle()
    t.same([sender.closes.length, receiver.closes.length], [0, 1])
  })

  t.test('calls nothing after it was closed or destroyed in a handler', async t => {
    for (const end of ['close', 'destroy'] as const) {
      const { near, far } = await connect(t)
      const recorder = new Recorder()
      const onFrame = (frame: OuterFrame) => {
        recorder.onFrame(frame)
        far[end]()
      }
      far.attach({ onFrame, onDrain: () => recorder.onDrain(), onClose: reason => recorder.onClose(reason) })
      near.send([...outerFrame(OUTER.CRYPTO, Uint8Array.of(1)), ...outerFrame(OUTER.CRYPTO, Uint8Array.of(2))])
      await attach(near).closed()
      await settle()
      t.same([recorder.frames.length, recorder.closes.length], [1, 0], end)
    }
  })
}

function faultTests(t: Test, connect: Connect): void {
  const rows = [
    { what: 'a frame that is too large', bytes: Uint8Array.of(0x05, 0x01, 0xff, 0xfd), code: 'FRAME_TOO_LARGE' },
    { what: 'a frame of an unknown type', bytes: Uint8Array.of(0x47, 0x45, 0x54, 0x20), code: 'FRAME_MALFORMED' },
  ] as const
  for (const { what, bytes, code } of rows) {
    t.test(`ends on ${what}, and tells both sides which rule it broke`, async t => {
      const { near, far } = await connect(t)
      const [sender, receiver] = [attach(near), attach(far)]
      near.send(outerFrame(OUTER.CRYPTO, Uint8Array.of(1)))
      near.send([bytes])
      near.send(outerFrame(OUTER.CRYPTO, Uint8Array.of(2)))
      t.equal((await receiver.closed()).code, code)
      t.equal(receiver.frames.length, 1, 'what came before was delivered, nothing after it')
      await sender.closed()
      t.match(sender.frames, [{ type: OUTER.CLOSE }])
      await settle()
      t.same([sender.closes.length, receiver.closes.length], [1, 1])
    })
  }
}
