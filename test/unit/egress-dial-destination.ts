import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { AllowList } from '../../src/egress/allow-list.ts'
import { type Destination, dialDestination } from '../../src/egress/dial-destination.ts'
import { PythonPeer, withoutPython } from '../support/python-peer.ts'
import { Recorder } from '../support/recorder.ts'

const signal = new AbortController().signal
const answers =
  (...addresses: string[]) =>
  async () =>
    addresses

/** A server on a free loopback port and the addresses it saw connections to. */
async function serve(t: Test): Promise<{ port: number; connections: string[] }> {
  const connections: string[] = []
  const server = net.createServer(socket => {
    connections.push(socket.localAddress!)
    socket.resume().on('error', () => undefined)
    t.teardown(() => socket.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, connections }
}

/** Ends a dialed destination and returns what it was. */
function remoteOf(answer: Destination | string): string {
  if (typeof answer === 'string') return answer
  answer.socket.attach(new Recorder())
  answer.socket.reset()
  return answer.remote
}

t.test('dials an allowed address, also written as an IPv4-mapped one', async t => {
  const { port } = await serve(t)
  const allow = new AllowList([`127.0.0.0/8:${port}`])
  for (const host of ['127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1'])
    t.equal(remoteOf(await dialDestination({ host, port }, allow, { signal })), `127.0.0.1:${port}`)
})

t.test('neither dials nor looks up what no rule can allow', async t => {
  const { port, connections } = await serve(t)
  const lookup = async (name: string) => {
    t.fail(`looked up ${name}`)
    return []
  }
  const dial = (host: string, ...rules: string[]) =>
    dialDestination({ host, port }, new AllowList(rules), { signal, lookup })
  t.equal(await dial('127.0.0.1'), 'NOT_ALLOWED')
  t.equal(await dial('127.0.0.1', `localhost:${port}`, `127.0.0.2:${port}`), 'NOT_ALLOWED')
  t.equal(await dial('localhost', 'other:*', `127.0.0.1:${port === 80 ? 81 : 80}`), 'NOT_ALLOWED')
  t.equal(await dial('127.1', '127.0.0.1:*'), 'NAME_NOT_FOUND', 'no short forms of addresses')
  t.same(connections, [])
})

t.test('dials what an allowed name resolves to, in order, with one lookup', async t => {
  const { port } = await serve(t)
  let lookups = 0
  const lookup = async (name: string) => {
    lookups++
    t.equal(name, 'Db.internal')
    return ['127.0.0.2', '127.0.0.1']
  }
  const allow = new AllowList([`db.internal:${port}`])
  const answer = await dialDestination({ host: 'Db.internal', port }, allow, { signal, lookup })
  t.equal(remoteOf(answer), `127.0.0.1:${port}`, '127.0.0.2 refuses')
  t.equal(lookups, 1)
})

t.test('dials of an unnamed name only the addresses that a rule holds', async t => {
  const { port, connections } = await serve(t)
  const allow = new AllowList([`127.0.0.2:${port}`])
  const to = { host: 'db.internal', port }
  t.equal(await dialDestination(to, allow, { signal, lookup: answers('127.0.0.1') }), 'NOT_ALLOWED')
  t.equal(await dialDestination(to, allow, { signal, lookup: answers('127.0.0.1', '127.0.0.2') }), 'REFUSED')
  t.same(connections, [], '127.0.0.1 was never dialed')
})

t.test('finds localhost by the system lookup', async t => {
  const { port } = await serve(t)
  const answer = await dialDestination({ host: 'localhost', port }, new AllowList([`127.0.0.1:${port}`]), { signal })
  t.equal(remoteOf(answer), `127.0.0.1:${port}`)
})

t.test('tells a failed, an empty and a late lookup', async t => {
  const to = { host: 'db.internal', port: 80 }
  const allow = new AllowList(['db.internal:80'])
  const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }))
  t.equal(await dialDestination(to, allow, { signal, lookup: failing('ENOTFOUND') }), 'NAME_NOT_FOUND')
  t.equal(await dialDestination(to, allow, { signal, lookup: failing('TIMED_OUT') }), 'TIMED_OUT')
  t.equal(await dialDestination(to, allow, { signal, lookup: answers() }), 'NAME_NOT_FOUND')
  const never = () => new Promise<string[]>(() => undefined)
  t.equal(await dialDestination(to, allow, { signal, lookup: never, resolveMs: 5 }), 'TIMED_OUT')
})

t.test('tells refused, unreachable and timed out apart', { skip: withoutPython }, async t => {
  const { port } = await serve(t)
  const dial = (host: string, connectMs = 1_000) =>
    dialDestination({ host, port }, new AllowList(['0.0.0.0/0:*']), { signal, connectMs })
  t.equal(await dial('127.0.0.2'), 'REFUSED')
  t.equal(await dial('255.255.255.255'), 'UNREACHABLE')
  t.equal(await dial(await fullListener(t, port), 50), 'TIMED_OUT')
})

t.test('gives an address that swallows packets only its share of the time', { skip: withoutPython }, async t => {
  const { port } = await serve(t)
  const full = await fullListener(t, port)
  const allow = new AllowList([`db:${port}`])
  const lookup = answers(full, '127.0.0.1')
  const answer = await dialDestination({ host: 'db', port }, allow, { signal, lookup, connectMs: 400 })
  t.equal(remoteOf(answer), `127.0.0.1:${port}`)
})

/** An address where `port` accepts nothing more: its queue is full, so the kernel drops SYNs. */
async function fullListener(t: Test, port: number): Promise<string> {
  const peer = new PythonPeer(
    `
server = socket.socket(); server.bind(('127.0.0.3', int(sys.argv[1]))); server.listen(0)
queued = []
for _ in range(4):
    s = socket.socket(); s.setblocking(False); s.connect_ex(server.getsockname()); queued.append(s)
say('full'); ask()`,
    port,
  )
  t.teardown(() => peer.kill())
  await peer.heard()
  return '127.0.0.3'
}

t.test('ends with APPLICATION_RESET when aborted, whenever that is', async t => {
  const { port } = await serve(t)
  const allow = new AllowList([`db:${port}`])
  const to = { host: 'db', port }
  t.equal(
    await dialDestination(to, allow, { signal: AbortSignal.abort(), lookup: answers('127.0.0.1') }),
    'APPLICATION_RESET',
  )
  const during = new AbortController()
  const lookup = async () => {
    queueMicrotask(() => during.abort())
    return ['127.0.0.1', '127.0.0.1']
  }
  t.equal(await dialDestination(to, allow, { signal: during.signal, lookup }), 'APPLICATION_RESET')
  const dialing = new AbortController()
  const answer = dialDestination({ host: '127.0.0.1', port }, new AllowList([`127.0.0.1:${port}`]), dialing)
  setImmediate(() => dialing.abort())
  const ended = await answer
  t.ok(ended === 'APPLICATION_RESET' || remoteOf(ended) === `127.0.0.1:${port}`, 'connected before, or not at all')
})

t.test('tells a destination who calls before anything else, if the rule that matched says so', async t => {
  const received: string[] = []
  const server = net.createServer({ allowHalfOpen: true }, socket => {
    let text = ''
    socket.setEncoding('latin1').on('data', chunk => (text += chunk))
    socket.on('end', () => socket.end(`${received.push(text)}`))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const caller = { client: '203.0.113.7:5000', sessionId: new Uint8Array(16).fill(0x61) }
  const allow = new AllowList([
    '127.0.0.0/8:*',
    { to: `127.0.0.1:${port}`, proxyProtocol: 'v1' },
    { to: 'db.internal:*', proxyProtocol: 'v2' },
    `other.internal:${port}`,
  ])
  const v1 = `PROXY TCP4 203.0.113.7 127.0.0.1 5000 ${port}\r\n`
  for (const [host, start] of [
    ['127.0.0.1', v1],
    ['unnamed.internal', v1],
    ['db.internal', '\r\n\r\n\0\r\nQUIT\n!\x11\0\x1f'],
    ['other.internal', 'GET'],
  ] as const) {
    const options = { signal, caller, lookup: answers('127.0.0.1') }
    const { socket } = (await dialDestination({ host, port }, allow, options)) as Destination
    const recorder = new Recorder()
    socket.attach(recorder)
    socket.write([Buffer.from('GET')])
    socket.end()
    await recorder.closed()
    t.equal(recorder.consumedBytes, 3, 'the header is nobody’s byte')
    t.ok(received.at(-1)?.startsWith(start), `${host}: ${JSON.stringify(received.at(-1))}`)
    t.ok(received.at(-1)?.endsWith('GET'))
  }
})

t.test('a destination that is to see the client is not dialed with another source', async t => {
  const { port, connections } = await serve(t)
  const clients = ['192.0.2.0/24', 'fd79::/16']
  const allow = new AllowList(
    ['127.0.0.1', '[::1]', 'db.internal'].map(host => ({ to: `${host}:${port}`, source: 'preserve', clients })),
  )
  const explained: string[] = []
  const dial = (host: string, client?: string) => {
    const caller = client === undefined ? {} : { caller: { client, sessionId: new Uint8Array(16) } }
    const options = {
      signal,
      connectMs: 50,
      lookup: answers('::1', '127.0.0.1'),
      explain: (why: string) => explained.push(why),
    }
    return dialDestination({ host, port }, allow, { ...options, ...caller })
  }
  for (const [host, client, why] of [
    ['127.0.0.1', undefined, 'the peer does not say at which address the client is'],
    ['127.0.0.1', 'x\r\ny:80', 'the peer does not say at which address the client is'],
    ['127.0.0.1', '198.51.100.1:80', 'no `clients` of the rule hold the client’s address 198.51.100.1'],
    ['127.0.0.1', '127.0.0.9:80', 'the client’s address 127.0.0.9 means something else on this host'],
    ['::1', '192.0.2.7:80', 'the client’s address 192.0.2.7 is IPv4, and the destination ::1 is not'],
  ] as const) {
    t.equal(await dial(host, client), 'SOURCE_REFUSED')
    t.equal(explained.pop(), why)
  }
  t.not(await dial('db.internal', '192.0.2.7:80'), 'SOURCE_REFUSED', 'of a name, what is of its family is dialed')
  t.same(explained, ['the client’s address 192.0.2.7 is IPv4, and the destination ::1 is not'])
  t.same(connections, [], 'without rules, or without privileges, no answer comes back')
})
