import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import net from 'node:net'
import t from 'tap'
import { inheritedSockets } from '../../src/capture/inherited.ts'
import { listenTransparent } from '../../src/capture/transparent.ts'
import { ApplicationSocket } from '../../src/platform/application-socket.ts'
import { canKeepSource, canMark } from '../../src/platform/own-socket.ts'
import { Recorder } from '../support/recorder.ts'

const notLinux = process.platform !== 'linux' && 'there is no transparent capture here'

async function freePort(): Promise<number> {
  const server = net.createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

t.test('whoever connects to the listener itself is reset', { skip: notLinux }, async t => {
  const port = await freePort()
  const options = { mode: 'redirect', port, families: [4], inherited: [] } as const
  const [capture] = await listenTransparent(options, () => t.fail('it was handed on, and would come back'))
  t.same(capture?.local, { host: '127.0.0.1', port })
  const client = net.connect(port, '127.0.0.1')
  const [error] = await once(client, 'error')
  t.equal(error.code, 'ECONNRESET')
  await capture?.close()
})

t.test('a port that is taken leaves nothing behind', { skip: notLinux }, async t => {
  const server = net.createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as net.AddressInfo
  const listening = listenTransparent({ mode: 'redirect', port, families: [4], inherited: [] }, () => {})
  await t.rejects(listening, { code: 'ADDRESS_IN_USE', message: `cannot listen on 127.0.0.1:${port}: it is taken` })
  server.close()
})

const mayNotBeTransparent = !canKeepSource() && 'transparent sockets need CAP_NET_ADMIN'

t.test(
  'where one family cannot be listened on, no descriptor of the other stays',
  { skip: mayNotBeTransparent },
  async t => {
    const server = net.createServer()
    await once(server.listen(0, '::1'), 'listening')
    const { port } = server.address() as net.AddressInfo
    // What is loaded at the first use may keep some.
    for (const _ of ['first', 'second']) {
      const before = readdirSync('/proc/self/fd').length
      const listening = listenTransparent({ mode: 'tproxy', port, families: [4, 6], inherited: [] }, () => {})
      await t.rejects(listening, {
        code: 'CAPTURE_UNAVAILABLE',
        message: `cannot listen transparently on [::1]:${port}: `,
      })
      const again = listenTransparent({ mode: 'tproxy', port, families: [6, 4], inherited: [] }, () => {})
      await t.rejects(again, { code: 'CAPTURE_UNAVAILABLE' })
      t.equal(readdirSync('/proc/self/fd').length, before)
    }
    server.close()
  },
)

t.test('inherited sockets are for the process that they were made for', async t => {
  t.same(inheritedSockets({ LISTEN_PID: '7', LISTEN_FDS: '2' }, 7), [3, 4])
  t.same(inheritedSockets({ LISTEN_PID: '8', LISTEN_FDS: '2' }, 7), [])
  for (const count of ['0', '-1', 'x', '1.5']) t.same(inheritedSockets({ LISTEN_PID: '7', LISTEN_FDS: count }, 7), [])
  t.same(inheritedSockets({}, 7), [])
})

const mayNotMark = !canMark(1) && 'marks need CAP_NET_ADMIN'

t.test('a marked socket connects, talks and fails like any other', { skip: mayNotMark }, async t => {
  const server = net.createServer(socket => socket.end('hello'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as net.AddressInfo
  const { signal } = new AbortController()
  const socket = await ApplicationSocket.connect({ host: '127.0.0.1', port }, { signal, mark: 1 })
  const recorder = new Recorder()
  socket.attach(recorder)
  await recorder.until(() => recorder.events.includes('end'))
  t.equal(recorder.receivedBytes, 5)
  socket.end()
  await recorder.closed()
  server.close()
  await once(server, 'close')
  const refused = ApplicationSocket.connect({ host: '127.0.0.1', port }, { signal, mark: 1 })
  await t.rejects(refused, { code: 'ECONNREFUSED' })
})
