/** Peers on which no sidecar runs, and one that is there at last, seen by a real program through the proxies of a real sidecar. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { CliHost } from '../support/cli-host.ts'
import { curl, metric, serveHttp, ways, withoutCurl } from '../support/curl.ts'
import { startRecordingProxy } from '../support/recording-proxy.ts'

const DIRECT = 'holdfast_direct_connections_total{reason="no_sidecar"}'
const SESSIONS = 'holdfast_sessions_opened_total{side="near"}'

interface Stage {
  readonly office: CliHost
  readonly laptop: CliHost
  readonly cli: Awaited<ReturnType<CliHost['up']>>['cli']
  /** Of the web server that a route leads to. */
  readonly port: number
  readonly place: string
}

/** A laptop whose peer is at this port, and a web server that a route to that peer holds. */
async function setUp(t: Test, peerPort: number, withoutSidecar: 'hold' | 'direct'): Promise<Stage> {
  const port = await serveHttp(t, (_, response) => response.end('served'))
  const [office, laptop] = [await CliHost.create(t), await CliHost.create(t)]
  const { cli } = await laptop.up({
    peers: [{ name: 'office', id: office.peerId, endpoints: [`tcp://127.0.0.1:${peerPort}`] }],
    routes: [{ to: '127.0.0.0/8', ports: [port], peer: 'office', withoutSidecar }],
    proxy: [{ listen: '127.0.0.1:0' }],
  })
  return { office, laptop, cli, port, place: await laptop.proxy() }
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

t.test(
  'a peer that runs nothing, or something else, is passed by, and that is counted',
  { skip: withoutCurl },
  async t => {
    const elsewhere = await serveHttp(t, (_, response) => response.end())
    for (const [at, peerPort] of [await closedPort(), elsewhere].entries()) {
      const { laptop, cli, port, place } = await setUp(t, peerPort, 'direct')
      for (const [way, ...args] of ways(place)) {
        for (const host of ['127.0.0.1', 'localhost']) {
          t.equal((await curl(...args, '--ipv4', `http://${host}:${port}/`)).stdout, 'served', `${way} ${host} ${at}`)
        }
      }
      t.equal(await metric(laptop, DIRECT), 4)
      t.equal(await metric(laptop, SESSIONS), 0)
      await cli.said(
        /connections go directly, without protection: no sidecar has answered at its endpoints.* peer=office/,
      )
    }
  },
)

t.test('unless its route says so, a peer that runs nothing is waited for', { skip: withoutCurl }, async t => {
  const { laptop, port, place } = await setUp(t, await closedPort(), 'hold')
  const { code } = await curl(...ways(place)[0]!.slice(1), '--max-time', '1', `http://127.0.0.1:${port}/`)
  t.equal(code, 28, 'curl has lost its patience')
  t.equal(await metric(laptop, DIRECT), 0)
  t.equal(await metric(laptop, SESSIONS), 1)
})

t.test('a peer that was met is never passed by again, whatever becomes of it', { skip: withoutCurl }, async t => {
  const way = await startRecordingProxy(t)
  const { office, laptop, port, place } = await setUp(t, way.port, 'direct')
  const ask = () => curl(...ways(place)[0]!.slice(1), `http://127.0.0.1:${port}/`)
  t.equal((await ask()).stdout, 'served')
  t.equal(await metric(laptop, DIRECT), 1, 'nobody is there yet')

  await office.up({
    listen: ['tcp://127.0.0.1:0'],
    advertise: [`tcp://127.0.0.1:${way.port}`],
    peers: [{ name: 'laptop', id: laptop.peerId, allow: [`127.0.0.1:${port}`] }],
  })
  const officePort = Number((await office.endpoint()).split(':').at(-1))
  way.target = officePort
  await laptop.untilMigrations(1)
  t.equal((await ask()).stdout, 'served')
  t.equal(await metric(laptop, SESSIONS), 1, 'through the peer')

  way.target = 0
  way.cut()
  const peer = async () => (await laptop.status()).peers[0]!
  while ((await peer()).state !== 'suspended');
  const asked = ask()
  while ((await peer()).sessions.length === 0);
  // Some rounds fail meanwhile.
  const dialed = way.recorded.length
  while (way.recorded.length < dialed + 3) await new Promise(resolve => setImmediate(resolve))
  way.target = officePort
  t.equal((await asked).stdout, 'served', 'it was held')
  t.equal(await metric(laptop, DIRECT), 1)
})
