/**
 * The client's side of a ws or wss carrier: TLS where asked for, then the HTTP upgrade, on a socket that is connected.
 * The steps are taken apart so that each failure has its own sentence: what answered, and what to look at.
 */
import type { IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type * as Ws from 'ws'
import { type Endpoint, formatHostPort } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import { type Attempt, type Connected, onAbort, serverName } from './attempt.ts'
import type { Carrier } from './carrier.ts'
import { DialError, fromSystemError } from './dial-error.ts'
import { WebSocketCarrier } from './websocket.ts'

/** So much of an HTTP answer is shown to the operator. */
const ANSWER_BYTES_MAX = 200
const SERVICE_UNAVAILABLE = 503

const require = createRequire(import.meta.url)

/**
 * Loaded by the first dial: it costs memory, and most sidecars speak tcp alone. Not by import(): Node remembers one that failed,
 * and a moment without file descriptors would be the end of ws dialing.
 * @throws DialError
 */
export function loadWs({ target }: Attempt): typeof Ws {
  try {
    return require('ws')
  } catch (error) {
    throw fromSystemError(error as Error, target)
  }
}

/** @throws DialError; the socket is closed then */
export async function upgradeToCarrier(
  ws: typeof Ws,
  attempt: Attempt,
  { socket, connectMs }: Connected,
  signal: AbortSignal,
): Promise<Carrier> {
  const stream = attempt.endpoint.scheme === 'wss' ? await secure(attempt, socket, signal) : socket
  return upgrade(ws, attempt, { socket: stream, connectMs }, signal)
}

function secure({ endpoint, options, target }: Attempt, socket: Socket, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const tls = connectTls({
      socket,
      // Also what the certificate must be for, when there is no server name.
      host: endpoint.host,
      servername: serverName(endpoint),
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    })
    const fail = (error: DialError) => {
      socket.destroy()
      reject(error)
    }
    onAbort(signal, () => tls.destroy())
    tls.once('secureConnect', () => resolve(tls))
    tls.on('error', error => fail(tlsError(target, error, isSet(tls.authorizationError))))
    tls.once('close', () => fail(new DialError('HANDSHAKE_FAILED', `${target} closed the connection during TLS`)))
  })
}

/** @param isUntrusted the peer could speak TLS, but its chain or its name was not as it should be */
function tlsError(target: string, error: Error & { reason?: string }, isUntrusted: boolean): DialError {
  const why = printable(error.reason ?? error.message)
  return isUntrusted
    ? new DialError('CERTIFICATE_UNTRUSTED', `the certificate of ${target} is not trusted: ${why}`, { cause: error })
    : new DialError('HANDSHAKE_FAILED', `TLS with ${target} failed: ${why}`, { cause: error })
}

/** The types say that `authorizationError` is always there; it is null or undefined when nothing was wrong. */
function isSet(value: unknown): boolean {
  return value !== null && value !== undefined
}

function upgrade(
  { WebSocket }: typeof Ws,
  { endpoint, target }: Attempt,
  { socket, connectMs }: Connected,
  signal: AbortSignal,
): Promise<Carrier> {
  const scheme = endpoint.scheme === 'wss' ? 'wss' : 'ws'
  return new Promise((resolve, reject) => {
    const websocket = new WebSocket(upgradeUrl(endpoint), {
      createConnection: () => socket,
      generateMask: mask => mask.fill(0),
      maxPayload: LIMITS.frameBytesMax,
      perMessageDeflate: false,
    })
    const fail = (error: Error) => {
      socket.destroy()
      const sentence = `what answers at ${target} does not speak WebSocket (${printable(error.message)})`
      reject(new DialError('FRAME_MALFORMED', sentence, { cause: error }))
    }
    onAbort(signal, () => socket.destroy())
    websocket.once('open', () => {
      websocket.off('error', fail)
      resolve(new WebSocketCarrier({ websocket, socket, scheme, isClient: true, connectMs }))
    })
    websocket.on('unexpected-response', (_request, response) => {
      readAnswer(response, answer => {
        socket.destroy()
        reject(answerError(target, response, answer))
      })
    })
    websocket.on('error', fail)
  })
}

/** The name, not the address dialed: proxies route by the Host header made of it. A zone has no place in a URL. */
function upgradeUrl({ scheme, host, port, path }: Endpoint): string {
  return `${scheme}://${formatHostPort({ host: host.replace(/%.*$/, ''), port })}${path}`
}

function answerError(target: string, response: IncomingMessage, answer: string): DialError {
  const status = `${response.statusCode} ${printable(response.statusMessage ?? '')}`.trim()
  const words = answer === '' ? '' : ` ("${answer}")`
  return response.statusCode === SERVICE_UNAVAILABLE
    ? new DialError('TOO_MANY_CONNECTIONS', `${target} refused for now: ${status}${words}`)
    : new DialError('UPGRADE_REFUSED', `${target} answered ${status}${words}: is the path right?`)
}

function readAnswer(response: IncomingMessage, done: (answer: string) => void): void {
  let text = ''
  const finish = () => done(printable(text).trim())
  response.setEncoding('latin1')
  response.on('data', (chunk: string) => {
    text += chunk.slice(0, ANSWER_BYTES_MAX - text.length)
    if (text.length >= ANSWER_BYTES_MAX) finish()
  })
  response.once('end', finish)
  response.once('error', finish)
}

/** A stranger's words, fit for a log line. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, ANSWER_BYTES_MAX)
}
