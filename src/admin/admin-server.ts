/**
 * The admin socket: HTTP over a unix socket that only its user can open.
 *
 *     GET  /v1/status    StatusReport (sidecar/status.ts)
 *     POST /v1/migrate   {"peer": NAME} or {}; answers a list of results
 *     GET  /metrics      Prometheus text
 *     GET  /healthz      200 while the sidecar runs
 *
 * The socket comes into being under umask 0177, so there is no moment at which others could open it. One that a killed process
 * left behind is replaced; one that answers is not.
 */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import type { Sidecar } from '../sidecar/sidecar-api.ts'

export interface AdminServer {
  readonly socket: string
  /** Stops listening and removes the socket. */
  close(): Promise<void>
}

/** @throws OperatorError SIDECAR_RUNNING when another sidecar answers there, ADDRESS_UNAVAILABLE */
export async function startAdminServer(socket: string, sidecar: Sidecar): Promise<AdminServer> {
  await removeStale(socket)
  const server = createServer({ requestTimeout: LIMITS.adminRequestMs }, (request, response) => {
    answer(sidecar, request, response).catch((error: unknown) => send(response, 500, { error: String(error) }))
  })
  server.maxConnections = LIMITS.adminConnectionsMax
  await bind(server, socket)
  return {
    socket,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(sidecar: Sidecar, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const route = `${request.method} ${request.url?.split('?')[0]}`
  if (route === 'GET /v1/status') return send(response, 200, sidecar.status())
  if (route === 'GET /healthz') return send(response, 200, { status: 'running' })
  if (route === 'GET /metrics') {
    // prom-client costs memory that a sidecar which nobody scrapes need not have.
    const { renderMetrics } = await import('./metrics.ts')
    const { contentType, text } = await renderMetrics(sidecar)
    response.writeHead(200, { 'content-type': contentType })
    response.end(text)
    return
  }
  if (route === 'POST /v1/migrate') {
    const body = await readBody(request)
    if (body === undefined) return send(response, 400, { error: 'the body is no JSON object such as {"peer": "office"}' })
    return send(response, 200, await sidecar.migrate(typeof body['peer'] === 'string' ? body['peer'] : undefined))
  }
  send(response, 404, { error: `there is no ${route} here` })
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  let text = ''
  for await (const chunk of request) {
    text += chunk
    if (text.length > LIMITS.adminBodyBytesMax) return undefined
  }
  try {
    const body: unknown = text === '' ? {} : JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

async function removeStale(socket: string): Promise<void> {
  if (!isSocket(socket)) return
  if (await answers(socket)) {
    throw new OperatorError('SIDECAR_RUNNING', `a sidecar already answers on ${socket}: stop it first, or set another admin.socket`)
  }
  unlinkSync(socket)
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket()
  } catch {
    return false
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect(socket)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}

function bind(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const message = `cannot make the admin socket ${socket}: ${cause.message}; mend admin.socket in the configuration`
      reject(new OperatorError('ADDRESS_UNAVAILABLE', message, { cause }))
    })
    const before = process.umask(0o177)
    server.listen(socket, () => {
      process.umask(before)
      chmodSync(socket, 0o600)
      resolve()
    })
    process.umask(before)
  })
}
