import { once } from 'node:events'
import net from 'node:net'
import t, { type Test } from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import type { CapturedConnection } from '../../src/capture/capture.ts'
import { authorizeOnly } from '../../src/capture/credentials.ts'
import { listenProxy, type ProxyOptions } from '../../src/capture/proxy.ts'
import { hex } from '../support/dialogues.ts'
import { Recorder } from '../support/recorder.ts'

const SOCKS = hex('050100 050100 01 c0000201 1538')
const HTTP = Buffer.from('CONNECT 192.0.2.1:5432 HTTP/1.1\r\n\r\n')
const TO = { host: '192.0.2.1', port: 5432 }
const CONNECTED = '05000001000000000000'
const HTTP_CONNECTED = 'HTTP/1.1 200 Connection established\r\n\r\n'

async function proxy(t: Test, more: Partial<ProxyOptions> = {}) {
  const refusals: string[] = []
  const captured: CapturedConnection[] = []
  const waiting: ((connection: CapturedConnection) => void)[] = []
  const capture = await listenProxy(
    {
      listen: { host: '127.0.0.1', port: 0 },
      isOptimistic: false,
      authorize: undefined,
      pac: place => `pac of ${place}`,
      onRefused: (fault, why) => refusals.push(`${fault}: ${why}`),
      ...more,
    },
    connection => {
      captured.push(connection)
      waiting.shift()?.(connection)
    },
  )
  t.teardown(() => capture.close())
  const { port } = capture.local
  const connect = (from = '127.0.0.1') => {
    const client = new Client(port, from)
    t.teardown(() => client.socket.destroy())
    return client
  }
  const next = () => new Promise<CapturedConnection>(resolve => waiting.push(resolve))
  return { capture, connect, next, refusals, captured }
}

class Client {
  readonly socket: net.Socket
  #heard = Buffer.alloc(0)

  constructor(port: number, localAddress: string) {
    this.socket = net.connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true })
    this.socket.on('error', () => {})
    this.socket.on('data', chunk => {
      this.#heard = Buffer.concat([this.#heard, chunk])
    })
  }

  /** In hex where it is SOCKS. */
  get heard(): string {
    return this.#heard[0] === 0x05 ? this.#heard.toString('hex') : this.#heard.toString()
  }

  write(words: Uint8Array | string): void {
    this.socket.write(words)
  }

  async until(words: string): Promise<void> {
    while (this.heard !== words) await once(this.socket, 'data')
  }

  /** All that was heard until the end, and whether that was an orderly one: a write still succeeds then, whatever Node says. */
  async end(): Promise<string> {
    const { socket } = this
    let isOrderly = false
    socket.once('end', () => {
      isOrderly = socket.writableEnded
      if (isOrderly) return
      socket.end('.', (error?: Error) => {
        isOrderly = !error
      })
    })
    await new Promise(resolve => socket.once('close', resolve))
    return `${this.heard}${isOrderly ? '' : ' RST'}`
  }
}

t.test('one port speaks both; the answer waits, and what was sent early is read by the receiver', async t => {
  const { connect, next } = await proxy(t)
  for (const [words, greeting] of [
    [SOCKS, '0500'],
    [HTTP, ''],
  ] as const) {
    const client = connect()
    client.write(Buffer.concat([words, Buffer.from('early')]))
    const connection = await next()
    t.same(connection.to, TO)
    const recorder = new Recorder()
    connection.socket.attach(recorder)
    await recorder.until(() => recorder.receivedBytes === 5)
    client.write('late')
    await recorder.until(() => recorder.receivedBytes === 9)
    await client.until(greeting)
    connection.answer!(undefined, '')
    connection.socket.write([Buffer.from('hello')])
    connection.socket.end()
    await recorder.until(() => recorder.consumedBytes > 4)
    t.equal(recorder.consumedBytes, 5, 'what the proxy says is none of the session, whose credit is counted')
    t.equal(await client.end(), words === SOCKS ? `${greeting}${CONNECTED}68656c6c6f` : `${HTTP_CONNECTED}hello`)
    await recorder.closed()
  }
})

t.test('a failure is answered with its reason, and ends in order, also when bytes were sent early', async t => {
  const { connect, next, refusals } = await proxy(t)
  for (const [words, expected] of [
    [SOCKS, /^050005050001000000000000$/],
    [HTTP, /^HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*\(REFUSED\)\n$/],
  ] as const) {
    for (const isAttached of [false, true]) {
      const client = connect()
      client.write(Buffer.concat([words, Buffer.alloc(100_000)]))
      const { socket, answer } = await next()
      if (isAttached) socket.attach(new Recorder())
      answer!('REFUSED', '')
      t.match(await client.end(), expected)
    }
  }
  t.same(refusals, [], 'those are no refusals of the proxy')
})

t.test('an optimistic proxy says at once that it is connected', async t => {
  const { connect, next } = await proxy(t, { isOptimistic: true })
  const client = connect()
  client.write(SOCKS)
  const { socket, answer } = await next()
  t.equal(answer, undefined)
  socket.reset()
  t.equal(await client.end(), `0500${CONNECTED} RST`)
})

t.test('what it does not take is refused with the reply of its protocol, counted, and ends in order', async t => {
  const { connect, refusals, captured } = await proxy(t, { authorize: authorizeOnly('a', 'b') })
  const rows: [Uint8Array, RegExp, string][] = [
    [hex('050100'), /^05ff$/, 'unauthorized: it offers no user and password'],
    [hex('050102 01 01 61 01 63'), /^05020101$/, 'unauthorized: wrong user or password'],
    [hex('050102 01 01 61 01 62 05030001 00000000 0001'), /^0502010005070001/, 'unsupported: SOCKS command 3'],
    [HTTP, /^HTTP\/1\.1 407 /, 'unauthorized: no user and password'],
    [Buffer.from('GET http://a/ HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 501 /, 'unsupported: this proxy only tunnels'],
    [Buffer.from('hello\n'), /^HTTP\/1\.1 400 /, 'malformed: a line does not end with CR LF'],
    [hex('0401 0050 7f000001 00'), /^$/, 'foreign: it speaks SOCKS4'],
    [hex('16030100'), /^$/, 'foreign: it speaks TLS to the proxy itself: write http:// before its address'],
    [hex('00'), /^$/, 'foreign: it begins with byte 0x00: neither SOCKS5 nor HTTP'],
  ]
  for (const [words, reply, refusal] of rows) {
    const client = connect()
    client.write(words)
    t.match(await client.end(), reply, refusal)
    t.match(refusals.at(-1), refusal)
  }
  t.same([captured.length, refusals.length], [0, rows.length])
})

t.test('serves /proxy.pac', async t => {
  const { connect, refusals } = await proxy(t)
  const client = connect()
  client.write('GET /proxy.pac HTTP/1.1\r\nHost: 127.0.0.1:1080\r\n\r\n')
  t.match(await client.end(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\npac of 127\.0\.0\.1:1080\n$/)
  t.same(refusals, [])
})

t.test('a program that goes before it has asked is no fault; one that is too slow is reset', async t => {
  const patient = await proxy(t)
  const client = patient.connect()
  client.socket.end(SOCKS.subarray(0, 7))
  t.equal(await client.end(), '0500')
  t.same(patient.refusals, [])
  const { connect, refusals } = await proxy(t, { greetingMs: 1 })
  const slow = connect()
  slow.write(SOCKS.subarray(0, 7))
  t.match(await slow.end(), / RST$/)
  t.same(refusals, ['late: no whole request within 1 ms'])
})

t.test('a program that was refused and does not end is reset', async t => {
  const { connect } = await proxy(t, { lingerMs: 1 })
  const client = connect()
  client.write(hex('050102'))
  await once(client.socket, 'end')
  // It may be told as an error or not; writing fails in the end.
  while (!client.socket.destroyed) {
    client.write('still here')
    await new Promise(resolve => setImmediate(resolve))
  }
  t.pass('it was reset')
})

t.test('so many may be greeting at once; more are reset, and room comes back', async t => {
  const { connect, refusals, next } = await proxy(t)
  const clients = Array.from({ length: LIMITS.proxyGreetingsMax }, () => connect())
  await Promise.all(clients.map(client => once(client.socket, 'connect')))
  t.equal(await connect().end(), ' RST')
  t.same(refusals, ['overloaded: too many connections have not asked yet'])
  clients[0]!.write(SOCKS)
  await next()
  const late = connect()
  late.write(SOCKS)
  t.match(await next(), { to: TO })
  t.equal(refusals.length, 1)
})

const oneAddress = process.platform !== 'linux' && 'there is one loopback address here'

t.test(
  'one stranger cannot hold the places of others; one that has asked gives its place back',
  { skip: oneAddress },
  async t => {
    const { connect, refusals, next } = await proxy(t, { isHere: address => address === '127.0.0.3' })
    const strangers = Array.from({ length: LIMITS.proxyGreetingsPerAddressMax }, () => connect())
    await Promise.all(strangers.map(client => once(client.socket, 'connect')))
    t.equal(await connect().end(), ' RST')
    t.same(refusals, ['overloaded: too many connections have not asked yet'])
    for (const other of ['127.0.0.2', '127.0.0.3']) {
      connect(other).write(SOCKS)
      t.match(await next(), { to: TO })
    }
    strangers[0]!.write(SOCKS)
    await next()
    connect().write(SOCKS)
    t.match(await next(), { to: TO })
    t.equal(refusals.length, 1)
  },
)

t.test('close cuts those that are greeting, and leaves the captured alone', async t => {
  const { capture, connect, next } = await proxy(t)
  const [greeting, captured] = [connect(), connect()]
  greeting.write(SOCKS.subarray(0, 3))
  await greeting.until('0500')
  captured.write(SOCKS)
  const { socket, answer } = await next()
  await capture.close()
  t.equal(await greeting.end(), '0500 RST')
  answer!(undefined, '')
  socket.attach(new Recorder())
  socket.end()
  t.equal(await captured.end(), `0500${CONNECTED}`)
})
