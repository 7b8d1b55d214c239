/** Who is calling, as programs see it that know nothing of Holdfast: nginx and HAProxy as destinations, HAProxy in front. */
import { once } from 'node:events'
import net from 'node:net'
import t, { type Test } from 'tap'
import { parseEndpoint } from '../../src/base/endpoint.ts'
import { AllowList } from '../../src/egress/allow-list.ts'
import { type Destination, dialDestination } from '../../src/egress/dial-destination.ts'
import type { SessionStatus } from '../../src/sidecar/status.ts'
import { Recorder } from '../support/recorder.ts'
import { freePorts, startServer, without } from '../support/server-program.ts'
import { ANY_PORT, SidecarHost } from '../support/sidecar-host.ts'

const skip = without('nginx', 'haproxy')
const HOST = '127.0.0.1'

/** Servers that answer with whom they see. */
interface Servers {
  readonly nginx: number
  readonly haproxy: number
  /** Expects no header. */
  readonly plain: number
}

async function startServers(t: Test): Promise<Servers> {
  const [nginx, plain, haproxy] = (await freePorts(3)) as [number, number, number]
  const temporary = ['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi'].map(what => `${what}_temp_path ${what};`)
  const nginxConfiguration = `
    daemon off; master_process off; pid nginx.pid; error_log stderr;
    events { worker_connections 64; }
    http {
      access_log off; ${temporary.join(' ')}
      server { listen ${HOST}:${nginx} proxy_protocol; return 200 "$proxy_protocol_addr $proxy_protocol_port"; }
      server { listen ${HOST}:${plain}; return 200 "$remote_addr"; }
    }`
  const nginxCommand = ['nginx', '-e', 'stderr', '-p', 'DIRECTORY', '-c', 'FILE']
  await startServer(t, nginxCommand, nginxConfiguration, nginx)
  const haproxyConfiguration = `
    defaults
      mode http
      timeout client 30s
    frontend destination
      bind ${HOST}:${haproxy} accept-proxy
      http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[fc_pp_unique_id,hex]"\n`
  await startServer(t, ['haproxy', '-db', '-f', 'FILE'], haproxyConfiguration, haproxy)
  return { nginx, plain, haproxy }
}

type ForwardOf = (to: keyof Servers) => { readonly port: number }

/** Two sidecars; far's rules give headers of `version` to all but the plain server. */
async function startPair(t: Test, servers: Servers, version: 'v1' | 'v2', from?: readonly string[]) {
  const [near, far] = [await SidecarHost.create(), await SidecarHost.create()]
  const headers = [servers.nginx, servers.haproxy].map(
    port => ({ to: `${HOST}:${port}`, proxyProtocol: version }) as const,
  )
  const allow = [`${HOST}:*`, ...headers]
  const { listening } = await far.start(t, { listen: ANY_PORT, peers: [near.peer({ allow })] })
  const names = ['nginx', 'haproxy', 'plain'] as const
  const { forwards } = await near.start(t, {
    peers: [far.peer({ endpoints: [parseEndpoint(listening[0]!)!] })],
    forward: names.map(name => ({
      listen: { host: HOST, port: 0 },
      peer: 'other',
      to: { host: HOST, port: servers[name] },
      ...(from === undefined ? {} : { proxyProtocol: { from } }),
    })),
  })
  const forwardOf: ForwardOf = to => ({ port: Number(forwards[names.indexOf(to)]!.listen.split(':').at(-1)) })
  return { near, far, forwardOf }
}

/** The body of the answer, or the number of a refusal; 'reset' without an answer. */
async function ask(
  port: number,
  { from = HOST, header = '', whenAnswered = () => {} } = {},
): Promise<{ body: string; ownPort: number }> {
  const socket = net.connect({ port, host: HOST, localAddress: from }).setEncoding('latin1')
  let text = ''
  socket.on('data', chunk => (text += chunk)).on('error', () => undefined)
  socket.once('data', whenAnswered)
  await once(socket, 'connect')
  const ownPort = socket.localPort!
  socket.write(`${header}GET / HTTP/1.1\r\nHost: destination\r\nConnection: close\r\n\r\n`)
  await new Promise(resolve => socket.once('close', resolve))
  const [, status, body] = /^HTTP\/1\.\d (\d+)[\s\S]*?\r\n\r\n([\s\S]*)$/.exec(text) ?? []
  return { ownPort, body: (status === '200' ? body : status) ?? 'reset' }
}

t.test('a destination sees the client of the other side', { skip }, async t => {
  const servers = await startServers(t)
  for (const version of ['v1', 'v2'] as const) {
    const { near, far, forwardOf } = await startPair(t, servers, version)
    const client = '127.0.0.9'
    const nginx = await ask(forwardOf('nginx').port, { from: client })
    t.equal(nginx.body, `${client} ${nginx.ownPort}`, `nginx, ${version}`)
    let sessions: readonly SessionStatus[] = []
    const whenAnswered = () => {
      sessions = near.sidecar.status().peers[0]!.sessions
    }
    const haproxy = await ask(forwardOf('haproxy').port, { from: client, whenAnswered })
    const session = sessions.find(one => one.client === `${client}:${haproxy.ownPort}`)
    const [address, port, uniqueId] = haproxy.body.split(' ')
    t.same([address, Number(port)], [client, haproxy.ownPort], `HAProxy, ${version}`)
    t.equal(uniqueId, version === 'v2' ? session!.sessionId.toUpperCase() : '', 'the session ID')
    t.equal((await ask(forwardOf('plain').port, { from: client })).body, HOST, 'a rule without it sends none')
    t.match(
      far.lines.filter(({ fields }) => fields['code'] !== undefined),
      [],
    )
  }
})

t.test('a proxy in front says who the client is, also of another family than the destination', { skip }, async t => {
  const servers = await startServers(t)
  for (const version of ['v1', 'v2'] as const) {
    const { near, forwardOf } = await startPair(t, servers, version, [HOST])
    const [v1, v2] = (await freePorts(2)) as [number, number]
    const configuration = `
      defaults
        mode tcp
        timeout client 30s
        timeout server 30s
        timeout connect 5s
      listen v1
        bind ${HOST}:${v1}
        server near ${HOST}:${forwardOf('nginx').port} send-proxy
      listen v2
        bind ${HOST}:${v2}
        server near ${HOST}:${forwardOf('nginx').port} send-proxy-v2 proxy-v2-options unique-id,crc32c\n`
    await startServer(t, ['haproxy', '-db', '-f', 'FILE'], configuration, v2)
    for (const port of [v1, v2]) {
      const { body, ownPort } = await ask(port, { from: '127.0.0.9' })
      t.equal(body, `127.0.0.9 ${ownPort}`, `${version}, by way of port ${port}`)
    }
    const header = 'PROXY TCP6 2001:db8::7 2001:db8::1 5000 80\r\n'
    t.equal((await ask(forwardOf('nginx').port, { header })).body, '2001:db8::7 5000', 'nginx takes the mapped one')
    t.match((await ask(forwardOf('haproxy').port, { header })).body, /^2001:db8::7 5000 /, 'HAProxy, too')
    t.equal((await ask(forwardOf('nginx').port, { header, from: '127.0.0.9' })).body, '400', 'not listed: no HTTP')
    t.equal((await ask(forwardOf('nginx').port)).body, 'reset', 'a listed one without header is reset')
    const told = near.lines.filter(({ fields }) => fields['code'] === 'PROXY_HEADER_INVALID')
    t.equal(told.length, 1)
    t.match(told[0]!.message, /^a connection from 127\.0\.0\.1:\d+ was reset: it does not begin with a PROXY protocol/)
  }
})

t.test('a client whose name is no address is served all the same', { skip }, async t => {
  const servers = await startServers(t)
  for (const proxyProtocol of ['v1', 'v2'] as const) {
    for (const port of [servers.nginx, servers.haproxy]) {
      const caller = { client: 'x\r\nPROXY TCP4 6.6.6.6 6.6.6.6 6 6\r\n', sessionId: new Uint8Array(16) }
      const allow = new AllowList([{ to: `${HOST}:${port}`, proxyProtocol }])
      const { signal } = new AbortController()
      const answer = (await dialDestination({ host: HOST, port }, allow, { signal, caller })) as Destination
      const recorder = new Recorder()
      let text = ''
      recorder.onData = chunk => (text += Buffer.from(chunk).toString('latin1'))
      answer.socket.attach(recorder)
      answer.socket.write([Buffer.from('GET / HTTP/1.0\r\n\r\n')])
      await recorder.until(() => recorder.events.includes('end'))
      answer.socket.end()
      await recorder.closed()
      t.match(text, /^HTTP\/1\.\d 200 /, `${proxyProtocol} to ${port === servers.nginx ? 'nginx' : 'HAProxy'}`)
      t.notMatch(text, '6.6.6.6')
    }
  }
})
