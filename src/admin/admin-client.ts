/** Speaks to a running sidecar over its unix socket. */
import { request } from 'node:http'
import { OperatorError } from '../base/errors.ts'
import type { MigrateResult } from '../sidecar/sidecar-api.ts'
import type { StatusReport } from '../sidecar/status.ts'

/** @throws OperatorError SIDECAR_NOT_RUNNING */
export function fetchStatus(socket: string): Promise<StatusReport> {
  return call(socket, 'GET', '/v1/status') as Promise<StatusReport>
}

/** @throws OperatorError SIDECAR_NOT_RUNNING */
export function requestMigrate(socket: string, peer: string | undefined): Promise<readonly MigrateResult[]> {
  return call(socket, 'POST', '/v1/migrate', peer === undefined ? {} : { peer }) as Promise<readonly MigrateResult[]>
}

function call(socketPath: string, method: string, path: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => {
      const message = `no sidecar answers on ${socketPath} (${cause.message}): start it with \`holdfast up\``
      reject(new OperatorError('SIDECAR_NOT_RUNNING', message, { cause }))
    }
    const outgoing = request({ socketPath, method, path }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', chunk => {
        text += chunk
      })
      response.on('error', fail)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text))
        else fail(new Error(`it answered ${response.statusCode}: ${text.trim()}`))
      })
    })
    outgoing.on('error', fail)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
