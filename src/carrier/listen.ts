/**
 * Accepts carriers. Every connection first takes a place among those that have not proved an identity; it keeps it
 * until the sidecar releases it (authenticated) or it closes. Who gets none is told TOO_MANY_CONNECTIONS.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { type Endpoint, printableEndpoint } from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import type { Place } from '../base/places.ts'
import { adoptSocket, Reading } from '../platform/slab-socket.ts'
import type { Admission } from './admission.ts'
import { type Carrier, closeFrame } from './carrier.ts'
import { TcpCarrier } from './tcp.ts'

export interface ListenOptions {
  /** PEM texts for wss. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer }
  /** Shared by all listeners of the sidecar. */
  readonly admission: Admission
  /** A new carrier. Release its place when the peer has proved its identity; the end of the carrier does it too. */
  onCarrier(carrier: Carrier, place: Place): void
  /** The kernel could not accept, as when file descriptors ran out; the listener goes on. */
  onAcceptFailed?(error: Error): void
}

export interface Listener {
  /** What is listened on, with the real port. */
  readonly endpoint: Endpoint
  /** Accepts no more and drops what has not become a carrier; carriers handed over stay. Harmless when repeated. */
  close(): Promise<void>
}

/**
 * Listens on an endpoint. `[::]` takes both families, also on a host without IPv6.
 * @throws OperatorError ADDRESS_IN_USE, ADDRESS_UNAVAILABLE, or CONFIG_INVALID for unusable `tls`
 */
export async function listen(endpoint: Endpoint, options: ListenOptions): Promise<Listener> {
  if (endpoint.scheme === 'tcp') return listenTcp(endpoint, options)
  // Loaded here: it costs memory, and most sidecars speak tcp alone.
  const { listenWebSocket } = await import('./websocket-listen.ts')
  return listenWebSocket(endpoint, options)
}

function listenTcp(endpoint: Endpoint, options: ListenOptions): Promise<Listener> {
  const refusals = new Refusals()
  // Paused: what a stranger sends is not read before somebody is attached.
  const server = createServer({ noDelay: true, pauseOnConnect: true }, socket => {
    if (isGone(socket)) return
    const place = options.admission.admit(socket.remoteAddress!)
    if (place === undefined) return refusals.refuse(socket, Buffer.concat(closeFrame('TOO_MANY_CONNECTIONS')))
    const reading = new Reading()
    const own = adoptSocket(socket, reading, {})
    own.once('close', () => place.release())
    options.onCarrier(new TcpCarrier(own, reading), place)
  })
  return startListener({ server, endpoint, options, dropPending: () => refusals.drop() })
}

/** A connection can be reset before it is accepted; it has no address then. */
export function isGone(socket: Socket): boolean {
  if (socket.remoteAddress !== undefined) return false
  socket.destroy()
  return true
}

/**
 * Ends refused connections so that the peer can read why. Closing at once, with the peer's first bytes unread, would
 * send an RST, which takes the words from it.
 */
export class Refusals {
  readonly #lingering = new Set<Socket>()

  refuse(socket: Socket, words: Uint8Array | string): void {
    socket.on('error', () => undefined)
    if (this.#lingering.size >= LIMITS.refusedLingerMax) return void socket.destroy()
    this.#lingering.add(socket)
    const timer = setTimeout(() => socket.destroy(), LIMITS.refusedLingerMs)
    socket.once('close', () => {
      clearTimeout(timer)
      this.#lingering.delete(socket)
    })
    socket.once('end', () => socket.destroy())
    socket.end(words)
    socket.resume()
  }

  drop(): void {
    for (const socket of this.#lingering) socket.destroy()
  }
}

export interface ListenerParts {
  readonly server: Server
  readonly endpoint: Endpoint
  readonly options: ListenOptions
  /** Ends the connections that have not become carriers. */
  dropPending(): void
}

export async function startListener({ server, endpoint, options, dropPending }: ListenerParts): Promise<Listener> {
  const port = await bindServer(server, endpoint)
  server.on('error', error => options.onAcceptFailed?.(error))
  let closed: Promise<void> | undefined
  return {
    endpoint: { ...endpoint, port },
    close: () => {
      closed ??= stopServer(server, dropPending)
      return closed
    },
  }
}

/** Frees the port at once. The server's own 'close' would wait for the carriers, which are not its to end. */
async function stopServer(server: Server, dropPending: () => void): Promise<void> {
  server.close()
  dropPending()
  await new Promise<void>(resolve => setImmediate(resolve))
}

/** How a kernel without IPv6 answers. */
const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL'])

/** @returns the port that was bound */
export async function bindServer(server: Server, endpoint: Endpoint): Promise<number> {
  try {
    return await bindOnce(server, endpoint.host, endpoint.port)
  } catch (error) {
    if (endpoint.host !== '::' || !NO_IPV6.has(errnoOf(error))) throw bindError(endpoint, error)
  }
  try {
    return await bindOnce(server, '0.0.0.0', endpoint.port)
  } catch (error) {
    throw bindError(endpoint, error)
  }
}

function bindOnce(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      server.off('listening', succeed)
      reject(error)
    }
    const succeed = () => {
      server.off('error', fail)
      const address = server.address()
      resolve(address === null || typeof address === 'string' ? port : address.port)
    }
    server.once('error', fail)
    server.once('listening', succeed)
    server.listen({ host, port })
  })
}

function bindError(endpoint: Endpoint, error: unknown): OperatorError {
  const url = printableEndpoint(endpoint)
  const errno = errnoOf(error)
  if (errno === 'EADDRINUSE') {
    const todo = 'stop the other program or choose another port'
    return new OperatorError('ADDRESS_IN_USE', `cannot listen on ${url}: the port is taken; ${todo}`, { cause: error })
  }
  const why =
    errno === 'EACCES'
      ? 'this user may not listen on that port; choose one above 1023'
      : `this host has no such address (${errno}); choose one that it has, or [::] for all`
  return new OperatorError('ADDRESS_UNAVAILABLE', `cannot listen on ${url}: ${why}`, { cause: error })
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
