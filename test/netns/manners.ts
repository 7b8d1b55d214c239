/**
 * The manners of TCP on the ways in that need root, told by peers that are not Node. Needs `ip`, `ss`, `nft` and python3.
 *
 *     node build/test/netns/manners.js
 */
import t, { type Test } from 'tap'
import { formatHostPort } from '../../src/base/endpoint.ts'
import { DEFAULT_CAPTURE_PORT } from '../../src/config/capture-schema.ts'
import { CaptureStage, DESTINATIONS, namespacesUnavailable } from '../support/capture-stage.ts'
import { DESTINATION_SCRIPTS, type MannersStage, showManners, showShortConnections } from '../support/manners-suite.ts'
import { Destination } from '../support/scenes.ts'

const [HOST] = DESTINATIONS
/** Destinations behind which the far network fails in its several ways. */
const FAILING = [
  { what: 'a firewall drops', host: '10.20.0.6', code: 'TIMED_OUT' },
  { what: 'a router says that the host is not to be reached', host: '10.20.0.7', code: 'UNREACHABLE' },
  { what: 'a firewall resets', host: '10.20.0.8', code: 'REFUSED' },
  { what: 'an unreachable route', host: '10.20.0.9', code: 'UNREACHABLE' },
  { what: 'a blackhole route', host: '10.20.0.10', code: 'UNREACHABLE' },
  { what: 'a prohibited route', host: '10.20.0.11', code: 'UNREACHABLE' },
] as const
const FIREWALL = `
table inet faults {
	chain input {
		type filter hook input priority 0; policy accept;
		ip daddr 10.20.0.6 tcp flags syn drop
		ip daddr 10.20.0.7 tcp flags syn reject with icmp type host-unreachable
		ip daddr 10.20.0.8 tcp flags syn reject with tcp reset
	}
}
`
const skip = namespacesUnavailable()

for (const way of ['redirect', 'tproxy'] as const) {
  showManners(t, way, skip, t => createStage(t, way))
  showShortConnections(t, way, skip, t => createStage(t, way))
}

async function createStage(t: Test, way: 'redirect' | 'tproxy'): Promise<MannersStage> {
  const stage = await CaptureStage.create(t, way[0]!)
  const { near, far, nearHost, farHost } = stage
  await far.nft(FIREWALL)
  await far.ip(...FAILING.slice(0, 3).map(({ host }) => `addr add ${host} dev lo`))
  await far.ip(
    ...['unreachable', 'blackhole', 'prohibit'].map((kind, index) => `route add ${kind} ${FAILING[3 + index]!.host}`),
  )
  const client = way === 'redirect' ? near : await stage.clientBehind()
  const destination = await Destination.start(DESTINATION_SCRIPTS, HOST, inside(far.name))
  t.teardown(() => destination.peer.kill())
  nearHost.configure({
    peers: [{ name: 'far', id: farHost.peerId, endpoints: ['tcp://10.78.1.1:7700'] }],
    routes: [{ to: '10.20.0.0/16', peer: 'far' }],
    capture: { mode: way },
  })
  await stage.startNear().line()
  const { open, closed, full } = destination.ports
  return {
    way,
    near: nearHost,
    far: farHost,
    destination,
    failures: [
      { what: 'nobody listens there', to: { host: HOST, port: closed }, code: 'REFUSED' },
      { what: 'nobody answers', to: { host: HOST, port: full }, code: 'TIMED_OUT' },
      ...FAILING.map(({ what, host, code }) => ({ what, to: { host, port: open }, code })),
    ],
    at: to => to,
    capturedAt: way === 'redirect' ? `127.0.0.1:${DEFAULT_CAPTURE_PORT}` : formatHostPort(destination.place),
    within: inside(client.name),
    loseCarrier: async () => {
      await near.run(['ss', '--kill', '--tcp', 'dst', '10.78.1.1', 'dport', '=', ':7700'])
    },
  }
}

function inside(namespace: string): readonly string[] {
  return ['ip', 'netns', 'exec', namespace]
}
