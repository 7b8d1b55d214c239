import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { parseEndpoint } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { hex } from '../support/dialogues.ts'
import { flushPromises } from '../support/manual-clock.ts'
import { ANY_PORT, SidecarHost } from '../support/sidecar-host.ts'

const PROXY = { listen: { host: '127.0.0.1', port: 0 }, optimistic: false }
/** SOCKS5 CONNECT to 127.0.0.1:9. */
const ASK = hex('050100 050100 01 7f000001 0009')

/** @returns what a program hears until it or the proxy ends */
async function ask(t: Test, place: string, words: Uint8Array): Promise<{ client: Socket; heard: Promise<string> }> {
  const client = connect(Number(place.split(':').at(-1)), '127.0.0.1')
  t.teardown(() => client.destroy())
  client.on('error', () => {}).write(words)
  const chunks: Buffer[] = []
  client.on('data', chunk => chunks.push(chunk))
  const heard = new Promise<string>(resolve => {
    client.once('close', () => resolve(Buffer.concat(chunks).toString('hex')))
  })
  return { client, heard }
}

t.test(
  'a connection that was refused is over: the sidecar holds nothing of it, and its stop waits for nothing',
  async t => {
    const [near, far] = [await SidecarHost.create(), await SidecarHost.create()]
    const { listening } = await far.start(t, { listen: ANY_PORT, peers: [near.peer()] })
    const { proxies } = await near.start(t, {
      peers: [far.peer({ endpoints: [parseEndpoint(listening[0]!)!] })],
      proxy: [{ ...PROXY, peer: 'other' }],
    })
    t.match(near.sidecar.status().proxies, [{ peer: 'other', optimistic: false, hasPassword: false }])
    for (let i = 0; i < 3; i++) t.equal(await (await ask(t, proxies[0]!.listen, ASK)).heard, '050005020001000000000000')
    t.equal(near.sidecar.totals().resets.get('NOT_ALLOWED'), 3)
    const begin = performance.now()
    await near.sidecar.stop()
    t.ok(performance.now() - begin < LIMITS.farewellMs / 2)
  },
)

t.test('a program that waits for a peer that is away is told when the sidecar stops', async t => {
  const [near, far] = [await SidecarHost.create(), await SidecarHost.create()]
  const { proxies } = await near.start(t, { peers: [far.peer()], proxy: [{ ...PROXY, peer: 'other' }] })
  const { client, heard } = await ask(t, proxies[0]!.listen, ASK)
  await once(client, 'data')
  await near.sidecar.stop()
  t.equal(await heard, '050005010001000000000000')
})

t.test('a stop waits for a program that is told why and does not end, until its connection has closed', async t => {
  const [near, far] = [await SidecarHost.create(), await SidecarHost.create()]
  const { proxies } = await near.start(t, { peers: [far.peer()], proxy: [{ ...PROXY, peer: 'other' }] })
  const connections = () => process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
  const before = connections()
  const client = connect({ port: Number(proxies[0]!.listen.split(':').at(-1)), host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => client.destroy())
  client.on('error', () => {}).write(ASK)
  await once(client, 'data')
  t.equal(connections(), before + 2, 'both ends are in this process')
  await near.sidecar.stop()
  // A handle is freed after its close is told.
  await flushPromises()
  t.ok(connections() <= before + 1, 'at most the program’s own end')
})

t.test('the route decides before the peer of the proxy; what neither names goes directly', async t => {
  const near = await SidecarHost.create()
  const { proxies } = await near.start(t, {
    peers: [],
    routes: [{ rules: ['127.0.0.1:9'], peer: 'gone' }],
    proxy: [PROXY],
  })
  t.equal(await (await ask(t, proxies[0]!.listen, ASK)).heard, '050005030001000000000000', 'no such peer: unreachable')
  const elsewhere = hex('050100 050100 01 7f000001 0001')
  t.equal(await (await ask(t, proxies[0]!.listen, elsewhere)).heard, '050005050001000000000000', 'refused, directly')
  t.same(near.sidecar.totals().directConnections, { no_route: 1, no_sidecar: 0 })
})

t.test('a stop does not wait for a direct connection that nobody uses', async t => {
  const near = await SidecarHost.create()
  const { proxies } = await near.start(t, { peers: [], proxy: [PROXY] })
  const service = createServer().listen(0, '127.0.0.1')
  t.teardown(() => service.close())
  await once(service, 'listening')
  const { port } = service.address() as AddressInfo
  const words = Buffer.concat([hex('050100 050100 01 7f000001'), Buffer.of(port >> 8, port & 0xff)])
  const [[remote], { client, heard }] = await Promise.all([
    once(service, 'connection') as Promise<[Socket]>,
    ask(t, proxies[0]!.listen, words),
  ])
  remote.on('error', () => {})
  while (client.bytesRead < 12) await once(client, 'data')
  const begin = performance.now()
  await near.sidecar.stop()
  t.ok(performance.now() - begin < LIMITS.farewellMs / 2)
  t.equal(await heard, '050005000001000000000000')
})

t.test('a program that ends before it has its answer has given up, unless it has said something already', async t => {
  const [near, far] = [await SidecarHost.create(), await SidecarHost.create()]
  const { proxies } = await near.start(t, { peers: [far.peer()], proxy: [{ ...PROXY, peer: 'other' }] })
  const asked = async (words: Uint8Array) => {
    const program = await ask(t, proxies[0]!.listen, words)
    await once(program.client, 'data')
    program.client.end()
    return program
  }
  await asked(Buffer.concat([ASK, Buffer.from('words')]))
  const { heard } = await asked(ASK)
  t.equal(await heard, '050005010001000000000000')
  t.match(near.sidecar.status().peers[0]!.sessions, [{ outboxBytes: 5 }], 'words are delivered when there is a path')
  t.equal(near.sidecar.status().peers[0]!.sessions.length, 1)
})
