import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { CODES, type Code, withAdvice } from '../../base/codes.ts'
import { formatHostPort, type HostPort, isHost, parseHostPort } from '../../base/endpoint.ts'
import { OperatorError } from '../../base/errors.ts'
import { outliveReaders } from '../standard-streams.ts'

export interface PipeOptions {
  readonly proxy?: string
}

/**
 * Standard input and output as a connection through a proxy: what ssh wants of a ProxyCommand.
 * @throws OperatorError with the code of the sidecar; USAGE
 */
export async function pipe(host: string, port: string, { proxy }: PipeOptions): Promise<void> {
  const to = parseHostPort(`any:${port}`)
  if (!isHost(host) || to === undefined || to.port === 0) {
    throw new OperatorError(
      'USAGE',
      `${host} ${port} is no destination: write a host and a port, such as db.internal 22`,
    )
  }
  const destination = formatHostPort({ host, port: to.port })
  const socket = await tunnel(proxyOf(proxy), destination)
  // What comes in may go on when nobody reads what comes back; the end of the connection is the end.
  outliveReaders()
  process.stdin.pipe(socket).pipe(process.stdout)
  await new Promise<void>((resolve, reject) => {
    socket.once('end', resolve)
    socket.once('error', cause => {
      const message = `the connection to ${destination} was lost: ${cause.message}; the sidecar’s log says why`
      reject(new OperatorError('APPLICATION_RESET', message, { cause }))
    })
    socket.once('close', resolve)
  })
}

interface Proxy {
  readonly place: HostPort
  /** `user:password`, or ''. */
  readonly login: string
}

function proxyOf(named: string | undefined): Proxy {
  const text = named ?? (process.env['HTTPS_PROXY'] || process.env['https_proxy'])
  if (text === undefined || text === '') {
    const todo = 'name it with --proxy, or set HTTPS_PROXY as `holdfast proxy-env` prints it'
    throw new OperatorError('USAGE', `no proxy is known: ${todo}`)
  }
  const [, login = '', rest = ''] = /^(?:http:\/\/)?(?:([^@]*)@)?([^@/]*)\/?$/.exec(text) ?? []
  const place = parseHostPort(rest, 80)
  if (place !== undefined) return { place, login: decoded(login) }
  // Not its login, which the log of ssh would keep.
  const shown = text.replace(/^(\w+:\/\/)?.*@/s, '$1')
  throw new OperatorError('USAGE', `${shown} is no proxy: write host:port or http://user:password@host:port`)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function tunnel({ place, login }: Proxy, path: string): Promise<Socket> {
  const basic = { 'Proxy-Authorization': `Basic ${Buffer.from(login).toString('base64')}` }
  return new Promise((resolve, reject) => {
    const asked = request({
      method: 'CONNECT',
      path,
      headers: { Host: path, ...(login === '' ? {} : basic) },
      createConnection: () => connect({ ...place, allowHalfOpen: true }),
    })
    asked.once('error', cause => {
      const message = `the proxy at ${formatHostPort(place)} does not answer: ${cause.message}`
      reject(new OperatorError('SIDECAR_NOT_RUNNING', message, { cause }))
    })
    asked.once('connect', (response, socket, head) => {
      socket.on('error', () => {})
      if (response.statusCode !== 200) return reject(refusal(path, response.statusCode!, response.headers))
      socket.unshift(head)
      resolve(socket as Socket)
    })
    asked.end()
  })
}

function refusal(to: string, status: number, headers: NodeJS.Dict<string | string[]>): OperatorError {
  const [, code = ''] = /details="(\w+)"/.exec(String(headers['proxy-status'])) ?? []
  if (code in CODES) {
    const known = code as Code
    return new OperatorError(known, `cannot reach ${to}: ${withAdvice(known, CODES[known].says)}`)
  }
  const why = status === 407 ? 'it wants a user and a password, or other ones' : `it says ${status}`
  return new OperatorError('PROXY_REFUSED', `the proxy refuses to connect to ${to}: ${why}`)
}
