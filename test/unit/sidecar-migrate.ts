import { networkInterfaces } from 'node:os'
import t from 'tap'
import { parseEndpoint } from '../../src/base/endpoint.ts'
import { ANY_PORT, SidecarHost } from '../support/sidecar-host.ts'

t.test('a side that cannot dial says where to ask for a move, each time', async t => {
  const [near, far] = [await SidecarHost.create(), await SidecarHost.create()]
  const { listening } = await far.start(t, { listen: ANY_PORT, peers: [near.peer()] })
  const connected = Promise.all([near.logged(/^connected/), far.logged(/^connected/)])
  await near.start(t, { peers: [far.peer({ endpoints: [parseEndpoint(listening[0]!)!] })] })
  await connected
  const refused = {
    peer: 'other',
    code: 'UNREACHABLE',
    message: 'this side knows no endpoint of the peer to move to; run `holdfast migrate` on the other side',
  }
  t.same(await far.sidecar.migrate(), [refused])
  t.same(await far.sidecar.migrate(), [refused])
  const migrated = Promise.all([near.logged(/^migrated/), far.logged(/^migrated/)])
  t.match(await near.sidecar.migrate(), [{ code: 'moved' }])
  for (const { fields } of await migrated) t.match(fields, { reason: 'command', epoch: 2 })
})

t.test('an endpoint that leads back to a listener of this sidecar itself is none of the peer’s', async t => {
  const [near, far] = [await SidecarHost.create(), await SidecarHost.create()]
  const everywhere = [{ endpoint: parseEndpoint('tcp://0.0.0.0:0')! }]
  const { listening } = await near.start(t, { listen: everywhere, peers: [far.peer()] })
  const { port } = parseEndpoint(listening[0]!)!
  const shared = Object.values(networkInterfaces()).flatMap(rows => rows ?? [])
  const advertise = shared
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => parseEndpoint(`tcp://${address}:${port}`)!)
  const connected = Promise.all([near.logged(/^connected/), far.logged(/^connected/)])
  await far.start(t, { advertise, peers: [near.peer({ endpoints: [parseEndpoint(`tcp://127.0.0.1:${port}`)!] })] })
  await connected
  t.match(await near.sidecar.migrate(), [{ message: /^this side knows no endpoint of the peer/ }])
})
