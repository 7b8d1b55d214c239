import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { parseEndpoint } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { createIdentity, loadIdentity, type PeerId } from '../../src/secure/identity.ts'
import { startImpostor } from '../support/attacker.ts'
import { MaliciousPeer } from '../support/malicious-peer.ts'
import { ANY_PORT, SidecarHost } from '../support/sidecar-host.ts'

t.test('one peer has at most carriersPerPeerMax carriers: for one more the oldest standby is closed', async t => {
  const office = await SidecarHost.create()
  const mallory = loadIdentity(await createIdentity())
  const peer = { name: 'mallory', id: mallory.peerId, endpoints: [], allow: [] }
  const { listening } = await office.start(t, { listen: ANY_PORT, peers: [peer] })
  const { port } = parseEndpoint(listening[0]!)!
  const meet = async () => {
    const one = await MaliciousPeer.meet(mallory, office.peerId as PeerId, { port })
    t.teardown(() => one.destroy())
    return one
  }
  const active = await meet()
  await active.greet()
  const standby: MaliciousPeer[] = []
  const isAlive = () => [active, ...standby].filter(one => !one.isOver).length
  for (let i = 1; i < LIMITS.carriersPerPeerMax; i++) standby.push(await meet())
  const paths = () => office.sidecar.status().peers[0]!.paths.length
  while (paths() < LIMITS.carriersPerPeerMax) await turn()
  t.equal(isAlive(), LIMITS.carriersPerPeerMax, 'one below and the limit')
  const more = await meet()
  t.equal(await standby[0]!.closed(), 'SUPERSEDED')
  t.equal(paths(), LIMITS.carriersPerPeerMax)
  t.equal(isAlive() + (more.isOver ? 0 : 1), LIMITS.carriersPerPeerMax, 'one above')
})

t.test('of a path that was dialed the round trip is known before the peer has said a word', async t => {
  const mute = loadIdentity(await createIdentity())
  const { port, answer } = await startImpostor(t, mute)
  answer().catch(() => undefined)
  const home = await SidecarHost.create()
  const peer = { name: 'mute', id: mute.peerId, endpoints: [parseEndpoint(`tcp://127.0.0.1:${port}`)!], allow: [] }
  await home.start(t, { peers: [peer] })
  const paths = () => home.sidecar.status().peers[0]!.paths
  while (paths().length === 0) await turn()
  t.type(paths()[0]?.rttMs, 'number')
})
