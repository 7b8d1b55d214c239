import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { boundedEndpoints, peekHello } from '../../src/session/hello.ts'
import { type Control, encodeControl } from '../../src/wire/control.ts'
import { ackFrame, controlFrame, dataHeader, goneFrame, resetFrame } from '../../src/wire/inner-frame.ts'
import { EnginePair } from '../support/engine-pair.ts'

const HELLO = {
  type: 'hello',
  incarnation: new Uint8Array(16).fill(1),
  knownIncarnation: new Uint8Array(0),
  sessionsMax: 1,
  holdSeconds: 2,
  features: 0,
  endpoints: ['tcp://a:1'],
} as const

const frame = (message: Control) => controlFrame(encodeControl(message))

t.test('reads the Hello that begins a record, whatever follows it', async t => {
  const { type: _, ...hello } = HELLO
  t.match(peekHello([frame(HELLO)]), hello)
  const others = [dataHeader(1, 1, 0, 0), ackFrame(1, 1, 1), resetFrame(1, 1, 1), goneFrame(1)]
  t.match(peekHello([frame(HELLO), ...others, frame({ type: 'ping', id: 1 })]), hello)
  t.match(peekHello([frame(HELLO), frame({ ...HELLO, sessionsMax: 9 })]), hello, 'the first of two')
})

t.test('a record that begins with anything else is refused', async t => {
  const ping = frame({ type: 'ping', id: 1 })
  for (const first of [dataHeader(1, 1, 0, 0), ackFrame(1, 1, 1), resetFrame(1, 1, 1), goneFrame(1), ping]) {
    t.throws(() => peekHello([first]), { code: 'PROTOCOL_VIOLATION' })
    t.throws(() => peekHello([first, frame(HELLO)]), { code: 'PROTOCOL_VIOLATION' })
  }
  t.throws(() => peekHello([]), { code: 'PROTOCOL_VIOLATION', message: /begin with Hello/ })
  t.throws(
    () => peekHello([controlFrame(Uint8Array.of(0x4a, 0))]),
    { code: 'PROTOCOL_VIOLATION' },
    'of a newer version',
  )
})

t.test('no more endpoints are named than a peer takes, and none that is too long', async t => {
  const many = Array.from({ length: LIMITS.endpointsPerPeerMax + 5 }, (_, i) => `tcp://10.0.0.${i}:7700`)
  t.same(boundedEndpoints(many), many.slice(0, LIMITS.endpointsPerPeerMax))
  const long = `ws://${'x'.repeat(LIMITS.hostBytesMax)}:1/`
  t.same(boundedEndpoints([long, 'tcp://short:1']), ['tcp://short:1'])
  const wide = Array.from({ length: 16 }, (_, i) => `ws://10.0.0.${i}:80/`.padEnd(250, 'x'))
  t.equal(boundedEndpoints(wide).length, Math.floor(LIMITS.controlBytesMax / 2 / 250))
})

t.test('a host with hundreds of addresses names as many as fit, and is understood', async t => {
  const pair = new EnginePair()
  pair.a.endpoints = Array.from({ length: 300 }, (_, i) => `ws://10.96.${i % 250}.17:7400/${'x'.repeat(200)}`)
  pair.connect()
  pair.advance(1_000)
  t.equal(pair.a.association.state, 'stable')
  t.same(pair.b.faults, [])
  t.ok((pair.b.all('endpoints')[0]?.endpoints.length ?? 0) > 3)
})
