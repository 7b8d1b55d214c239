import net from 'node:net'
import t, { type Test } from 'tap'
import { formatHostPort } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { listenForward } from '../../src/capture/forward.ts'
import { ProxySources } from '../../src/capture/proxy-sources.ts'
import type { ApplicationSocket } from '../../src/platform/application-socket.ts'
import { PythonPeer, withoutPython } from '../support/python-peer.ts'
import { Recorder } from '../support/recorder.ts'

const V1 = 'PROXY TCP4 203.0.113.7 127.0.0.1 5000 80\r\n'

/** What a forward handed out, and what came on it. */
class Handed extends Recorder {
  readonly client: string | undefined
  text = ''

  constructor(socket: ApplicationSocket, client: string | undefined) {
    super()
    this.client = client
    socket.attach(this)
  }

  override onData(chunk: Uint8Array): void {
    this.text += Buffer.from(chunk).toString('latin1')
    super.onData(chunk)
  }
}

/** A forward on 127.0.0.1 with these sources. */
class Stage {
  readonly handed: Handed[] = []
  readonly faults: { code: string; detail: string; from: string }[] = []
  readonly sources: ProxySources
  port = 0
  #woken: (() => void)[] = []
  readonly #t: Test

  constructor(t: Test, from: readonly string[], headerMs?: number) {
    this.#t = t
    const onFault = (code: string, detail: string, source: { host: string; port: number }) => {
      this.faults.push({ code, detail, from: formatHostPort(source) })
      this.#wake()
    }
    this.sources = new ProxySources({ from, onFault, ...(headerMs === undefined ? {} : { headerMs }) })
  }

  async listen(): Promise<this> {
    const options = { listen: { host: '127.0.0.1', port: 0 }, proxySources: this.sources }
    const forward = await listenForward(options, (socket, client) => {
      this.handed.push(new Handed(socket, client))
      this.#wake()
    })
    this.port = forward.local.port
    this.#t.teardown(() => forward.close())
    return this
  }

  connect(): net.Socket {
    const socket = net.connect({ port: this.port, host: '127.0.0.1', noDelay: true }).on('error', () => undefined)
    this.#t.teardown(() => socket.destroy())
    return socket
  }

  async until(isMet: () => boolean): Promise<void> {
    while (!isMet()) await new Promise<void>(resolve => this.#woken.push(resolve))
  }

  #wake(): void {
    for (const resolve of this.#woken.splice(0)) resolve()
  }
}

t.test('a listed source says who the client is, and what follows its header is the application’s', async t => {
  const stage = await new Stage(t, ['10.0.0.0/8', '127.0.0.0/30']).listen()
  const v2 =
    '0d0a0d0a000d0a515549540a 21 21 0024 20010db8000000000000000000000007 00000000000000000000000000000001 0001 ffff'
  const headers: [Buffer, string | undefined][] = [
    [Buffer.from(V1), '203.0.113.7:5000'],
    [Buffer.from(v2.replaceAll(' ', ''), 'hex'), '[2001:db8::7]:1'],
    [Buffer.from('PROXY UNKNOWN\r\n'), undefined],
    [Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'), undefined],
  ]
  for (const [i, [header, client]] of headers.entries()) {
    stage.connect().end(Buffer.concat([header, Buffer.from(V1), Buffer.from('GET')]))
    await stage.until(() => stage.handed.length > i)
    const handed = stage.handed[i]!
    t.equal(handed.client, client)
    await handed.until(() => handed.events.includes('end'))
    t.equal(handed.text, `${V1}GET`, 'only the first header is one')
  }
  t.same(stage.faults, [])
})

t.test('a header and bytes that come one by one are put together', { skip: withoutPython }, async t => {
  const stage = await new Stage(t, ['127.0.0.1']).listen()
  const script = `
s = dial(int(sys.argv[1])); s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for byte in b'${V1.replace('\r\n', '\\r\\n')}GET': s.sendall(bytes([byte]))
s.shutdown(1); say('sent'); ask()`
  const peer = new PythonPeer(script, stage.port)
  t.teardown(() => peer.kill())
  await stage.until(() => stage.handed.length > 0)
  const [handed] = stage.handed
  await handed!.until(() => handed!.events.includes('end'))
  t.same([handed!.client, handed!.text], ['203.0.113.7:5000', 'GET'])
})

t.test('a header from a source that is not listed is not one: every byte passes', async t => {
  const stage = await new Stage(t, ['10.0.0.0/8', '127.0.0.2', '::1', '::/0']).listen()
  stage.connect().end(`${V1}GET`)
  await stage.until(() => stage.handed.length > 0)
  const [handed] = stage.handed
  await handed!.until(() => handed!.events.includes('end'))
  t.same([handed!.client, handed!.text], [undefined, `${V1}GET`])
})

t.test('without a header in time, whole and well formed, a listed source is reset, and why is told once', async t => {
  const stages = [await new Stage(t, ['127.0.0.1']).listen(), await new Stage(t, ['127.0.0.1'], 50).listen()]
  const rows: [string, boolean, string][] = [
    ['GET / HTTP/1.1\r\n', false, 'it does not begin with a PROXY protocol header'],
    ['PROXY TCP4 a b 1 2\r\n', false, 'its header of version 1 is malformed'],
    ['PROXY TCP4', true, 'it ended inside its PROXY header'],
    ['PROXY TCP4', false, 'its PROXY header did not come within 50 ms'],
    ['', false, 'its PROXY header did not come within 50 ms'],
  ]
  for (const [text, isEnded, detail] of rows) {
    const stage = stages[detail.includes('did not come') ? 1 : 0]!
    const told = stage.faults.length
    const socket = stage.connect()
    const fate = new Promise<string>(resolve => {
      socket.on('error', error => resolve((error as NodeJS.ErrnoException).code!)).on('close', () => resolve('closed'))
    })
    if (text !== '') socket.write(text)
    if (isEnded) socket.end()
    await stage.until(() => stage.faults.length > told)
    t.match(stage.faults.at(-1), { code: 'PROXY_HEADER_INVALID', detail, from: /^127\.0\.0\.1:\d+$/ })
    t.equal(await fate, 'ECONNRESET', detail)
  }
  const [faults, handed] = [stages.flatMap(stage => stage.faults), stages.flatMap(stage => stage.handed)]
  t.equal(faults.length, rows.length)
  t.same(handed, [])
})

t.test('a listed source that ends or resets before its first byte is no fault', { skip: withoutPython }, async t => {
  const stage = await new Stage(t, ['127.0.0.1']).listen()
  const peer = new PythonPeer(
    `
s = dial(int(sys.argv[1])); s.shutdown(1); say(drain(s))
s = dial(int(sys.argv[1])); abort(s)
s = dial(int(sys.argv[1])); s.sendall(b'PROXY'); abort(s); say('reset')`,
    stage.port,
  )
  t.teardown(() => peer.kill())
  t.equal(await peer.heard(), '0 FIN', 'as a health check expects it')
  t.equal(await peer.heard(), 'reset')
  stage.connect().write(`${V1}x`)
  await stage.until(() => stage.handed.length > 0)
  t.same(stage.faults, [])
})

t.test('few wait for their headers: more are refused, and those that wait end with the forward', async t => {
  const sources = { faults: [] as string[], resets: 0 }
  const waiting = new ProxySources({ from: ['127.0.0.1'], onFault: code => void sources.faults.push(code) })
  const idle = {
    remote: { host: '127.0.0.1', port: 1 },
    attach: () => undefined,
    reset: () => void sources.resets++,
  }
  const take = () => waiting.take({ ...idle } as unknown as ApplicationSocket, () => t.fail('handed on'))
  for (let i = 0; i < LIMITS.proxyHeadersPendingMax; i++) take()
  t.same(sources, { faults: [], resets: 0 })
  take()
  t.same(sources, { faults: ['OVERLOADED'], resets: 1 })
  waiting.close()
  t.equal(sources.resets, LIMITS.proxyHeadersPendingMax + 1)
  waiting.close()
  t.equal(sources.resets, LIMITS.proxyHeadersPendingMax + 1)
})

t.test('refuses a source that is no network', async t => {
  t.throws(() => new ProxySources({ from: ['lb'], onFault: () => undefined }), { code: 'CONFIG_INVALID' })
})

t.test('an address with a zone is judged without it', async t => {
  const seen: unknown[] = []
  const sources = new ProxySources({ from: ['fe80::/10'], onFault: () => undefined })
  const socket = (host: string) =>
    ({
      remote: { host, port: 1 },
      attach: () => seen.push(host),
      reset: () => undefined,
    }) as unknown as ApplicationSocket
  for (const host of ['fe80::1%eth0', 'fd00::1', 'unknown'])
    sources.take(socket(host), one => seen.push(`not ${one.remote.host}`))
  sources.close()
  t.same(seen, ['fe80::1%eth0', 'not fd00::1', 'not unknown'])
})
