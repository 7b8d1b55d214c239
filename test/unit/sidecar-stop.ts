import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { parseEndpoint } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { flushPromises } from '../support/manual-clock.ts'
import { ANY_PORT, SidecarHost } from '../support/sidecar-host.ts'

const CHUNK = Buffer.alloc(65_536, 'holdfast')

/** A destination that sends without end, to whoever connects. */
async function startSource(t: Test): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    sockets.push(socket.on('error', () => {}).resume())
    pour(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, sockets }
}

function pour(socket: Socket): void {
  const write = () => {
    while (!socket.destroyed && socket.write(CHUNK));
  }
  socket.on('drain', write)
  write()
}

/** Near has a forward to a source behind far, and an application reads from it. */
async function busyPair(t: Test) {
  const [near, far] = [await SidecarHost.create(), await SidecarHost.create()]
  const source = await startSource(t)
  const { listening } = await far.start(t, {
    listen: ANY_PORT,
    peers: [near.peer({ allow: [`127.0.0.1:${source.port}`] })],
  })
  const { forwards } = await near.start(t, {
    peers: [far.peer({ endpoints: [parseEndpoint(listening[0]!)!] })],
    forward: [{ listen: { host: '127.0.0.1', port: 0 }, peer: 'other', to: { host: '127.0.0.1', port: source.port } }],
  })
  const port = Number(forwards[0]!.listen.split(':').at(-1))
  const application = connect(port, '127.0.0.1').on('error', () => {})
  t.teardown(() => application.destroy())
  await new Promise<void>(resolve => {
    application.on('data', () => application.bytesRead > 20 * CHUNK.length && resolve())
  })
  return { near, far, application, source }
}

t.test('nothing of a sidecar is left after its stop: no socket, no timer', async t => {
  const before = resources()
  const { near, far, application, source } = await busyPair(t)
  t.strictNotSame(resources(), before)
  const begin = performance.now()
  await Promise.all([near.sidecar.stop(), far.sidecar.stop()])
  t.ok(performance.now() - begin < LIMITS.shutdownMs)
  await Promise.all([application, ...source.sockets].map(closed))
  // The handle of the last one to close is freed after that is told. The source listens on.
  await flushPromises()
  t.same(resources(), [...before, 'TCPServerWrap'].sort())
})

t.test('who stops under load has told the peer, whose sessions end at once', async t => {
  const { near, far, application, source } = await busyPair(t)
  t.equal(far.sidecar.status().peers[0]?.sessions.length, 1)
  const ended = Promise.all([application, ...source.sockets].map(closed))
  await near.sidecar.stop()
  t.same(far.sidecar.status().peers[0]?.sessions, [])
  t.same(near.sidecar.status().peers[0]?.paths, [])
  await ended
})

t.test('a stop while it starts leaves nothing that listens', async t => {
  const host = await SidecarHost.create()
  const proxy = [{ listen: { host: '127.0.0.1', port: 0 }, optimistic: false }]
  const starting = host.start(t, { listen: ANY_PORT, proxy })
  await host.sidecar.stop()
  const { listening, proxies } = await starting
  t.same([listening, proxies], [[], []])
})

t.test('a handshake that is under way is given up by a stop', async t => {
  const near = await SidecarHost.create()
  const silent = createServer(socket => void socket.on('error', () => {}).resume())
  await once(silent.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => silent.close())
  const { port } = silent.address() as AddressInfo
  const accepted = once(silent, 'connection')
  const endpoints = [parseEndpoint(`tcp://127.0.0.1:${port}`)!]
  const sidecar = await near.start(t, { peers: [(await SidecarHost.create()).peer({ endpoints })] })
  const [socket] = (await accepted) as [Socket]
  await once(socket, 'data')
  await sidecar.stop()
  await closed(socket)
})

/** Also by a reset. */
function closed(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}

/** What keeps this process alive, but for what belongs to the test runner. */
function resources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter(name => !/Pipe|TTY|FSReq|CloseReq|Immediate/.test(name))
    .sort()
}
