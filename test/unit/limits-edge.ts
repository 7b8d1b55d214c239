/** Limits on input from outside: one below and the limit itself pass, one above does not. Others have their own tests. */
import t from 'tap'
import { RemoteError } from '../../src/base/errors.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { Admission } from '../../src/carrier/admission.ts'
import { checkConfig } from '../../src/config/check.ts'
import { decodeTicket, encodeTicket } from '../../src/config/ticket.ts'
import { peerIdText } from '../../src/secure/identity.ts'
import { Epochs } from '../../src/session/epochs.ts'
import { clientNetworks } from '../../src/sidecar/preserving.ts'
import type { MigrationStatus } from '../../src/sidecar/status.ts'
import { TotalsCounter } from '../../src/sidecar/totals.ts'
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
const TICKET = {
  seed: new Uint8Array(32),
  serverHash: new Uint8Array(32),
  expiresAt: 1,
  services: [{ host: 'b', port: 2 }],
}
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
  { limit: 'epochMax', code: 'PROTOCOL_VIOLATION', take: epoch => new Epochs(true).see(epoch) },
  { limit: 'unauthenticatedMax', code: 'TOO_MANY_CONNECTIONS', take: count => admitted(count, addressOf) },
  { limit: 'unauthenticatedPerAddressMax', code: 'TOO_MANY_CONNECTIONS', take: count => admitted(count, () => 'a') },
  { limit: 'handshakesPerSecondMax', code: 'TOO_MANY_CONNECTIONS', take: count => shook(count, addressOf) },
  { limit: 'handshakesPerSecondPerAddressMax', code: 'TOO_MANY_CONNECTIONS', take: count => shook(count, () => 'a') },
  { limit: 'holdMaxMs', code: 'CONFIG_INVALID', take: ms => configured({ hold: `${ms}ms` }) },
  {
    limit: 'socketPathBytesMax',
    code: 'CONFIG_INVALID',
    take: bytes => configured({ admin: { socket: `/${'x'.repeat(bytes - 1)}` } }),
  },
  { limit: 'configListenMax', code: 'CONFIG_INVALID', take: count => configured({ listen: times(count, listenAt) }) },
  { limit: 'configPeersMax', code: 'CONFIG_INVALID', take: count => configured({ peers: times(count, peer) }) },
  {
    limit: 'configRoutesMax',
    code: 'CONFIG_INVALID',
    take: count => configured({ peers: [peer(0)], routes: times(count, i => ({ to: `a${i}.example`, peer: 'p0' })) }),
  },
  {
    limit: 'routePortsMax',
    code: 'CONFIG_INVALID',
    take: count =>
      configured({ peers: [peer(0)], routes: [{ to: 'a.example', peer: 'p0', ports: times(count, i => 1_000 + i) }] }),
  },
  { limit: 'configForwardsMax', code: 'CONFIG_INVALID', take: count => forwards(count) },
  {
    limit: 'captureChoicesMax',
    code: 'CONFIG_INVALID',
    take: count =>
      configured({
        peers: [peer(0)],
        routes: [{ to: '192.0.2.1', peer: 'p0' }],
        capture: { users: times(count, i => 1_000 + i) },
      }),
  },
  {
    limit: 'configProxiesMax',
    code: 'CONFIG_INVALID',
    take: count => configured({ proxy: times(count, i => ({ listen: `127.0.0.1:${10_000 + i}` })) }),
  },
  {
    limit: 'proxyAuthBytesMax',
    code: 'CONFIG_INVALID',
    take: bytes => configured({ proxy: [{ listen: '[::]:1080', auth: { user: 'a', password: 'b'.repeat(bytes) } }] }),
  },
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
    limit: 'clientsPerRuleMax',
    code: 'CONFIG_INVALID',
    take: count => configured({ peers: [{ ...peer(0), allow: [preserving(count)] }] }),
  },
  {
    limit: 'clientNetworksMax',
    code: 'SOURCE_UNAVAILABLE',
    take: count => {
      const rules = times(Math.ceil(count / 60), i => preserving(Math.min(60, count - 60 * i), 60 * i))
      // The same network again counts once.
      clientNetworks(checkConfig({ peers: [{ ...peer(0), allow: [...rules, preserving(60)] }] }, '/'))
    },
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

t.test('holdMinMs: one below is a fault, the limit and one above are not', async t => {
  t.throws(() => configured({ hold: `${LIMITS.holdMinMs - 1}ms` }), { code: 'CONFIG_INVALID' })
  t.doesNotThrow(() => configured({ hold: `${LIMITS.holdMinMs}ms` }))
  t.doesNotThrow(() => configured({ hold: `${LIMITS.holdMinMs + 1}ms` }))
})

t.test('ticketCharsMax: one below and the limit are a ticket, more is none', async t => {
  const lengths = new Set<number>()
  for (let chars = 0; ; chars++) {
    const ticket = {
      ...TICKET,
      endpoints: [{ scheme: 'ws' as const, host: 'a', port: 1, path: `/${'x'.repeat(chars)}` }],
    }
    try {
      const word = encodeTicket(ticket)
      if (word.length >= LIMITS.ticketCharsMax - 1) t.same(decodeTicket(word, 0).endpoints, ticket.endpoints)
      lengths.add(word.length)
    } catch (error) {
      t.match(error, { code: 'USAGE' })
      break
    }
  }
  t.equal(Math.max(...lengths), LIMITS.ticketCharsMax)
  t.ok(lengths.has(LIMITS.ticketCharsMax - 1))
  const long = `hft1${'A'.repeat(LIMITS.ticketCharsMax - 3)}`
  t.throws(() => decodeTicket(long, 0), { code: 'TICKET_INVALID' })
})

t.test(
  'migrationsRememberedMax: as many are remembered, and of one more the oldest is counted and forgotten',
  async t => {
    const totals = new TotalsCounter()
    let asked = 0
    const row = { reason: 'gone', migrator: 'local', bytesReplayed: 0, blackoutMs: 1 } as MigrationStatus
    const count = () =>
      totals.countMigration(() => {
        asked++
        return row
      })
    for (let i = 0; i < LIMITS.migrationsRememberedMax; i++) count()
    t.equal(asked, 0)
    count()
    t.equal(asked, 1)
    t.equal(totals.read().migrations[0]?.count, LIMITS.migrationsRememberedMax + 1)
  },
)

/** Another one each time. */
function addressOf(i: number): string {
  return `192.0.${i >> 8}.${i & 255}`
}

function admitted(count: number, address: (i: number) => string): void {
  const admission = new Admission()
  for (let i = 0; i < count; i++) if (admission.admit(address(i)) === undefined) refuse()
}

function shook(count: number, address: (i: number) => string): void {
  const admission = new Admission()
  for (let i = 0; i < count; i++) if (!admission.allowHandshake(address(i), 0)) refuse()
}

function refuse(): never {
  throw new RemoteError('TOO_MANY_CONNECTIONS', 'refused')
}

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

/** A rule with so many networks of clients, the first of them with this number. */
function preserving(count: number, first = 0) {
  const clients = times(count, i => `10.${(first + i) >> 8}.${(first + i) & 255}.0/24`)
  return { to: 'a.example:22', source: 'preserve' as const, clients }
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
