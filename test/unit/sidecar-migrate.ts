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
