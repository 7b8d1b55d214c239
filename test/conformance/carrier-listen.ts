import { spawnSync } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Endpoint, formatEndpoint, parseEndpoint, type Scheme } from '../../src/base/endpoint.ts'
import { OperatorError } from '../../src/base/errors.ts'
import { LIMITS } from '../../src/base/limits.ts'
import type { Place } from '../../src/base/places.ts'
import { Admission } from '../../src/carrier/admission.ts'
import type { Carrier } from '../../src/carrier/carrier.ts'
import { dialCarrier } from '../../src/carrier/dial.ts'
import { DialError } from '../../src/carrier/dial-error.ts'
import { bindServer, type Listener, type ListenOptions, listen } from '../../src/carrier/listen.ts'
import { concatBytes, toHex } from '../../src/wire/bytes.ts'
import { OUTER, outerFrame } from '../../src/wire/outer-frame.ts'
import { attach } from '../support/carrier-suite.ts'
import { makeCertificates } from '../support/certificates.ts'
import { flushPromises, ManualClock } from '../support/manual-clock.ts'

const SCHEMES: readonly Scheme[] = ['tcp', 'ws', 'wss']
const certificates = await makeCertificates()
const { ca } = certificates

function endpointOf(url: string): Endpoint {
  const endpoint = parseEndpoint(url)
  if (endpoint === undefined) throw new Error(`no endpoint: ${url}`)
  return endpoint
}

interface Scene {
  readonly listener: Listener
  readonly admission: Admission
  /** The next carrier that was accepted. */
  accepted(): Promise<{ carrier: Carrier; place: Place }>
}

async function startScene(t: Test, url: string, options: Partial<ListenOptions> = {}): Promise<Scene> {
  const admission = options.admission ?? new Admission()
  const arrived: { carrier: Carrier; place: Place }[] = []
  const events = new EventEmitter()
  const listener = await listen(endpointOf(url), {
    tls: certificates,
    onCarrier: (carrier, place) => {
      t.teardown(() => carrier.destroy())
      arrived.push({ carrier, place })
      events.emit('carrier')
    },
    ...options,
    admission,
  })
  t.teardown(() => listener.close())
  const accepted = async () => {
    for (;;) {
      const next = arrived.shift()
      if (next !== undefined) return next
      await EventEmitter.once(events, 'carrier')
    }
  }
  return { listener, admission, accepted }
}

/** Something else than a sidecar. */
async function startServer<S extends Server>(t: Test, server: S): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', socket => sockets.add(socket.on('error', () => undefined)))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

async function failureOf(url: string, options: Parameters<typeof dialCarrier>[1] = {}): Promise<DialError> {
  try {
    const carrier = await dialCarrier(endpointOf(url), options)
    carrier.destroy()
  } catch (error) {
    if (error instanceof DialError) return error
    throw error
  }
  throw new Error(`${url} was reached`)
}

/** Resolves when a condition that events outside bring about holds. */
async function eventually(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await flushPromises()
}

t.test('the real port and the path of a listener are in its endpoint', async t => {
  const { listener } = await startScene(t, 'ws://127.0.0.1:0/holdfast?a=b')
  t.match(formatEndpoint(listener.endpoint), /^ws:\/\/127\.0\.0\.1:[1-9]\d*\/holdfast\?a=b$/)
  const carrier = await dialCarrier(listener.endpoint)
  carrier.destroy()
})

t.test('a wildcard listener takes both families and shows plain addresses', async t => {
  for (const scheme of SCHEMES) {
    const { listener, accepted } = await startScene(t, `${scheme}://[::]:0`)
    for (const host of ['127.0.0.1', '::1']) {
      const near = await dialCarrier({ ...listener.endpoint, host }, { ca })
      t.teardown(() => near.destroy())
      const { carrier } = await accepted()
      t.same([near.remote.host, carrier.local.host, carrier.remote], [host, host, near.local], `${scheme} ${host}`)
    }
  }
})

t.test('a wildcard listener takes IPv4 alone where the kernel has no IPv6', async t => {
  for (const errno of ['EAFNOSUPPORT', 'EADDRNOTAVAIL']) {
    const hosts: string[] = []
    const server = fakeServer(({ host }) => {
      hosts.push(host)
      return host === '::' ? errno : undefined
    })
    t.equal(await bindServer(server, endpointOf('tcp://[::]:7700')), 4_711)
    t.same(hosts, ['::', '0.0.0.0'])
  }
  const server = fakeServer(({ host }) => (host === '::' ? 'EAFNOSUPPORT' : 'EADDRINUSE'))
  await t.rejects(bindServer(server, endpointOf('tcp://[::]:7700')), { code: 'ADDRESS_IN_USE' })
})

/** A server whose listen fails with the errno that `answer` gives. */
function fakeServer(answer: (to: { host: string }) => string | undefined): Server {
  const server = new EventEmitter()
  const listenTo = (to: { host: string }) => {
    const code = answer(to)
    process.nextTick(() => {
      if (code === undefined) server.emit('listening')
      else server.emit('error', Object.assign(new Error(code), { code }))
    })
  }
  return Object.assign(server, { listen: listenTo, address: () => ({ port: 4_711 }) }) as unknown as Server
}

t.test('an address that cannot be listened on is one sentence with its URL', async t => {
  const { listener } = await startScene(t, 'tcp://127.0.0.1:0')
  const taken = listener.endpoint.port
  const admission = new Admission()
  const options = { admission, onCarrier: () => undefined }
  const rows: [string, object, string, RegExp][] = [
    [`tcp://127.0.0.1:${taken}`, options, 'ADDRESS_IN_USE', /^cannot listen on tcp:\/\/127\.0\.0\.1:\d+: .*taken/],
    [`ws://127.0.0.1:${taken}/x`, options, 'ADDRESS_IN_USE', /^cannot listen on ws:\/\/127\.0\.0\.1:\d+\/x: .*taken/],
    ['tcp://192.0.2.1:7700', options, 'ADDRESS_UNAVAILABLE', /tcp:\/\/192\.0\.2\.1:7700.*no such address/],
    ['wss://127.0.0.1:0/', options, 'CONFIG_INVALID', /wss:.* needs a certificate and a key/],
    ['wss://127.0.0.1:0/', { ...options, tls: { cert: 'x', key: 'y' } }, 'CONFIG_INVALID', /cannot be used/],
  ]
  for (const [url, given, code, message] of rows) {
    const error = await listen(endpointOf(url), given as ListenOptions).catch((error: unknown) => error)
    t.ok(error instanceof OperatorError)
    t.match(error, { code, message })
  }
  const forbidden = fakeServer(() => 'EACCES')
  await t.rejects(bindServer(forbidden, endpointOf('tcp://127.0.0.1:80')), {
    code: 'ADDRESS_UNAVAILABLE',
    message: /tcp:\/\/127\.0\.0\.1:80: this user may not/,
  })
})

t.test('a dial that fails says why, in one sentence that names the endpoint', async t => {
  const { listener: ws } = await startScene(t, 'ws://127.0.0.1:0/holdfast')
  const { listener: wss } = await startScene(t, 'wss://127.0.0.1:0/holdfast')
  const closed = await startServer(t, createServer())
  await new Promise(resolve => createServer().listen(0).close(resolve))
  const garbage = await startServer(
    t,
    createServer(socket => void socket.on('data', () => undefined).end('\0\x01SSH-2.0-OpenSSH\x1b[31m\r\n')),
  )
  const silent = await startServer(
    t,
    createServer(socket => void socket.end()),
  )
  const busy = await startServer(
    t,
    createHttpServer((_, response) => void response.writeHead(503).end('later')).on('upgrade', (_, socket) =>
      socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nlater'),
    ),
  )
  const freePort = await freeLoopbackPort()
  const rows: [string, Parameters<typeof dialCarrier>[1], string, RegExp][] = [
    [
      `tcp://127.0.0.1:${freePort}`,
      {},
      'REFUSED',
      /^tcp:\/\/127\.0\.0\.1:\d+ refused the connection \(ECONNREFUSED\)$/,
    ],
    [
      `ws://peer.example:${freePort}/x`,
      { address: '127.0.0.1' },
      'REFUSED',
      /^ws:\/\/peer\.example:\d+\/x \(127\.0\.0\.1:\d+\) refused/,
    ],
    [`tcp://127.0.0.1:${closed}`, { localAddress: '192.0.2.1' }, 'UNREACHABLE', /cannot be reached from here/],
    [
      `ws://127.0.0.1:${ws.endpoint.port}/other`,
      {},
      'UPGRADE_REFUSED',
      /^ws:\/\/127\.0\.0\.1:\d+\/other answered 404 Not Found \("There is nothing here\."\): is the path right\?$/,
    ],
    [`wss://127.0.0.1:${wss.endpoint.port}/`, { ca }, 'UPGRADE_REFUSED', /answered 404 Not Found/],
    [`ws://127.0.0.1:${busy}/`, {}, 'TOO_MANY_CONNECTIONS', /refused for now: 503 Service Unavailable \("later"\)/],
    [`ws://127.0.0.1:${garbage}/`, {}, 'FRAME_MALFORMED', /^what answers at ws:.* does not speak WebSocket \(/],
    [`ws://127.0.0.1:${silent}/`, {}, 'FRAME_MALFORMED', /does not speak WebSocket/],
    [`wss://127.0.0.1:${garbage}/`, {}, 'HANDSHAKE_FAILED', /^TLS with wss:.* failed: /],
    [`wss://127.0.0.1:${silent}/`, {}, 'HANDSHAKE_FAILED', /wss:\/\//],
    [
      `wss://127.0.0.1:${wss.endpoint.port}/holdfast`,
      {},
      'CERTIFICATE_UNTRUSTED',
      /^the certificate of wss:\/\/127\.0\.0\.1:\d+\/holdfast is not trusted: unable to verify/,
    ],
    [
      `wss://other.example:${wss.endpoint.port}/holdfast`,
      { ca, address: '127.0.0.1' },
      'CERTIFICATE_UNTRUSTED',
      /other\.example.* not in the cert's altnames/,
    ],
  ]
  for (const [url, options, code, message] of rows) {
    const error = await failureOf(url, options)
    t.match(error, { code, message }, url)
    t.notMatch(error.message, /[^\x20-\x7e]/, 'fit for a log line')
  }
})

async function freeLoopbackPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

t.test('a dial ends at its deadline and when it is given up, and leaves nothing behind', async t => {
  const sockets: Socket[] = []
  const port = await startServer(
    t,
    createServer(socket => void sockets.push(socket.resume())),
  )
  for (const url of [`ws://127.0.0.1:${port}/`, `wss://127.0.0.1:${port}/`]) {
    const clock = new ManualClock()
    const late = failureOf(url, { clock })
    await eventually(() => sockets.length === 1)
    await clock.advance(LIMITS.connectMs)
    t.match(await late, { code: 'TIMED_OUT', message: `${url} did not answer within 10 s` })
    await eventually(() => sockets[0]!.closed)

    const stop = new AbortController()
    const given = failureOf(url, { signal: stop.signal, clock })
    await eventually(() => sockets.length === 2)
    stop.abort()
    t.match(await given, { code: 'SUPERSEDED', message: /was given up$/ })
    await eventually(() => sockets[1]!.closed)
    t.equal(clock.pending, 0)
    sockets.length = 0
  }
  const before = await failureOf(`tcp://127.0.0.1:${port}`, { signal: AbortSignal.abort() })
  t.equal(before.code, 'SUPERSEDED')
})

t.test('a ws dial to a resolved address still speaks of the name', async t => {
  const seen: string[] = []
  const http = createHttpServer().on('upgrade', (request, socket) => {
    seen.push(`${request.headers.host} ${request.url} ${request.headers['sec-websocket-extensions']}`)
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
  })
  const https = createHttpsServer({
    ...certificates,
    SNICallback: (name, done) => {
      seen.push(`sni ${name}`)
      done(null)
    },
  }).on('upgrade', (request, socket) => {
    seen.push(`${request.headers.host} ${request.url}`)
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
  })
  const [wsPort, wssPort] = [await startServer(t, http), await startServer(t, https)]
  await failureOf(`ws://edge.example:${wsPort}/holdfast?x=1`, { address: '127.0.0.1' })
  await failureOf(`wss://localhost:${wssPort}/holdfast`, { address: '127.0.0.1', ca })
  t.same(seen, [`edge.example:${wsPort} /holdfast?x=1 undefined`, 'sni localhost', `localhost:${wssPort} /holdfast`])
})

t.test('a dial binds to the local address it is given', async t => {
  for (const scheme of SCHEMES) {
    const { listener, accepted } = await startScene(t, `${scheme}://127.0.0.1:0/`)
    const near = await dialCarrier(listener.endpoint, { ca, localAddress: '127.0.0.2' })
    t.teardown(() => near.destroy())
    t.equal(near.local.host, '127.0.0.2')
    t.equal((await accepted()).carrier.remote.host, '127.0.0.2')
  }
})

t.test('a stranger that does not speak WebSocket is turned away, and the listener goes on', async t => {
  const { listener, admission } = await startScene(t, 'ws://127.0.0.1:0/holdfast')
  const port = listener.endpoint.port
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  const rows: [string, RegExp][] = [
    ['\0\0\0garbage\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 404 Not Found\r\n.*There is nothing here\.\n$/s],
    ['GET /holdfast HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 426 .*This is a WebSocket endpoint\.\n$/s],
    [`GET /other HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`, /^HTTP\/1\.1 404 .*There is nothing here\.\n$/s],
    [`GET /holdfast HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`, /^HTTP\/1\.1 400 /],
  ]
  for (const [request, answer] of rows) t.match(await exchange(port, request), answer, JSON.stringify(request))
  await eventually(() => admission.unauthenticated === 0)
  const carrier = await dialCarrier(listener.endpoint)
  carrier.destroy()
})

/** Everything that the server at `port` says to `request` until it closes. */
function exchange(port: number, request: string): Promise<string> {
  return new Promise(resolve => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.setEncoding('latin1').on('data', chunk => {
      text += chunk
    })
    socket.on('error', () => undefined).on('close', () => resolve(text))
  })
}

t.test('a text message, an empty one, and one that ends inside a frame end a ws carrier', async t => {
  const { listener, accepted } = await startScene(t, 'ws://127.0.0.1:0/')
  const { WebSocket } = await import('ws')
  const tooLong = Buffer.concat(outerFrame(OUTER.RECORD, new Uint8Array(LIMITS.frameBytesMax)))
  const rows: [string | Uint8Array, string][] = [
    ['hello', 'FRAME_MALFORMED'],
    [new Uint8Array(), 'FRAME_MALFORMED'],
    [Uint8Array.of(OUTER.RECORD, 0, 0, 9, 1), 'FRAME_MALFORMED'],
    [tooLong, 'FRAME_TOO_LARGE'],
  ]
  for (const [message, code] of rows) {
    const websocket = new WebSocket(formatEndpoint(listener.endpoint))
    websocket.on('open', () => websocket.send(message))
    const { carrier } = await accepted()
    const recorder = attach(carrier)
    t.equal((await recorder.closed()).code, code)
    t.equal(recorder.frames.length, 0)
  }
})

t.test('the reset of a peer is the end of a carrier', async t => {
  let peer: Socket | undefined
  const port = await startServer(
    t,
    createServer(socket => {
      peer = socket
    }),
  )
  const recorder = attach(await dialCarrier(endpointOf(`tcp://127.0.0.1:${port}`)))
  await eventually(() => peer !== undefined)
  peer?.resetAndDestroy()
  const reason = await recorder.closed()
  t.match(reason, { code: undefined, detail: /^the (connection|peer) / })
  await flushPromises()
  t.equal(recorder.closes.length, 1)
})

t.test('a place is taken from accept to release, or to the end of the carrier', async t => {
  for (const scheme of SCHEMES) {
    const { listener, admission, accepted } = await startScene(t, `${scheme}://127.0.0.1:0/`)
    const near = await dialCarrier(listener.endpoint, { ca })
    const { carrier, place } = await accepted()
    t.equal(admission.unauthenticated, 1, scheme)
    place.release()
    t.equal(admission.unauthenticated, 0)
    attach(carrier)
    near.close()

    const second = await dialCarrier(listener.endpoint, { ca })
    const { carrier: unread } = await accepted()
    t.equal(admission.unauthenticated, 1)
    attach(unread)
    second.destroy()
    await eventually(() => admission.unauthenticated === 0)
  }
})

t.test('a connection beyond the bound is told so and closed', async t => {
  const bounds = { ...LIMITS, unauthenticatedPerAddressMax: 1 }
  for (const scheme of SCHEMES) {
    const admission = new Admission(bounds)
    const { listener, accepted } = await startScene(t, `${scheme}://127.0.0.1:0/`, { admission })
    const first = await dialCarrier(listener.endpoint, { ca })
    t.teardown(() => first.destroy())
    const { place } = await accepted()
    if (scheme === 'tcp') {
      const refused = await dialCarrier(listener.endpoint)
      const recorder = attach(refused)
      refused.send(outerFrame(OUTER.CRYPTO, new Uint8Array(500)))
      await recorder.closed()
      t.same(
        recorder.frames.map(({ type, body }) => [type, toHex(concatBytes(body))]),
        [[OUTER.CLOSE, '010c']],
      )
    } else {
      const { code } = await failureOf(formatEndpoint(listener.endpoint), { ca })
      t.equal(code, scheme === 'ws' ? 'TOO_MANY_CONNECTIONS' : 'HANDSHAKE_FAILED')
    }
    t.equal(admission.unauthenticated, 1)
    place.release()
    const next = await dialCarrier(listener.endpoint, { ca })
    t.teardown(() => next.destroy())
  }
})

t.test('one port of a client may have connections to two addresses of a listener', async t => {
  const { WebSocket } = await import('ws')
  const { listener, accepted } = await startScene(t, 'ws://0.0.0.0:0/')
  const port = listener.endpoint.port
  const open = async (host: string, localPort?: number) => {
    const socket = connect({ host, port, localAddress: '127.0.0.1', ...(localPort === undefined ? {} : { localPort }) })
    t.teardown(() => socket.destroy())
    await EventEmitter.once(socket, 'connect')
    return socket
  }
  const first = await open('127.0.0.1')
  const second = await open('127.0.0.2', first.localPort)
  for (const [socket, host] of [
    [first, '127.0.0.1'],
    [second, '127.0.0.2'],
  ] as const) {
    const url = `ws://${host}:${port}/`
    await EventEmitter.once(new WebSocket(url, { createConnection: () => socket }), 'open')
    const { carrier } = await accepted()
    t.same([carrier.local.host, carrier.remote.port], [host, first.localPort])
  }
})

t.test('a wss listener bounds TLS handshakes before they begin', async t => {
  const admission = new Admission({ ...LIMITS, handshakesPerSecondPerAddressMax: 1 })
  const { listener, accepted } = await startScene(t, 'wss://127.0.0.1:0/', { admission })
  const first = await dialCarrier(listener.endpoint, { ca })
  t.teardown(() => first.destroy())
  ;(await accepted()).place.release()
  t.match(await failureOf(formatEndpoint(listener.endpoint), { ca }), { code: 'HANDSHAKE_FAILED' })
  t.equal(admission.unauthenticated, 0, 'it took no place')
  t.ok(admission.allowHandshake('127.0.0.1', performance.now()), 'nor what the handshakes inside may take')
})

t.test('more refused connections than may linger all end, and hold no place', async t => {
  const admission = new Admission({ ...LIMITS, unauthenticatedMax: 0 })
  const { listener } = await startScene(t, 'tcp://127.0.0.1:0', { admission })
  const ends = await Promise.all(
    Array.from({ length: LIMITS.refusedLingerMax + 8 }, async () => {
      const carrier = await dialCarrier(listener.endpoint)
      t.teardown(() => carrier.destroy())
      return carrier
    }),
  )
  for (const carrier of ends) await attach(carrier).closed()
  t.equal(admission.unauthenticated, 0)
})

t.test('closing a listener frees its port, drops strangers and leaves carriers alone', async t => {
  for (const scheme of SCHEMES) {
    const { listener, admission, accepted } = await startScene(t, `${scheme}://127.0.0.1:0/`)
    const near = await dialCarrier(listener.endpoint, { ca })
    t.teardown(() => near.destroy())
    const { carrier, place } = await accepted()
    place.release()
    const stranger = connect(listener.endpoint.port, '127.0.0.1').on('error', () => undefined)
    const left = new Promise(resolve => stranger.on('close', resolve))
    await eventually(() => admission.unauthenticated === 1)
    await Promise.all([listener.close(), listener.close()])
    if (scheme === 'tcp') (await accepted()).carrier.destroy()
    await left

    const again = await listen(listener.endpoint, { tls: certificates, admission, onCarrier: () => undefined })
    await again.close()
    const receiver = attach(carrier)
    near.send(outerFrame(OUTER.CRYPTO, Uint8Array.of(1)))
    await receiver.until(({ frames }) => frames.length === 1)
  }
})

t.test('a listener survives when the process runs out of file descriptors', async t => {
  const { status, stdout, stderr } = runFixture(
    'sh',
    ['-c', `unset NODE_OPTIONS; ulimit -n 40; exec "$0" "$@"`, process.execPath],
    'flood',
  )
  t.match({ status, stdout, stderr }, { status: 0, stdout: /^reached again\n$/, stderr: '' })
})

t.test('ws is loaded only when an endpoint needs it', async t => {
  const { status, stdout, stderr } = runFixture(process.execPath, [], 'lazy')
  t.match({ status, stdout, stderr }, { status: 0, stdout: 'tcp: false\nws: true\n' })
})

/** Runs test/support/carrier-fixture.js in a process of its own. */
function runFixture(command: string, args: string[], scene: string) {
  const fixture = join(import.meta.dirname, '../support/carrier-fixture.js')
  const { NODE_OPTIONS: _, ...env } = process.env
  return spawnSync(command, [...args, fixture, scene], { encoding: 'utf8', timeout: 20_000, env })
}
