/** Speaks to a running sidecar over its admin socket. */
import { request } from 'node:http'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { localSocketName } from '../platform/system.ts'
import type { MigrateResult } from '../sidecar/sidecar-api.ts'
import type { StatusReport } from '../sidecar/status.ts'

/** @throws OperatorError SIDECAR_NOT_RUNNING, FILE_UNREADABLE when the socket is another user's */
export function fetchStatus(socket: string): Promise<StatusReport> {
  return call(socket, 'GET', '/v1/status') as Promise<StatusReport>
}

/**
 * @param peer a peer's name, or undefined for all
 * @throws OperatorError SIDECAR_NOT_RUNNING, FILE_UNREADABLE when the socket is another user's
 */
export function requestMigrate(socket: string, peer: string | undefined): Promise<readonly MigrateResult[]> {
  return call(socket, 'POST', '/v1/migrate', peer === undefined ? {} : { peer }) as Promise<readonly MigrateResult[]>
}

function call(socket: string, method: string, path: string, body?: object): Promise<unknown> {
  const socketPath = localSocketName(socket)
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => reject(failure(socket, cause))
    const outgoing = request({ socketPath, method, path, timeout: LIMITS.adminRequestMs }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', chunk => {
        text += chunk
      })
      response.on('error', fail)
      response.on('end', () => {
        if (response.statusCode !== 200) return fail(new Error(`it says ${response.statusCode} ${text.trim()}`))
        try {
          resolve(JSON.parse(text))
        } catch (error) {
          fail(error as Error)
        }
      })
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${LIMITS.adminRequestMs} ms`)))
    outgoing.on('error', fail)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function failure(socket: string, cause: NodeJS.ErrnoException): OperatorError {
  if (cause.code === 'EACCES') {
    const message = `cannot open the admin socket ${socket}: it is another user's; run this as that user`
    return new OperatorError('FILE_UNREADABLE', message, { cause })
  }
  const isAbsent = cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED'
  const why = isAbsent ? '' : ` (${cause.message})`
  const message = `no sidecar answers on ${socket}${why}: start it with \`holdfast up\`, or name its socket with --socket`
  return new OperatorError('SIDECAR_NOT_RUNNING', message, { cause })
}
