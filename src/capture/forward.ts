/** A local port whose connections all go to one destination on the peer's side. */
import { createServer, type Server } from 'node:net'
import { formatHostPort, type HostPort } from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'
import { ApplicationSocket } from '../platform/application-socket.ts'
import type { Capture } from './capture.ts'

export type Forward = Capture

/** @throws OperatorError ADDRESS_IN_USE, ADDRESS_UNAVAILABLE */
export async function listenForward(
  { listen }: { listen: HostPort },
  onConnection: (socket: ApplicationSocket) => void,
): Promise<Forward> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, socket => {
    // Reset before it was accepted: nobody is there.
    if (socket.remoteAddress === undefined) socket.destroy()
    else onConnection(ApplicationSocket.adopt(socket))
  })
  const port = await bind(server, listen)
  // Descriptors ran out, say: the connection is lost, the listener is not.
  server.on('error', () => {})
  return {
    local: { host: listen.host, port },
    close: () => new Promise(resolve => server.close(() => resolve())),
  }
}

function bind(server: Server, listen: HostPort): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', cause => reject(bindError(listen, cause)))
    server.listen({ host: listen.host, port: listen.port }, () => {
      server.removeAllListeners('error')
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : listen.port)
    })
  })
}

function bindError(listen: HostPort, cause: NodeJS.ErrnoException): OperatorError {
  const where = formatHostPort(listen)
  if (cause.code === 'EADDRINUSE') {
    const todo = 'stop the other program or choose another port'
    return new OperatorError('ADDRESS_IN_USE', `cannot listen on ${where}: the port is taken; ${todo}`, { cause })
  }
  const why = cause.code === 'EACCES' ? 'this user may not listen on that port' : `this host has no such address (${cause.code})`
  return new OperatorError('ADDRESS_UNAVAILABLE', `cannot listen on ${where}: ${why}; choose another`, { cause })
}
