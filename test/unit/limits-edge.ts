/** Limits on input from outside: one below and the limit itself pass, one above does not. Others have their own tests. */
import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { checkConfig } from '../../src/config/check.ts'
import { peerIdText } from '../../src/secure/identity.ts'
import { putUint } from '../../src/wire/bytes.ts'
import { decodeControl, decodeOpenRequest, encodeControl, encodeOpenRequest } from '../../src/wire/control.ts'
import { controlFrame, readInnerFrames } from '../../src/wire/inner-frame.ts'
import { OUTER, OUTER_HEADER_BYTES, OuterFrameParser, outerHeader } from '../../src/wire/outer-frame.ts'
import { EnginePair } from '../support/engine-pair.ts'
import { control } from '../support/frame-text.ts'

interface Edge {
  readonly limit: keyof typeof LIMITS
  /** What an input of this much is refused with. */
  readonly code: string
  /** @throws the refusal; or gives the code of the fault */
  readonly take: (amount: number) => unknown
}

const IGNORE = { onData() {}, onAck() {}, onReset() {}, onGone() {}, onControl() {} }
const REQUEST = { sessionId: new Uint8Array(16), host: 'a', port: 1, client: '' }

const EDGES: readonly Edge[] = [
  {
    limit: 'frameBytesMax',
    code: 'FRAME_TOO_LARGE',
    take: bytes => new OuterFrameParser().push(outerHeader(OUTER.RECORD, bytes - OUTER_HEADER_BYTES), () => {}),
  },
  {
    limit: 'controlBytesMax',
    code: 'PROTOCOL_VIOLATION',
    take: bytes => readInnerFrames([controlFrame(new Uint8Array(bytes))], IGNORE),
  },
  {
    limit: 'hostBytesMax',
    code: 'PROTOCOL_VIOLATION',
    take: bytes => decodeOpenRequest(encodeOpenRequest({ ...REQUEST, host: 'a'.repeat(bytes) })),
  },
  { limit: 'epochJumpMax', code: 'PROTOCOL_VIOLATION', take: jumped },
  { limit: 'configListenMax', code: 'CONFIG_INVALID', take: count => configured({ listen: times(count, listenAt) }) },
  { limit: 'configPeersMax', code: 'CONFIG_INVALID', take: count => configured({ peers: times(count, peer) }) },
  { limit: 'configForwardsMax', code: 'CONFIG_INVALID', take: count => forwards(count) },
  {
    limit: 'allowRulesMax',
    code: 'CONFIG_INVALID',
    take: count => configured({ peers: [{ ...peer(0), allow: times(count, i => `a${i}.example:22`) }] }),
  },
  {
    limit: 'proxySourcesMax',
    code: 'CONFIG_INVALID',
    take: count => forwards(1, { proxyProtocol: { from: times(count, i => `10.0.0.${i}`) } }),
  },
  {
    limit: 'peerNameCharsMax',
    code: 'CONFIG_INVALID',
    take: count => configured({ peers: [{ ...peer(0), name: 'a'.repeat(count) }] }),
  },
]

for (const { limit, code, take } of EDGES) {
  t.test(`${limit}: one below, the limit, and one above`, async t => {
    const most = LIMITS[limit]
    t.doesNotThrow(() => take(most - 1))
    t.doesNotThrow(() => take(most))
    t.throws(() => take(most + 1), { code })
  })
}

t.test('endpointsPerPeerMax: one below, the limit, and one above, of which the last is dropped', async t => {
  const most = LIMITS.endpointsPerPeerMax
  for (const count of [most - 1, most, most + 1]) {
    const message = decodeControl(encodeControl({ type: 'endpointUpdate', endpoints: times(count, listenAt) }))
    t.match(message, { endpoints: times(Math.min(count, most), listenAt) })
  }
})

function jumped(by: number): void {
  const pair = EnginePair.met()
  const standby = pair.connect('b')
  pair.advance(50)
  const epoch = pair.a.association.epoch + by
  pair.inject(pair.a, standby, control({ type: 'migrate', epoch, reason: 'command', endpoints: [] }))
  const [code] = pair.a.faults
  if (code !== undefined) throw Object.assign(new Error('a fault'), { code })
}

function configured(input: Parameters<typeof checkConfig>[0]): void {
  checkConfig(input, '/')
}

function forwards(count: number, more: object = {}): void {
  const forward = times(count, i => ({ listen: `127.0.0.1:${10_000 + i}`, peer: 'p0', to: 'localhost:22', ...more }))
  configured({ peers: [peer(0)], forward })
}

function listenAt(i: number): string {
  return `tcp://192.0.2.1:${7_000 + i}`
}

function peer(i: number): { name: string; id: string; endpoints: string[] } {
  const hash = new Uint8Array(32)
  putUint(hash, 0, 4, i)
  return { name: `p${i}`, id: peerIdText(hash), endpoints: ['tcp://192.0.2.1:7000'] }
}

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}
