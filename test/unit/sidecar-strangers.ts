import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { parseEndpoint } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { OUTER, outerHeader } from '../../src/wire/outer-frame.ts'
import { ANY_PORT, SidecarHost } from '../support/sidecar-host.ts'

const ASK_EVERY_MS = 20

/** Sends bytes until the other side has closed for good, which nothing else shows to who does not end. @returns when */
function cutAt(socket: Socket): Promise<number> {
  return new Promise(resolve => {
    const timer = setInterval(() => socket.write('x'), ASK_EVERY_MS)
    socket.on('error', () => {
      clearInterval(timer)
      resolve(performance.now())
    })
  })
}

t.test('a stranger that is told why it failed, and does not end, is soon cut', async t => {
  const office = await SidecarHost.create()
  const { listening } = await office.start(t, { listen: ANY_PORT })
  const { port } = parseEndpoint(listening[0]!)!
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  socket.write(outerHeader(OUTER.RECORD, 0xff_ffff))
  const [told] = await once(socket, 'data')
  t.equal(told[0], OUTER.CLOSE)
  await once(socket.resume(), 'end')
  const toldMs = performance.now()
  const elapsedMs = (await cutAt(socket)) - toldMs
  const { refusedLingerMs, carrierCloseMs } = LIMITS
  t.ok(elapsedMs > refusedLingerMs / 2 && elapsedMs < carrierCloseMs - refusedLingerMs, `cut after ${elapsedMs} ms`)
})
