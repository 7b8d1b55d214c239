/** Listening for application connections, with the operator's mistakes told as sentences. */
import net, { type AddressInfo } from 'node:net'
import type { Code } from '../base/codes.ts'
import { formatHostPort, type HostPort } from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'
import { ApplicationSocket } from '../platform/application-socket.ts'
import type { Capture, OnConnection } from './capture.ts'

const FAULTS: Partial<Record<string, { readonly code: Code; readonly sentence: string }>> = {
  EADDRINUSE: { code: 'ADDRESS_IN_USE', sentence: 'it is taken; stop the other program or choose another port' },
  EADDRNOTAVAIL: { code: 'ADDRESS_UNAVAILABLE', sentence: 'this host has no such address; choose one that it has' },
  EAFNOSUPPORT: { code: 'ADDRESS_UNAVAILABLE', sentence: 'this host has no IPv6; choose an IPv4 address' },
  EINVAL: {
    code: 'ADDRESS_UNAVAILABLE',
    sentence: 'nobody can listen there; write an address of this host, a link-local one with its link: [fe80::1%eth0]',
  },
  ENOTFOUND: { code: 'ADDRESS_UNAVAILABLE', sentence: 'the name has no address; write an IP address' },
  EACCES: {
    code: 'ADDRESS_UNAVAILABLE',
    sentence: 'this user may not use that port; choose one above 1023 or grant CAP_NET_BIND_SERVICE',
  },
}

/** With a descriptor, that is listened on, and the address only names it. */
export type ListenPlace = HostPort & { readonly fd?: number }

/**
 * @param listen port 0 takes any free one
 * @throws OperatorError ADDRESS_IN_USE or ADDRESS_UNAVAILABLE, naming the address
 */
export function listenApplications(listen: ListenPlace, onConnection: OnConnection): Promise<Capture> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true })
  server.on('connection', accepted => onConnection(ApplicationSocket.adopt(accepted)))
  // The last socket is destroyed then; the loop closes it in this iteration.
  const ended = new Promise<void>(resolve => server.once('close', () => setImmediate(resolve)))
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(explain(error, listen))
    server.once('error', fail)
    server.listen(listen.fd === undefined ? { port: listen.port, host: listen.host } : { fd: listen.fd }, () => {
      server.off('error', fail)
      // Out of file descriptors (EMFILE): that connection is lost, the listener stays.
      server.on('error', () => {})
      const { address, port } = server.address() as AddressInfo
      resolve({ local: { host: address, port }, ended, close: () => close(server) })
    })
  })
}

/** Does not wait for connections, as server.close() would: they belong to sessions. */
function close(server: net.Server): Promise<void> {
  // The listening handle is closed in this loop iteration; its port is free in the next.
  if (server.listening) server.close()
  return new Promise(resolve => setImmediate(resolve))
}

function explain(cause: NodeJS.ErrnoException, listen: HostPort): OperatorError {
  const other = `${cause.message}; choose an address and a port of this host`
  const { code, sentence } = FAULTS[cause.code ?? ''] ?? { code: 'ADDRESS_UNAVAILABLE', sentence: other }
  return new OperatorError(code, `cannot listen on ${formatHostPort(listen)}: ${sentence}`, { cause })
}
