/** Scenes for test/conformance/carrier-listen.ts that need a process of their own. */
import { createRequire } from 'node:module'
import { connect, type Socket } from 'node:net'
import { type Endpoint, parseEndpoint } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { Admission } from '../../src/carrier/admission.ts'
import { dialCarrier } from '../../src/carrier/dial.ts'
import { type Listener, listen } from '../../src/carrier/listen.ts'

function open(url: string): Promise<Listener> {
  const admission = new Admission({ ...LIMITS, unauthenticatedPerAddressMax: 1_000 })
  const onAcceptFailed = () => undefined
  return listen(parseEndpoint(url) as Endpoint, { admission, onAcceptFailed, onCarrier: () => undefined })
}

/** More connections than there are file descriptors (the caller has set that limit), then one more. */
async function flood(): Promise<void> {
  const { endpoint } = await open('tcp://127.0.0.1:0')
  const sockets: Socket[] = []
  const ends: Promise<unknown>[] = []
  for (let i = 0; i < 100; i++) {
    const socket = connect(endpoint.port, endpoint.host)
    sockets.push(socket)
    ends.push(new Promise(resolve => socket.on('connect', resolve).on('error', resolve)))
  }
  await Promise.all(ends)
  for (const socket of sockets) socket.destroy()
  for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
  await dialCarrier(endpoint)
  console.log('reached again')
}

async function lazy(): Promise<void> {
  const isLoaded = () => Object.keys(createRequire(import.meta.url).cache).some(file => file.includes('/ws/lib/'))
  for (const scheme of ['tcp', 'ws']) {
    const { endpoint } = await open(`${scheme}://127.0.0.1:0`)
    await dialCarrier(endpoint)
    console.log(`${scheme}: ${isLoaded()}`)
  }
}

await (process.argv[2] === 'flood' ? flood() : lazy())
process.exit(0)
