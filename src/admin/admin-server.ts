/**
 * The admin socket: HTTP over a unix socket that only its user can open.
 *
 *     GET  /v1/status    StatusReport (sidecar/status.ts)
 *     POST /v1/migrate   {"peer": NAME} or {}; answers a list of MigrateResult
 *     GET  /metrics      Prometheus text
 *     GET  /healthz      200 while the sidecar runs
 *
 * The socket comes into being under umask 0177, so there is no moment at which others could open it. One that a killed process
 * left behind is replaced; one on which somebody answers is not, also when several sidecars start at once. It is gone when the
 * process ends, however it ends by itself. Windows has no file there, but a named pipe that ends with its process.
 */
import { type BigIntStats, existsSync, linkSync, lstatSync, renameSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { hasSocketFiles, localSocketName } from '../platform/system.ts'
import type { Sidecar } from '../sidecar/sidecar-api.ts'
import { renderMetrics } from './metrics.ts'

export interface AdminServer {
  readonly socket: string
  /** Stops listening and removes the socket. Harmless when repeated. */
  close(): Promise<void>
}

/** @throws OperatorError SIDECAR_RUNNING when a sidecar answers there, ADDRESS_UNAVAILABLE */
export async function startAdminServer(socket: string, sidecar: Sidecar): Promise<AdminServer> {
  try {
    if (hasSocketFiles()) await removeStale(socket)
  } catch (cause) {
    throw cause instanceof OperatorError ? cause : unmade(socket, cause as NodeJS.ErrnoException)
  }
  const server = createServer({ requestTimeout: LIMITS.adminRequestMs }, (request, response) => {
    answer(sidecar, request, response).catch((error: unknown) => {
      if (!response.headersSent) send(response, 500, { error: String(error) })
      else response.destroy()
    })
  })
  server.maxConnections = LIMITS.adminConnectionsMax
  await bind(server, socket)
  const remove = () => {
    if (hasSocketFiles()) rmSync(socket, { force: true })
  }
  process.once('exit', remove)
  return {
    socket,
    close: () =>
      new Promise(resolve => {
        process.off('exit', remove)
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(sidecar: Sidecar, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const route = `${request.method} ${request.url?.split('?')[0]}`
  switch (route) {
    case 'GET /v1/status':
      return send(response, 200, sidecar.status())
    case 'POST /v1/migrate': {
      const asked = await readPeer(request)
      if (asked === undefined) return send(response, 400, { error: 'the body is not {} or {"peer": NAME}' })
      return send(response, 200, await sidecar.migrate(asked.peer))
    }
    case 'GET /metrics': {
      const { contentType, text } = await renderMetrics(sidecar)
      response.writeHead(200, { 'content-type': contentType }).end(text)
      return
    }
    case 'GET /healthz':
      return send(response, 200, { status: 'running' })
    default:
      return send(response, 404, { error: `there is no ${route} here` })
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

/** @returns undefined when the body is not what it should be */
async function readPeer(request: IncomingMessage): Promise<{ peer?: string } | undefined> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (Buffer.byteLength(text) > LIMITS.adminBodyBytesMax) return undefined
  }
  try {
    const body: unknown = text === '' ? {} : JSON.parse(text)
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined
    if (!('peer' in body)) return {}
    return typeof body.peer === 'string' ? { peer: body.peer } : undefined
  } catch {
    return undefined
  }
}

async function removeStale(socket: string): Promise<void> {
  const found = look(socket)
  if (found === undefined) return
  if (!found.isSocket()) {
    const message = `${socket} is there and is no socket: choose another path for admin.socket in the configuration`
    throw new OperatorError('ADDRESS_UNAVAILABLE', message)
  }
  const answer = await probe(socket)
  if (answer === 'ECONNREFUSED') return removeIfSame(socket, found)
  if (answer === 'ENOENT') return
  if (answer === 'EACCES') {
    const message = `the socket ${socket} is another user's: set another admin.socket in the configuration`
    throw new OperatorError('ADDRESS_UNAVAILABLE', message)
  }
  throw runningAt(socket)
}

/**
 * Removes what was looked at. Another sidecar may have replaced it meanwhile, and its socket must stay: so it is moved aside,
 * which happens once, and looked at again. A move changes neither inode nor time of creation.
 */
function removeIfSame(socket: string, found: BigIntStats): void {
  const aside = `${socket}.${process.pid}`
  try {
    renameSync(socket, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const moved = look(aside)
  const isSame = moved?.ino === found.ino && moved.mtimeNs === found.mtimeNs
  if (!isSame) linkSync(aside, socket)
  rmSync(aside, { force: true })
  if (!isSame) throw runningAt(socket)
}

function look(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

function unmade(socket: string, cause: NodeJS.ErrnoException): OperatorError {
  // libuv says EACCES for a directory that is not there.
  const why = existsSync(dirname(socket)) ? cause.code : `there is no directory ${dirname(socket)}`
  const message = `cannot make the admin socket ${socket} (${why}): mend admin.socket in the configuration`
  return new OperatorError('ADDRESS_UNAVAILABLE', message, { cause })
}

function runningAt(socket: string): OperatorError {
  const message = `a sidecar already answers on ${socket}: stop it first, or set another admin.socket`
  return new OperatorError('SIDECAR_RUNNING', message)
}

/** @returns 'connected', or the error's code; only ECONNREFUSED says that nobody has the socket open any more */
function probe(socket: string): Promise<string> {
  return new Promise(resolve => {
    const connection = connect(socket, () => {
      connection.destroy()
      resolve('connected')
    })
    connection.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
  })
}

function bind(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      // Another sidecar was faster.
      reject(cause.code === 'EADDRINUSE' ? runningAt(socket) : unmade(socket, cause))
    })
    // listen() on a path binds before it returns.
    const before = process.umask(0o177)
    try {
      server.listen(localSocketName(socket), resolve)
    } finally {
      process.umask(before)
    }
  })
}
