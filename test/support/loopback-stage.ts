/** Two sidecars on loopback, for the ways in that need no root. */
import type { Test } from 'tap'
import { formatHostPort, type HostPort, parseHostPort } from '../../src/base/endpoint.ts'
import { CliHost, runningCli } from './cli-host.ts'
import { DESTINATION_SCRIPTS, type MannersStage } from './manners-suite.ts'
import { startRecordingProxy } from './recording-proxy.ts'
import { Destination, type Way } from './scenes.ts'

const LOOPBACK = '127.0.0.1'
/** A connect to the broadcast address of a network fails at once. */
const UNREACHABLE = '127.255.255.255'
/** Loopback as well, and on no allow list. */
const NOT_ALLOWED = '127.0.0.2'

export async function createLoopbackStage(t: Test, way: Way): Promise<MannersStage> {
  const destination = await Destination.start(DESTINATION_SCRIPTS, LOOPBACK)
  t.teardown(() => destination.peer.kill())
  const { open, closed, full } = destination.ports
  const failures = [
    { what: 'nobody listens there', to: { host: LOOPBACK, port: closed }, code: 'REFUSED' },
    { what: 'nobody answers', to: { host: LOOPBACK, port: full }, code: 'TIMED_OUT' },
    { what: 'no way leads there', to: { host: UNREACHABLE, port: open }, code: 'UNREACHABLE' },
    { what: 'it is not allowed', to: { host: NOT_ALLOWED, port: open }, code: 'NOT_ALLOWED' },
  ] as const
  const [near, far] = [await CliHost.create(t), await CliHost.create(t)]
  far.configure({
    listen: ['tcp://127.0.0.1:0'],
    peers: [{ name: 'near', id: near.peerId, allow: [`${LOOPBACK}:*`, `${UNREACHABLE}:*`] }],
  })
  await runningCli(t, ['up', '--config', far.configFile]).line()
  const between = await startRecordingProxy(t)
  between.target = parseHostPort(new URL(await far.endpoint()).host)!.port
  const places = [destination.place, ...failures.map(({ to }) => to)]
  await near.up({
    peers: [{ name: 'far', id: far.peerId, endpoints: [`tcp://127.0.0.1:${between.port}`] }],
    proxy: [{ listen: '127.0.0.1:0', peer: 'far' }],
    forward: places.map(to => ({ listen: '127.0.0.1:0', peer: 'far', to: formatHostPort(to) })),
  })
  const { forwards, proxies } = await near.status()
  const at = (to: HostPort) => {
    const forward = forwards.find(one => one.to === formatHostPort(to))!
    return parseHostPort((way === 'forward' ? forward : proxies[0]!).listen)!
  }
  return {
    way,
    near,
    far,
    destination,
    failures,
    at,
    capturedAt: formatHostPort(at(destination.place)),
    within: [],
    loseCarrier: async () => between.cut(),
  }
}
