import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Teardown } from './cli-host.ts'

export interface EchoService {
  readonly port: number
  /** Connections that it has accepted. */
  readonly accepted: number
}

/** Sends back what comes, and ends when its client ends. */
export async function startEcho(t: Teardown): Promise<EchoService> {
  const server = createServer({ allowHalfOpen: true }, socket => {
    service.accepted++
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const service = { port: (server.address() as AddressInfo).port, accepted: 0 }
  return service
}

/** @returns whether everything came back as it was sent */
export async function echoes(port: number, payload: Buffer, host = '127.0.0.1'): Promise<boolean> {
  const socket = connect({ host, port, allowHalfOpen: true })
  socket.end(payload)
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of socket) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return bytes === payload.length && hash.digest().equals(createHash('sha256').update(payload).digest())
}
