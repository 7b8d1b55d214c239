/**
 * Two whole sidecars, and between them a carrier that ends after its first byte, its second, and so on, in either direction,
 * up to the last byte of a session that is opened, speaks both ways, half-closes and closes. `cuts.ts` does the same with
 * records, where more can be varied.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { parseEndpoint } from '../../src/base/endpoint.ts'
import { CuttingProxy, type Way } from '../support/cutting-proxy.ts'
import { startEcho } from '../support/echo-service.ts'
import { ANY_PORT, SidecarHost } from '../support/sidecar-host.ts'

/** Pairs of sidecars that are cut side by side. */
const LANES = 3
const QUESTION = Buffer.from('a question that is short, since every byte of it costs a cut')

interface Lane {
  readonly proxy: CuttingProxy
  readonly forwardPort: number
  /** Connections that the destination has accepted. */
  accepted(): number
}

async function openLane(t: Test): Promise<Lane> {
  const [near, far] = await Promise.all([SidecarHost.create(), SidecarHost.create()])
  const [echo, proxy] = await Promise.all([startEcho(t), CuttingProxy.start(t)])
  const allow = [{ to: `127.0.0.1:${echo.port}` }]
  const endpoints = [parseEndpoint(`tcp://127.0.0.1:${proxy.port}`)!]
  // What it would say of itself leads past the proxy.
  const server = await far.start(t, { listen: ANY_PORT, advertise: endpoints, peers: [near.peer({ allow })] })
  proxy.target = parseEndpoint(server.listening[0]!)!.port
  const client = await near.start(t, {
    peers: [far.peer({ endpoints })],
    forward: [{ listen: { host: '127.0.0.1', port: 0 }, peer: 'other', to: { host: '127.0.0.1', port: echo.port } }],
  })
  const forwardPort = Number(client.forwards[0]!.listen.split(':').at(-1))
  return { proxy, forwardPort, accepted: () => echo.accepted }
}

/** @returns what the application was given, after it has said all it has to say */
async function ask(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(QUESTION)
  let answer = ''
  socket.setEncoding('latin1').on('data', text => {
    answer += text
  })
  await once(socket, 'close')
  return answer
}

/** @returns what went wrong, or undefined; the carrier that there was is ended, so that the next one is all of this cut */
async function tryCut(lane: Lane, way: Way, bytes: number): Promise<string | undefined> {
  const before = lane.accepted()
  lane.proxy.endAll()
  lane.proxy.cut = { way, bytes }
  const answer = await ask(lane.forwardPort)
  if (answer !== QUESTION.toString()) return `${way} ${bytes}: the answer was ${answer.length} bytes`
  if (lane.accepted() !== before + 1) return `${way} ${bytes}: ${lane.accepted() - before} connections were accepted`
  return undefined
}

for (const way of ['there', 'back'] as const) {
  t.test(`a resumed carrier may end after any byte that goes ${way}`, { timeout: 180_000 }, async t => {
    const lanes = await Promise.all(Array.from({ length: LANES }, () => openLane(t)))
    for (const lane of lanes) t.equal(await ask(lane.forwardPort), QUESTION.toString(), 'it is known')
    const failures: string[] = []
    let next = 0
    let isOver = false
    await Promise.all(
      lanes.map(async lane => {
        while (!isOver) {
          const bytes = next++
          const cutsBefore = lane.proxy.cuts
          const failure = await tryCut(lane, way, bytes)
          if (failure !== undefined) failures.push(failure)
          // The session needs fewer bytes than that.
          if (lane.proxy.cuts === cutsBefore) isOver = true
        }
      }),
    )
    t.same(failures.slice(0, 5), [], `${failures.length} of ${next} cuts fail`)
    t.ok(next > 300, `${next} bytes were needed`)
  })
}
