import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Teardown } from './cli-host.ts'

export interface RecordingProxy {
  readonly port: number
  /** Where it leads to. While that is 0, it ends connections at once. */
  target: number
  /** What came from each client, in the order of connections; only the beginning is kept. */
  readonly recorded: Buffer[]
  /** Ends all connections. */
  cut(): void
}

const KEPT_BYTES = 64 * 1024

/** Carries TCP connections to another local port, and remembers how they began. */
export async function startRecordingProxy(t: Teardown): Promise<RecordingProxy> {
  const clients = new Set<Socket>()
  const server = createServer(client => {
    clients.add(client)
    client.on('close', () => clients.delete(client))
    const index = proxy.recorded.push(Buffer.alloc(0)) - 1
    const far = connect(proxy.target, '127.0.0.1')
    client.on('data', chunk => {
      const known = proxy.recorded[index]!
      if (known.length < KEPT_BYTES) proxy.recorded[index] = Buffer.concat([known, chunk])
    })
    client.pipe(far).pipe(client)
    for (const [one, other] of [
      [client, far],
      [far, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const cut = () => {
    for (const client of clients) client.destroy()
  }
  const proxy: RecordingProxy = { port, target: 0, recorded: [], cut }
  return proxy
}
