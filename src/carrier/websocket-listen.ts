import { createServer as createHttpServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Server, Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { type Endpoint, printableEndpoint } from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import type { Place } from '../base/places.ts'
import { isGone, type Listener, type ListenOptions, Refusals, startListener } from './listen.ts'
import { WebSocketCarrier } from './websocket.ts'

const NOT_FOUND = 'There is nothing here.\n'
const UPGRADE_REQUIRED = 'This is a WebSocket endpoint.\n'
const TOO_MANY = 'Too many connections; try again later.\n'

/** Accepts ws and wss carriers at the path of the endpoint, and nothing anywhere else. */
export function listenWebSocket(endpoint: Endpoint, options: ListenOptions): Promise<Listener> {
  const server = createServer(endpoint, options)
  const pending = new PendingConnections()
  const refusals = new Refusals()
  const path = requestTarget(endpoint)
  const isTls = endpoint.scheme === 'wss'
  const websockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: LIMITS.frameBytesMax,
    perMessageDeflate: false,
  })
  // The TCP connection, before TLS and HTTP: the bounds hold for who never gets that far, too.
  server.on('connection', (socket: Socket) => {
    if (isGone(socket)) return
    const address = socket.remoteAddress!
    // In clear text there is nothing to say inside TLS, and the TLS handshake is the work to be saved.
    if (isTls && !options.admission.allowOuterHandshake(address, performance.now())) return void socket.destroy()
    const place = options.admission.admit(address)
    if (place !== undefined) pending.add(socket, place)
    else if (isTls) socket.destroy()
    else refusals.refuse(socket, httpAnswer(503, TOO_MANY))
  })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const [status, body] = request.url === path ? [426, UPGRADE_REQUIRED] : [404, NOT_FOUND]
    response.writeHead(status, { ...TEXT_HEADERS, 'Content-Length': body.length })
    response.end(body)
  })
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const socket = stream as Socket
    socket.on('error', () => socket.destroy())
    if (request.url !== path) return void socket.end(httpAnswer(404, NOT_FOUND), () => socket.destroy())
    websockets.handleUpgrade(request, socket, head, websocket => {
      const place = pending.take(socket)
      if (place === undefined) return void socket.destroy()
      const scheme = isTls ? 'wss' : 'ws'
      const carrier = new WebSocketCarrier({ websocket, socket, scheme, isClient: false })
      options.onCarrier(carrier, carrier.boundStranger(place))
    })
  })
  const dropPending = () => {
    refusals.drop()
    pending.drop()
  }
  return startListener({ server, endpoint, options, dropPending })
}

function createServer(endpoint: Endpoint, { tls }: ListenOptions): Server {
  // The deadline for a whole upgrade is that of PendingConnections; Node's own are longer.
  if (endpoint.scheme === 'ws') return createHttpServer({ noDelay: true })
  const url = printableEndpoint(endpoint)
  if (tls === undefined) throw new OperatorError('CONFIG_INVALID', `${url} needs a certificate and a key: set both`)
  try {
    return createHttpsServer({ noDelay: true, cert: tls.cert, key: tls.key, ALPNProtocols: ['http/1.1'] })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const message = `the certificate and key of ${url} cannot be used (${why}): give a PEM certificate and its own key`
    throw new OperatorError('CONFIG_INVALID', message, { cause: error })
  }
}

/** The path as a client will write it in its request. */
function requestTarget({ path }: Endpoint): string {
  const url = new URL(`ws://host${path}`)
  return url.pathname + url.search
}

const TEXT_HEADERS = { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' }

/** The same by hand, where there is a socket but no ServerResponse. */
function httpAnswer(status: number, body: string): string {
  const headers = Object.entries({ ...TEXT_HEADERS, 'Content-Length': body.length })
  const lines = headers.map(([name, value]) => `${name}: ${value}`)
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n')
}

/**
 * Connections on their way to becoming a carrier, each with its place and a deadline of LIMITS.handshakeMs.
 * They are known by the addresses and the client's port: under wss, the stream that is upgraded is another object than the
 * socket that was accepted. A client may use one port towards two addresses of ours.
 */
class PendingConnections {
  readonly #rows = new Map<string, { socket: Socket; place: Place; timer: NodeJS.Timeout }>()

  add(socket: Socket, place: Place): void {
    const key = keyOf(socket)
    const timer = setTimeout(() => socket.destroy(), LIMITS.handshakeMs).unref()
    this.#rows.set(key, { socket, place, timer })
    socket.once('close', () => {
      place.release()
      if (this.#rows.get(key)?.socket === socket) this.#remove(key)
    })
  }

  /** @returns the place of a connection that is a carrier now; undefined when it closed meanwhile */
  take(socket: Socket): Place | undefined {
    const key = keyOf(socket)
    const place = this.#rows.get(key)?.place
    this.#remove(key)
    return place
  }

  drop(): void {
    for (const { socket } of this.#rows.values()) socket.destroy()
  }

  #remove(key: string): void {
    clearTimeout(this.#rows.get(key)?.timer)
    this.#rows.delete(key)
  }
}

function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
