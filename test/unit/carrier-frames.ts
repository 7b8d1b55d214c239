import t from 'tap'
import { Bug } from '../../src/base/assert.ts'
import { RemoteError } from '../../src/base/errors.ts'
import { type CarrierClose, closeFrame } from '../../src/carrier/carrier.ts'
import { Delivery } from '../../src/carrier/delivery.ts'
import { memoryPair } from '../../src/carrier/memory.ts'
import { messageHeader } from '../../src/carrier/websocket.ts'
import { concatBytes, toHex } from '../../src/wire/bytes.ts'
import { OUTER, type OuterFrame, outerFrame } from '../../src/wire/outer-frame.ts'
import { attach } from '../support/carrier-suite.ts'
import { flushPromises } from '../support/manual-clock.ts'

t.test('a CLOSE frame carries its code in two bytes', async t => {
  t.equal(toHex(concatBytes(closeFrame('TOO_MANY_CONNECTIONS'))), '06000002010c')
})

t.test('a message header is that of RFC 6455, with an all-zero mask on the side that dialed', async t => {
  const rows: [number, string, string][] = [
    [0, '8200', '828000000000'],
    [125, '827d', '82fd00000000'],
    [126, '827e007e', '82fe007e00000000'],
    [65_535, '827effff', '82feffff00000000'],
    [65_536, '827f0000000000010000', '82ff000000000001000000000000'],
  ]
  for (const [bytes, plain, masked] of rows) {
    t.equal(toHex(messageHeader(bytes, false)), plain)
    t.equal(toHex(messageHeader(bytes, true)), masked)
  }
})

t.test('a message must hold whole frames, and one at least', async t => {
  const frames: OuterFrame[] = []
  const delivery = new Delivery()
  delivery.attach({ onFrame: frame => frames.push(frame), onDrain: () => undefined, onClose: () => undefined })
  const whole = concatBytes([...outerFrame(OUTER.CRYPTO, Uint8Array.of(1)), ...outerFrame(OUTER.CRYPTO)])
  t.equal(delivery.handleMessage([whole.subarray(0, 3), whole.subarray(3)]), undefined)
  t.equal(frames.length, 2)
  t.match(delivery.handleMessage([]), { code: 'FRAME_MALFORMED', message: 'a message held no frame' })
  t.match(delivery.handleMessage([new Uint8Array()]), { code: 'FRAME_MALFORMED' })
  t.match(delivery.handleMessage([whole.subarray(0, 7)]), { code: 'FRAME_MALFORMED' })
})

t.test('an end before anybody is attached is reported to whom attaches', async t => {
  const delivery = new Delivery()
  delivery.handleClose({ detail: 'first' })
  delivery.handleClose({ detail: 'second' })
  const closes: CarrierClose[] = []
  delivery.attach({ onFrame: () => undefined, onDrain: () => undefined, onClose: reason => closes.push(reason) })
  t.same(closes, [], 'not from within attach')
  await flushPromises()
  t.same(closes, [{ detail: 'first' }])
  t.throws(() => delivery.attach({ onFrame: () => undefined, onDrain: () => undefined, onClose: () => undefined }), Bug)
})

t.test('a RemoteError of the handler closes the carrier with its code; a bug is not swallowed', async t => {
  const [near, far] = memoryPair().carriers
  const closes: CarrierClose[] = []
  far.attach({
    onFrame: () => {
      throw new RemoteError('PROTOCOL_VIOLATION', 'not like this')
    },
    onDrain: () => undefined,
    onClose: reason => closes.push(reason),
  })
  near.send(outerFrame(OUTER.CRYPTO))
  const sender = attach(near)
  await sender.closed()
  t.same(closes, [{ code: 'PROTOCOL_VIOLATION', detail: 'not like this' }])
  t.equal(toHex(concatBytes(sender.frames[0]!.body)), '010f')

  const broken = new Delivery()
  const onFrame = () => {
    throw new TypeError('a bug')
  }
  broken.attach({ onFrame, onDrain: () => undefined, onClose: () => undefined })
  t.throws(() => broken.handleBytes(concatBytes(outerFrame(OUTER.CRYPTO))), TypeError)
})

t.test('a pair in memory can be cut: what is under way is lost and both ends are told once', async t => {
  const scheduled: (() => void)[] = []
  const pair = memoryPair({ schedule: run => scheduled.push(run) })
  const [near, far] = pair.carriers
  const [atNear, atFar] = [attach(near), attach(far)]
  near.send(outerFrame(OUTER.CRYPTO))
  pair.cut()
  pair.cut()
  while (scheduled.length > 0) scheduled.shift()?.()
  t.equal(atFar.frames.length, 0)
  t.same(atNear.closes, [{ detail: 'the connection was cut' }])
  t.same(atFar.closes, [{ detail: 'the connection was cut' }])
})
