import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { createInterface } from 'node:readline'
import t from 'tap'
import { listenForward } from '../../src/capture/forward.ts'
import type { ApplicationSocket } from '../../src/platform/application-socket.ts'
import { Recorder } from '../support/recorder.ts'

const loopback = { host: '127.0.0.1', port: 0 }

/** The next connection that a forward hands out. */
function nextConnection(): {
  onConnection: (socket: ApplicationSocket) => void
  connection: Promise<ApplicationSocket>
} {
  let onConnection: (socket: ApplicationSocket) => void = () => undefined
  const connection = new Promise<ApplicationSocket>(resolve => {
    onConnection = resolve
  })
  return { onConnection, connection }
}

t.test('hands out what connects, and tells the real port', async t => {
  const { onConnection, connection } = nextConnection()
  const forward = await listenForward({ listen: loopback }, onConnection)
  t.equal(forward.local.host, '127.0.0.1')
  const client = net.connect(forward.local.port, '127.0.0.1')
  const socket = await connection
  t.equal(socket.local.port, forward.local.port)
  t.equal(socket.remote.port, client.localPort)
  const recorder = new Recorder()
  socket.attach(recorder)
  client.end('hello')
  await recorder.until(() => recorder.events.includes('end'))
  t.equal(recorder.receivedBytes, 5)
  socket.write([Buffer.from('world')])
  socket.end()
  const [answer] = await once(client, 'data')
  t.equal(String(answer), 'world')
  await recorder.closed()
  await forward.close()
})

t.test('close frees the port at once and leaves connections alone', async t => {
  const { onConnection, connection } = nextConnection()
  const forward = await listenForward({ listen: loopback }, onConnection)
  const client = net.connect(forward.local.port, '127.0.0.1')
  const socket = await connection
  await forward.close()
  await forward.close()
  const again = await listenForward({ listen: forward.local }, () => undefined)
  await again.close()
  socket.write([Buffer.from('still here')])
  const [bytes] = await once(client, 'data')
  t.equal(String(bytes), 'still here')
  const closed = new Promise(resolve => client.on('error', () => undefined).once('close', resolve))
  socket.reset()
  await closed
})

t.test('names the address that cannot be listened on', async t => {
  const forward = await listenForward({ listen: loopback }, () => undefined)
  const taken = listenForward({ listen: forward.local }, () => undefined)
  const message = `cannot listen on 127.0.0.1:${forward.local.port}: it is taken; stop the other program or choose another port`
  await t.rejects(taken, { name: 'OperatorError', code: 'ADDRESS_IN_USE', message, cause: { code: 'EADDRINUSE' } })
  await forward.close()
  const absent = listenForward({ listen: { host: '192.0.2.1', port: 0 } }, () => undefined)
  await t.rejects(absent, { code: 'ADDRESS_UNAVAILABLE', message: /^cannot listen on 192\.0\.2\.1:0: / })
  const unusable = listenForward({ listen: { host: 'fe80::1', port: 0 } }, () => undefined)
  await t.rejects(unusable, {
    code: 'ADDRESS_UNAVAILABLE',
    message: /^cannot listen on \[fe80::1\]:0: nobody can listen there; .* a link-local one with its link/,
  })
})

const withoutLimit = process.platform === 'win32' && 'file descriptors cannot be limited here'

t.test('outlives running out of file descriptors', { skip: withoutLimit }, async t => {
  const from = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  const program = `
    import { listenForward } from ${from('../../src/capture/forward.js')}
    import { Recorder } from ${from('../support/recorder.js')}
    const forward = await listenForward({ listen: { host: '127.0.0.1', port: 0 } }, socket => {
      const recorder = new Recorder()
      recorder.onEnd = () => socket.end()
      socket.attach(recorder)
      socket.write([Buffer.from('here')])
    })
    console.log(forward.local.port)
  `
  const { NODE_OPTIONS: _, ...env } = process.env
  const node = ['-c', 'ulimit -n 48; exec "$0" "$@"', process.execPath, '--input-type=module', '-e', program]
  const child = spawn('sh', node, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const { value: port } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  // More than it can accept: some are greeted, and some are closed without a word.
  const clients = Array.from({ length: 60 }, () => net.connect(Number(port), '127.0.0.1'))
  const fates = await Promise.all(clients.map(fate))
  t.ok(fates.includes('greeted') && fates.includes('closed'), 'the limit was reached')
  for (const client of clients) client.destroy()
  let isGreeted = false
  while (!isGreeted) {
    const client = net.connect(Number(port), '127.0.0.1')
    isGreeted = (await fate(client)) === 'greeted'
    client.destroy()
  }
  t.equal(child.exitCode, null)
})

function fate(client: net.Socket): Promise<'greeted' | 'closed'> {
  return new Promise(resolve => {
    client.on('error', () => undefined)
    client.once('data', () => resolve('greeted')).once('close', () => resolve('closed'))
  })
}
