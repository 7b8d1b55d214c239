/**
 * Everything that others and operators can get wrong, one row each: what it does, the code that it gets, and the words that a
 * person reads where it was done. All the while an application of two honest sidecars sends bytes through them, and notices
 * nothing: one TCP connection from the first row to the last, no stall, and every byte as it was sent.
 */
import { chmodSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Code, wireOf } from '../../src/base/codes.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { decodeTicket, encodeTicket, type Ticket } from '../../src/config/ticket.ts'
import { identityFromSeed, type PeerId, peerIdText } from '../../src/secure/identity.ts'
import { OUTER, outerFrame, outerHeader } from '../../src/wire/outer-frame.ts'
import { clientHello, shakeHands, throwBytes } from '../support/attacker.ts'
import {
  atOffice,
  lineWith,
  logged,
  type Outcome,
  recordedResume,
  type Stage,
  setStage,
} from '../support/bad-input-stage.ts'
import { Bystander } from '../support/bystander.ts'
import { type RunningCli, runCli } from '../support/cli.ts'
import { CliHost, runningCli } from '../support/cli-host.ts'
import type { EchoService } from '../support/echo-service.ts'
import { Random } from '../support/random.ts'

/** A stall that no application would call one; above what a busy machine does to processes. */
const STALL_MS = 3_000
const PROGRESS_BYTES = 64 * 1024

interface Row {
  readonly what: string
  readonly code: Code
  readonly says: RegExp
  run(stage: Stage): Promise<Outcome>
}

const ROWS: readonly Row[] = [
  {
    what: 'an unknown peer key dials',
    code: 'PEER_UNKNOWN',
    says: /this peer identity is not configured here: hf1[a-z2-7]{52}; add its ID under `peers`/,
    run: stage =>
      atOffice(stage, 'PEER_UNKNOWN', () => shakeHands(stage.port, stage.mallory, stage.office.peerId as PeerId)),
  },
  {
    what: 'a peer with the wrong key answers',
    code: 'PEER_MISMATCH',
    says: /another identity answered at this endpoint: hf1[a-z2-7]{52}; check the endpoint and the peer ID/,
    run: ({ impostor, laptopCli }) => logged(laptopCli, 'PEER_MISMATCH', () => impostor.answer()),
  },
  {
    what: 'the key of an expired ticket dials',
    code: 'TICKET_EXPIRED',
    says: /the ticket has expired: hf1[a-z2-7]{52}; ask for a new one/,
    run: async ({ t, echo }) => {
      const { cli, ticket } = await serve(t, echo, '1s')
      await expiry(ticket)
      const identity = await identityFromSeed(ticket.seed)
      const { port } = ticket.endpoints[0]!
      return logged(cli, 'TICKET_EXPIRED', () => shakeHands(port, identity, peerIdText(ticket.serverHash)))
    },
  },
  {
    what: 'an expired ticket is pasted',
    code: 'TICKET_EXPIRED',
    says: /the ticket expired at 2001-09-09T01:46:40\.000Z: ask for a new one \(`holdfast serve` prints it\)/,
    run: async ({ t }) => command(t, ['connect', encodeTicket({ ...TICKET, expiresAt: 1_000_000_000 })], 2),
  },
  {
    what: 'a ticket with one letter changed is pasted',
    code: 'TICKET_INVALID',
    says: /the ticket is damaged or altered: copy it again, whole \(it begins with hft1\)/,
    run: async ({ t }) => {
      const word = encodeTicket(TICKET)
      return command(t, ['connect', `${word.slice(0, 50)}${word[50] === 'A' ? 'B' : 'A'}${word.slice(51)}`], 2)
    },
  },
  {
    what: 'a ticket with another seed, made whole again, dials',
    code: 'PEER_UNKNOWN',
    says: /this peer identity is not configured here/,
    run: async ({ t, echo }) => {
      const { cli, ticket } = await serve(t, echo, '1h')
      const forged = encodeTicket({ ...ticket, seed: new Uint8Array(32).fill(7) })
      const connected = runningCli(t, ['connect', forged, '127.0.0.1:0', '--log-format', 'json'])
      const outcome = await logged(cli, 'PEER_UNKNOWN', async () => undefined)
      await lineWith(connected, 'PEER_UNKNOWN', 0)
      return outcome
    },
  },
  {
    what: 'a sidecar of another protocol version dials',
    code: 'VERSION_UNSUPPORTED',
    says: /the peer does not offer the protocol version holdfast\/1; update the older side/,
    run: stage =>
      atOffice(stage, 'VERSION_UNSUPPORTED', async () =>
        throwBytes(stage.port, outerFrame(OUTER.CRYPTO, await clientHello(stage.mallory, ['holdfast/2']))),
      ),
  },
  {
    what: 'garbage comes',
    code: 'FRAME_MALFORMED',
    says: /frame type 0x[0-9a-f]+ is unknown: this is not a holdfast peer; check that a sidecar is at this endpoint/,
    run: stage =>
      atOffice(stage, 'FRAME_MALFORMED', () =>
        throwBytes(stage.port, [Uint8Array.of(0xff), new Random(1).bytes(100_000)]),
      ),
  },
  {
    what: 'a web browser comes',
    code: 'FRAME_MALFORMED',
    says: /frame type 0x47 is unknown/,
    run: stage =>
      atOffice(stage, 'FRAME_MALFORMED', () =>
        throwBytes(stage.port, [Buffer.from('GET / HTTP/1.1\r\nhost: office\r\n\r\n')]),
      ),
  },
  {
    what: 'a frame is cut short',
    code: 'FRAME_MALFORMED',
    says: /a frame of type 2 has 20 bytes, not 48/,
    run: stage =>
      atOffice(stage, 'FRAME_MALFORMED', () => throwBytes(stage.port, outerFrame(OUTER.RESUME, new Uint8Array(20)))),
  },
  {
    what: 'a frame never ends',
    code: 'HANDSHAKE_TIMEOUT',
    says: /the handshake did not finish in time; check the path/,
    run: stage =>
      atOffice(stage, 'HANDSHAKE_TIMEOUT', () =>
        throwBytes(stage.port, [outerHeader(OUTER.CRYPTO, 1_000), new Uint8Array(10)]),
      ),
  },
  {
    what: 'a frame is too large',
    code: 'FRAME_TOO_LARGE',
    says: /a frame of 16777215 bytes exceeds 131072; check that a sidecar is at this endpoint/,
    run: stage =>
      atOffice(stage, 'FRAME_TOO_LARGE', () => throwBytes(stage.port, [outerHeader(OUTER.RECORD, 0xff_ffff)])),
  },
  {
    what: 'a record comes before any handshake',
    code: 'PROTOCOL_VIOLATION',
    says: /a frame of type 5 came while waiting; update the other sidecar/,
    run: stage =>
      atOffice(stage, 'PROTOCOL_VIOLATION', () => throwBytes(stage.port, outerFrame(OUTER.RECORD, new Uint8Array(64)))),
  },
  {
    what: 'a handshake is longer than any',
    code: 'PROTOCOL_VIOLATION',
    says: /more than 32768 bytes in CRYPTO frames/,
    run: stage =>
      atOffice(stage, 'PROTOCOL_VIOLATION', () =>
        throwBytes(stage.port, outerFrame(OUTER.CRYPTO, new Uint8Array(LIMITS.cryptoBytesMax + 1))),
      ),
  },
  {
    what: 'a handle is guessed',
    code: 'HANDLE_UNKNOWN',
    says: /the resumption handle is unknown or spent/,
    run: stage =>
      atOffice(stage, 'HANDLE_UNKNOWN', () =>
        throwBytes(stage.port, outerFrame(OUTER.RESUME, new Random(2).bytes(48))),
      ),
  },
  {
    what: 'a RESUME with its whole first flight is replayed',
    code: 'HANDLE_UNKNOWN',
    says: /the resumption handle is unknown or spent/,
    run: async stage => {
      const flight = await recordedResume(stage)
      const before = await stage.office.status()
      const outcome = await atOffice(stage, 'HANDLE_UNKNOWN', () => throwBytes(stage.port, [flight]))
      const after = await stage.office.status()
      const seen = ({ peers: [peer] }: typeof after) => [peer!.epoch, peer!.paths.map(one => one.carrier)]
      stage.t.same(seen(after), seen(before), 'and the association is as it was')
      return outcome
    },
  },
  {
    what: 'a CLOSE comes that nobody has signed',
    code: 'GOODBYE',
    says: /the peer closed it: the other sidecar is shutting down/,
    run: stage =>
      logged(stage.officeCli, 'GOODBYE', () =>
        throwBytes(
          stage.port,
          outerFrame(OUTER.CLOSE, Uint8Array.of(wireOf('GOODBYE') >> 8, wireOf('GOODBYE') & 0xff)),
        ),
      ),
  },
  {
    what: 'a destination is not allowed',
    code: 'NOT_ALLOWED',
    says: /the far side does not allow this destination; add it to `allow` of this peer there/,
    run: async ({ t, laptop, laptopCli, officeCli }) => {
      const port = await laptop.forwardPort(1)
      const far = logged(officeCli, 'NOT_ALLOWED', async () => undefined)
      const near = await logged(laptopCli, 'NOT_ALLOWED', async () => {
        t.equal(await endOf(port), 'ECONNRESET', 'the application is reset')
        return undefined
      })
      t.match(near.told, '127.0.0.1:9')
      return far
    },
  },
  {
    what: 'a port is in use',
    code: 'ADDRESS_IN_USE',
    says: /cannot listen on tcp:\/\/127\.0\.0\.1:\d+: the port is taken; stop the other program or choose another port/,
    run: async ({ t, port }) => upOf(t, { listen: [`tcp://127.0.0.1:${port}`] }, 1),
  },
  {
    what: 'a second sidecar takes the socket of the first',
    code: 'SIDECAR_RUNNING',
    says: /a sidecar already answers on .*: stop it first, or set another admin\.socket/,
    run: async ({ t, office }) => command(t, ['up', '--config', office.configFile], 1),
  },
  {
    what: 'an identity file can be read by others',
    code: 'IDENTITY_EXPOSED',
    says: /others can read the identity .*identity\.pem \(mode 0644\): chmod 600 /,
    run: async ({ t }) => {
      const host = await CliHost.create(t)
      chmodSync(join(host.directory, 'identity.pem'), 0o644)
      host.configure({})
      return command(t, ['up', '--config', host.configFile], 2)
    },
  },
  {
    what: 'an identity file holds no key',
    code: 'IDENTITY_INVALID',
    says: /identity\.pem: the identity is not usable: it has no "PRIVATE KEY" block; make a new one with `holdfast init`/,
    run: async ({ t }) => {
      const host = await CliHost.create(t)
      writeFileSync(join(host.directory, 'identity.pem'), 'no key')
      host.configure({})
      return command(t, ['up', '--config', host.configFile], 2)
    },
  },
  {
    what: 'a configuration has ten faults',
    code: 'CONFIG_INVALID',
    says: /the configuration has 10 faults \(CONFIG_INVALID\):\n(?: {2}\S+\/holdfast\.yaml:\d+ [\w[\].]+: .*\n){10}$/,
    run: async ({ t }) => {
      const host = await CliHost.create(t)
      writeFileSync(host.configFile, TEN_FAULTS)
      const outcome = await command(t, ['up', '--config', host.configFile], 2)
      const lines = outcome.told.split('\n').slice(1, -1)
      t.same(
        lines.map(line => /:(\d+) (\S+):/.exec(line)?.slice(1, 3).join(' ')),
        [
          '1 lisen',
          '2 identity',
          '3 hold',
          '4 admin',
          '6 peers[0].name',
          '6 peers[0].id',
          '6 peers[0].nam',
          '7 forward[0].listen',
          '7 forward[0].to',
          '7 forward[0].peer',
        ],
        'each with its line and path',
      )
      t.match(lines[0], 'did you mean "listen"?')
      return outcome
    },
  },
]

const TEN_FAULTS = `lisen: []
identity: 7
hold: soon
admin: []
peers:
  - {nam: office, id: hf1}
forward: [{listen: here, peer: office, to: 'db:0'}]
`

const TICKET: Ticket = {
  seed: new Uint8Array(32),
  serverHash: new Uint8Array(32),
  expiresAt: 0xffff_ffff,
  endpoints: [{ scheme: 'tcp', host: '127.0.0.1', port: 1, path: '' }],
  services: [{ host: '127.0.0.1', port: 2 }],
}

t.test('bad input has a code and a sentence, and takes nothing from anybody else', async t => {
  const stage = await setStage(t)
  const bystander = await Bystander.start(await stage.laptop.forwardPort())
  t.teardown(() => bystander.destroy())
  await bystander.progress(PROGRESS_BYTES)
  const [session] = (await stage.laptop.status()).peers[0]!.sessions
  for (const { what, code, says, run } of ROWS) {
    await t.test(`${what}: ${code}`, async t => {
      const { answer, told } = await run({ ...stage, t })
      t.match(told, code, 'the code is told')
      t.match(told, says, 'and what to do')
      if (answer !== undefined) t.equal(answer, code, 'and answered')
      await bystander.progress(PROGRESS_BYTES)
      const sessions = (await stage.laptop.status()).peers[0]!.sessions.map(one => one.sessionId)
      t.same(sessions, [session!.sessionId], 'the bystander has its session')
    })
  }
  t.ok(await bystander.finish(), 'every byte of the bystander came back as it was sent')
  t.ok(bystander.longestStallMs < STALL_MS, `it never stalled: at most ${bystander.longestStallMs} ms`)
  t.equal(stage.echo.accepted, 1, 'over one connection')
  t.comment(`${bystander.receivedBytes} bytes, longest stall ${bystander.longestStallMs} ms`)
  for (const cli of [stage.officeCli, stage.laptopCli]) t.equal(await cli.stop(), 0, 'and both still end in order')
})

async function command(t: Test, args: readonly string[], exitCode: number): Promise<Outcome> {
  const { code, stdout, stderr } = await runCli(args)
  t.equal(code, exitCode)
  t.equal(stdout, '')
  return { told: stderr }
}

async function upOf(t: Test, config: Parameters<CliHost['configure']>[0], exitCode: number): Promise<Outcome> {
  const host = await CliHost.create(t)
  host.configure(config)
  return command(t, ['up', '--config', host.configFile], exitCode)
}

async function serve(t: Test, echo: EchoService, expires: string): Promise<{ cli: RunningCli; ticket: Ticket }> {
  const listen = ['--listen', 'tcp://127.0.0.1:0', '--log-format', 'json']
  const cli = runningCli(t, ['serve', `127.0.0.1:${echo.port}`, '--expires', expires, ...listen])
  return { cli, ticket: decodeTicket(await cli.line(), 0) }
}

async function expiry({ expiresAt }: Ticket): Promise<void> {
  while (Date.now() <= expiresAt * 1_000) await new Promise(resolve => setTimeout(resolve, 50))
}

/** How a connection to a local port ends. */
function endOf(port: number): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    socket.on('end', () => resolve('end'))
    socket.resume()
  })
}
