import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Teardown } from '../support/cli-host.ts'

/** A destination that takes connections and reads nothing of them. */
export interface Sink {
  readonly port: number
  /** Connections that it has accepted. */
  readonly accepted: number
  /** Ends all of them. */
  drop(): void
}

export async function startSink(t: Teardown): Promise<Sink> {
  const sockets = new Set<Socket>()
  const server = createServer({ pauseOnConnect: true }, socket => {
    sink.accepted++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await once(server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }), 'listening')
  const drop = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  t.teardown(() => {
    drop()
    server.close()
  })
  const sink = { port: (server.address() as AddressInfo).port, accepted: 0, drop }
  return sink
}
