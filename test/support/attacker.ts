/** Somebody who reaches a sidecar's port: with any bytes, or with a key of his own. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { type Code, codeOf, type WireCode } from '../../src/base/codes.ts'
import { SecureChannel } from '../../src/secure/channel.ts'
import type { ChannelHandlers } from '../../src/secure/channel-options.ts'
import type { Identity, PeerId } from '../../src/secure/identity.ts'
import { Keyring } from '../../src/secure/keyring.ts'
import { concatBytes, getUint } from '../../src/wire/bytes.ts'
import { OUTER, OuterFrameParser } from '../../src/wire/outer-frame.ts'
import type { Teardown } from './cli-host.ts'

/** Sends bytes to a local port. @returns the code of the CLOSE that came back, if one came before the end */
export async function throwBytes(
  port: number,
  bytes: readonly Uint8Array[],
  { isEnded = false, from = '127.0.0.1' } = {},
): Promise<Code | undefined> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from }).on('error', () => {})
  socket.write(concatBytes(bytes))
  if (isEnded) socket.end()
  const parser = new OuterFrameParser()
  let code: Code | undefined
  socket.on('data', chunk =>
    parser.push(chunk, ({ type, body }) => {
      if (type === OUTER.CLOSE) code = codeOf(getUint(concatBytes(body), 0, 2))
    }),
  )
  await once(socket, 'close')
  return code
}

/** A full handshake with a local port, as the sidecar that `identity` belongs to would make it. @returns why it was closed */
export function shakeHands(port: number, identity: Identity, expectedPeerId: PeerId): Promise<WireCode> {
  return closedBy(connect(port, '127.0.0.1'), handlers =>
    SecureChannel.dial({ identity, keyring: new Keyring<object>(), expectedPeerId, resume: undefined }, handlers),
  )
}

export interface Impostor {
  readonly port: number
  /** Why the next connection to it was closed; until this is called, it refuses all. */
  answer(): Promise<WireCode>
}

/** Answers as a sidecar with a key of its own. */
export async function startImpostor(t: Teardown, identity: Identity): Promise<Impostor> {
  let answered: ((code: Promise<WireCode>) => void) | undefined
  const server = createServer(socket => {
    if (answered === undefined) return void socket.destroy()
    const gate = { identity, keyring: new Keyring<object>(), admit: () => true as const }
    answered(closedBy(socket, handlers => SecureChannel.accept(gate, handlers)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return {
    port: (server.address() as AddressInfo).port,
    answer: () =>
      new Promise<WireCode>(resolve => {
        answered = resolve
      }),
  }
}

/** The first flight of a TLS client that offers other protocols than ours. */
export function clientHello(identity: Identity, protocols: readonly string[]): Promise<Uint8Array> {
  return new Promise(resolve => {
    const pipe = new Duplex({ read: () => {}, write: bytes => resolve(bytes) })
    const { secureContext } = identity
    connectTls({ socket: pipe, secureContext, ALPNProtocols: [...protocols], rejectUnauthorized: false })
  })
}

function closedBy(socket: Socket, channelOf: (handlers: ChannelHandlers) => SecureChannel<object>): Promise<WireCode> {
  return new Promise((resolve, reject) => {
    const channel = channelOf({
      onSend: parts => void socket.write(concatBytes(parts)),
      onRecord: () => {},
      onReady: () => {},
      onConfirmed: () => {},
      onClosed: code => {
        socket.end()
        resolve(code)
      },
    })
    const parser = new OuterFrameParser()
    socket.on('data', chunk => parser.push(chunk, frame => channel.handleFrame(frame)))
    socket.once('connect', () => channel.start())
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the connection ended without a CLOSE')))
  })
}
