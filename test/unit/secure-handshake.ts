import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect, type SecureVersion, TLSSocket } from 'node:tls'
import t from 'tap'
import { TlsHandshake } from '../../src/secure/tls-handshake.ts'
import { concatBytes, toHex } from '../../src/wire/bytes.ts'
import { OUTER, outerFrame } from '../../src/wire/outer-frame.ts'
import { accept, dial, type End, framesOf, Link, makeParty, type Party, turn } from '../support/channel-pair.ts'

const [near, far, stranger] = [await makeParty(), await makeParty(), await makeParty()]

/** A TLS stack of another make at the other end of a channel. */
class Foreign {
  readonly end: End
  readonly pipe: Duplex
  readonly errors: string[] = []

  constructor(end: End) {
    this.end = end
    this.pipe = new Duplex({
      read: () => undefined,
      write: (bytes: Uint8Array, _encoding, done) => {
        end.feed([concatBytes(outerFrame(OUTER.CRYPTO, bytes))])
        done()
      },
    })
  }

  watch(tls: TLSSocket): TLSSocket {
    return tls.resume().on('error', (error: NodeJS.ErrnoException) => this.errors.push(error.code ?? error.message))
  }

  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 12; quiet++) {
      const frames = framesOf(this.end.takeSent()).filter(({ type }) => type === OUTER.CRYPTO)
      if (frames.length > 0) quiet = 0
      for (const frame of frames) this.pipe.push(concatBytes(frame.body))
      await turn()
    }
  }
}

/** What an acceptor makes of a TLS client with these options. */
async function foreignClient(options: ConnectionOptions): Promise<{ end: End; errors: string[]; tls: TLSSocket }> {
  const foreign = new Foreign(accept(far))
  const tls = connect({ socket: foreign.pipe, rejectUnauthorized: false, ...options })
  foreign.watch(tls)
  await foreign.settle()
  return { end: foreign.end, errors: foreign.errors, tls }
}

const own = (party: Party) => ({ key: party.identity.keyPem, cert: party.identity.certPem })
const GOOD: ConnectionOptions = { ...own(near), ALPNProtocols: ['holdfast/1'] }

t.test('a TLS client of another make is taken when it follows the protocol', async t => {
  const { end, tls, errors } = await foreignClient(GOOD)
  t.same(end.events, ['ready'])
  t.equal(end.channel.peerId, near.identity.peerId)
  t.equal(tls.getProtocol(), 'TLSv1.3')
  t.same(errors, [])
})

t.test('an acceptor refuses what is not TLS 1.3 with a certificate and our version', async t => {
  const rows: [string, ConnectionOptions, string][] = [
    ['another version', { ...GOOD, ALPNProtocols: ['holdfast/9'] }, 'VERSION_UNSUPPORTED'],
    ['no version', own(near), 'VERSION_UNSUPPORTED'],
    ['no certificate', { ALPNProtocols: ['holdfast/1'] }, 'HANDSHAKE_FAILED'],
    ['TLS 1.2', { ...GOOD, maxVersion: 'TLSv1.2' as SecureVersion }, 'HANDSHAKE_FAILED'],
  ]
  for (const [what, options, code] of rows) {
    const { end } = await foreignClient(options)
    t.same(end.events, [`closed ${code} local`], what)
    t.notOk(end.channel.keyset)
  }
})

t.test('a session that TLS would resume is refused', async t => {
  const first = await foreignClient(GOOD)
  let session: Buffer | undefined
  const foreign = new Foreign(accept(far))
  const probe = connect({ socket: foreign.pipe, rejectUnauthorized: false, ...GOOD })
  probe.on('session', ticket => {
    session = ticket
  })
  foreign.watch(probe)
  await foreign.settle()
  t.ok(session, 'Node sends tickets and cannot be told not to')
  const { end } = await foreignClient({ ...GOOD, session: session! })
  t.same(end.events, ['closed HANDSHAKE_FAILED local'])
  t.same(first.end.events, ['ready'])
})

t.test('a dialer refuses a server of another version, or without one', async t => {
  for (const ALPNProtocols of [['holdfast/9'], undefined]) {
    const foreign = new Foreign(dial(near, far))
    const tls = new TLSSocket(foreign.pipe, {
      isServer: true,
      ...own(far),
      ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }),
    })
    foreign.watch(tls)
    foreign.end.channel.start()
    await foreign.settle()
    t.same(foreign.end.events, ['closed VERSION_UNSUPPORTED local'])
  }
})

t.test('a dialer refuses another peer than it wants, and shows that peer no certificate', async t => {
  const link = new Link(dial(near, far), accept(stranger))
  link.dialer.channel.start()
  await link.settle()
  t.same(link.dialer.events, ['closed PEER_MISMATCH local'])
  t.match(link.dialer.detail, stranger.identity.peerId)
  t.same(link.acceptor.events, ['closed PEER_MISMATCH peer'])
  t.equal(framesOf(link.recorded).filter(({ type }) => type === OUTER.CRYPTO).length, 1, 'only the ClientHello left')
})

t.test('an acceptor refuses a peer with the code of its judgement, after the dialer thought it was done', async t => {
  for (const code of ['PEER_UNKNOWN', 'TICKET_EXPIRED'] as const) {
    const seen: unknown[] = []
    const handles = far.keyring.handles.size
    const admit = (...args: unknown[]) => {
      seen.push(...args)
      return code
    }
    const link = new Link(dial(near, far), accept(far, { admit }))
    link.dialer.channel.start()
    await link.settle()
    t.same(seen, [near.identity.peerId, undefined])
    t.same(link.acceptor.events, [`closed ${code} local`])
    t.same(link.dialer.events, ['ready', `closed ${code} peer`], 'ready, but never confirmed')
    t.equal(far.keyring.handles.size, handles, 'a refused peer leaves no handles')
  }
})

t.test('a peer with our own key is refused on both sides', async t => {
  const link = new Link(dial(near, near), accept(near))
  link.dialer.channel.start()
  await link.settle()
  t.same(link.dialer.events, ['closed DUPLICATE_IDENTITY local'])
  const { end } = await foreignClient({ ...GOOD, ...own(far) })
  t.same(end.events, ['closed DUPLICATE_IDENTITY local'])
})

t.test('a full handshake may be refused before it costs anything', async t => {
  const link = new Link(dial(near, far), accept(far, { mayHandshake: () => 'TOO_MANY_CONNECTIONS' }))
  link.dialer.channel.start()
  await link.settle()
  t.same(link.acceptor.events, ['closed TOO_MANY_CONNECTIONS local'])
  t.same(link.dialer.closed, { code: 'TOO_MANY_CONNECTIONS', from: 'peer' })
  const open = new Link(dial(near, far), accept(far, { mayHandshake: () => true }))
  open.dialer.channel.start()
  await open.settle()
  t.same(open.acceptor.events, ['ready'])
})

t.test('garbage in CRYPTO frames fails the handshake on either side', async t => {
  const dialer = dial(near, far)
  dialer.channel.start()
  for (const end of [accept(far), dialer]) {
    end.feed([concatBytes(outerFrame(OUTER.CRYPTO, Buffer.from('GET / HTTP/1.1\r\nHost: captive.portal\r\n\r\n')))])
    for (let i = 0; i < 10; i++) await turn()
    t.same(end.events, ['closed HANDSHAKE_FAILED local'])
  }
})

t.test('a handshake altered at any byte on the way completes on neither side', async t => {
  for (const direction of ['dialer', 'acceptor'] as const) {
    for (const at of [10, 60, 150, 220]) {
      const link = new Link(dial(near, far), accept(far))
      link.dialer.channel.start()
      let isAltered = false
      for (let step = 0; step < 30; step++) {
        const end = link[direction]
        end.sent = end.sent.map(bytes => {
          if (isAltered || bytes.length <= at) return bytes
          isAltered = true
          return bytes.map((byte, i) => (i === at ? byte ^ 0x40 : byte))
        })
        link.carry()
        await turn()
      }
      t.ok(isAltered)
      t.notOk(link.dialer.channel.isReady && link.acceptor.channel.isReady, `${direction}, byte ${at}`)
      link.dialer.channel.release()
      link.acceptor.channel.release()
    }
  }
})

t.test('the ClientHello names no server', async t => {
  const link = new Link(dial(near, far), accept(far))
  link.dialer.channel.start()
  await link.settle()
  const hello = Buffer.from(concatBytes(framesOf(link.recorded)[0]!.body))
  t.ok(hello.includes('holdfast/1'), 'the version is there in the clear')
  t.notOk(hello.includes('localhost'))
  t.same(
    extensionTypes(hello).filter(type => type === 0),
    [],
    'no server_name extension',
  )
})

t.test('both sides export the same secret, and another one in each handshake', async t => {
  const secrets: string[] = []
  for (let run = 0; run < 2; run++) {
    const got: Record<string, string> = {}
    const done = (peerId: string, exporter: Uint8Array) => {
      got[peerId] = toHex(exporter)
    }
    const onFailed = (_code: string, detail: string) => t.fail(detail)
    const server = new TlsHandshake('acceptor', far.identity, {
      onBytes: bytes => client.handleBytes([bytes]),
      onDone: done,
      onFailed,
    })
    const client = new TlsHandshake('dialer', near.identity, {
      onBytes: bytes => server.handleBytes([bytes]),
      onDone: done,
      onFailed,
    })
    for (let i = 0; i < 30; i++) await turn()
    t.equal(got[near.identity.peerId]!.length, 64)
    t.equal(got[near.identity.peerId], got[far.identity.peerId])
    secrets.push(got[near.identity.peerId]!)
    for (const each of [client, server, client]) each.destroy()
    client.handleBytes([Uint8Array.of(1)])
    for (let i = 0; i < 5; i++) await turn()
  }
  t.not(secrets[0], secrets[1])
})

/** Extension numbers of a ClientHello (RFC 8446 4.1.2) in a TLS record. */
function extensionTypes(record: Buffer): number[] {
  let at = 5 + 4 + 2 + 32
  at += 1 + record[at]!
  at += 2 + record.readUInt16BE(at)
  at += 1 + record[at]!
  const end = at + 2 + record.readUInt16BE(at)
  const types: number[] = []
  for (at += 2; at < end; at += 4 + record.readUInt16BE(at + 2)) types.push(record.readUInt16BE(at))
  return types
}
