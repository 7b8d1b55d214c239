/**
 * HTTP CONNECT (RFC 9110 section 9.3.6, RFC 9112), the part of a proxy, and one page of its own:
 *
 *     CONNECT host:port HTTP/1.1         200 when the far side is connected, else why not, also as Proxy-Status (RFC 9209)
 *     GET /proxy.pac HTTP/1.1            what browsers read to know which destinations go here
 *     GET http://host/ HTTP/1.1          501: what is asked for so would have to be read and written anew by the proxy
 *
 * One connection is one request, so neither Host nor the length of a body means anything for CONNECT, and what follows the
 * head is for the destination. Lines end with CR LF and nothing else.
 *
 * A page of the web can make a browser ask for /proxy.pac, and must not learn from it which networks there are: as a script it
 * is not run (nosniff), and under a name that was bent to this address it is not told (Host is an address, or localhost).
 */
import type { WireCode } from '../base/codes.ts'
import { CODES } from '../base/codes.ts'
import { formatHostPort, parseHostPort } from '../base/endpoint.ts'
import { parseIpAddress } from '../base/ip-address.ts'
import { LIMITS } from '../base/limits.ts'
import { type Authorize, type Dialogue, destination, type ProxyFault, type Step } from './dialogue.ts'

export interface HttpConnectOptions {
  /** Undefined: whoever comes is welcome. */
  readonly authorize: Authorize | undefined
  /** The text of /proxy.pac for a program that reaches this proxy at `place`, host:port. */
  readonly pac: (place: string) => string
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
}

/** Status, and the error type of RFC 9209 section 2.3. What is not here is 502, connection_terminated. */
const ANSWERS: Partial<Record<WireCode, readonly [status: number, error: string]>> = {
  NOT_ALLOWED: [403, 'http_request_denied'],
  SOURCE_REFUSED: [403, 'http_request_denied'],
  NAME_NOT_FOUND: [502, 'dns_error'],
  REFUSED: [502, 'connection_refused'],
  UNREACHABLE: [502, 'destination_ip_unroutable'],
  TIMED_OUT: [504, 'connection_timeout'],
  HOLD_EXPIRED: [504, 'connection_timeout'],
  OVERLOADED: [503, 'connection_limit_reached'],
  SHUTTING_DOWN: [503, 'destination_unavailable'],
  INTERNAL: [500, 'proxy_internal_error'],
}

const CHALLENGE = 'Basic realm="holdfast", charset="UTF-8"'
const NOTHING = new Uint8Array(0)
/** Of what a program wrote, in replies and in the log. */
const SHOWN_CHARS = 80
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const REQUEST_LINE = new RegExp(`^(${TOKEN}) (\\S+) HTTP/(\\d)\\.\\d$`)
const FIELD_LINE = new RegExp(`^(${TOKEN}):[ \\t]*([\\t\\x20-\\x7e\\x80-\\xff]*)$`)

interface Head {
  readonly method: string
  readonly target: string
  /** Names in lower case; of several of one name the last. */
  readonly fields: ReadonlyMap<string, string>
}

export class HttpConnect implements Dialogue {
  readonly #options: HttpConnectOptions
  #bytes: Buffer = Buffer.alloc(0)

  constructor(options: HttpConnectOptions) {
    this.#options = options
  }

  push(chunk: Uint8Array): Step {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    const found = this.#bytes.indexOf('\r\n\r\n')
    const end = found < 0 ? this.#bytes.length : found + 4
    const text = this.#bytes.toString('latin1', 0, Math.min(end, LIMITS.proxyHeadBytesMax))
    if (/(?:^|[^\r])\n/.test(text)) return refuse(400, 'malformed', 'a line does not end with CR LF')
    if (end > LIMITS.proxyHeadBytesMax) {
      return refuse(431, 'malformed', `the head has more than ${LIMITS.proxyHeadBytesMax} bytes`)
    }
    if (found < 0) return { kind: 'more', reply: NOTHING }
    const head = parseHead(text.slice(0, -4))
    if ('kind' in head) return head
    return head.method === 'CONNECT' ? this.#connect(head, this.#bytes.subarray(end)) : this.#serve(head)
  }

  answer(code: WireCode | undefined): Uint8Array {
    if (code === undefined) return Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n')
    const [status, error] = ANSWERS[code] ?? [502, 'connection_terminated']
    const { says, todo } = CODES[code]
    const sentence = todo.startsWith('nothing') ? says : `${says}; ${todo}`
    return response(status, `${sentence} (${code})`, [`Proxy-Status: holdfast; error=${error}; details="${code}"`])
  }

  #connect({ target, fields }: Head, rest: Uint8Array): Step {
    if (!this.#isAuthorized(fields.get('proxy-authorization'))) {
      const why = fields.has('proxy-authorization') ? 'wrong user or password' : 'no user and password'
      return refuse(407, 'unauthorized', why, [`Proxy-Authenticate: ${CHALLENGE}`])
    }
    const asked = parseHostPort(target)
    const to = asked === undefined ? undefined : destination(asked.host, asked.port)
    if (to !== undefined && to.port > 0) return { kind: 'connect', reply: NOTHING, to, rest }
    return refuse(400, 'malformed', `${JSON.stringify(target.slice(0, SHOWN_CHARS))} is no host:port`)
  }

  #serve(head: Head): Step {
    const step = this.#page(head)
    return head.method === 'HEAD' ? { ...step, reply: withoutContent(step.reply) } : step
  }

  #page({ method, target, fields }: Head): Step {
    if (!target.startsWith('/') && target !== '*') {
      const why = 'this proxy only tunnels: use CONNECT, or SOCKS5, for http:// as well'
      return refuse(501, 'unsupported', why)
    }
    if (method !== 'GET' && method !== 'HEAD') {
      return refuse(405, 'unsupported', `this proxy knows CONNECT, not ${method.slice(0, SHOWN_CHARS)}`, [
        'Allow: CONNECT',
      ])
    }
    if (target !== '/proxy.pac') return refuse(404, 'unsupported', 'this is a proxy; its only page is /proxy.pac')
    if (!this.#isAuthorized(fields.get('authorization'))) {
      return refuse(401, 'unauthorized', 'no user and password, or wrong ones', [`WWW-Authenticate: ${CHALLENGE}`])
    }
    const place = parseHostPort(fields.get('host') ?? '', 80)
    if (place === undefined || (parseIpAddress(place.host) === undefined && place.host !== 'localhost')) {
      return refuse(403, 'unsupported', 'ask for /proxy.pac by the address of the proxy, not by a name')
    }
    const text = this.#options.pac(formatHostPort(place))
    const more = ['X-Content-Type-Options: nosniff', 'Cross-Origin-Resource-Policy: same-origin']
    return { kind: 'served', reply: response(200, text, more, 'application/x-ns-proxy-autoconfig') }
  }

  /** Basic (RFC 7617). */
  #isAuthorized(field: string | undefined): boolean {
    const { authorize } = this.#options
    if (authorize === undefined) return true
    const [, coded = ''] = /^basic +([\w+/-]+=*)$/i.exec(field ?? '') ?? []
    const words = Buffer.from(coded, 'base64')
    const colon = words.indexOf(':')
    return colon >= 0 && authorize(words.subarray(0, colon), words.subarray(colon + 1))
  }
}

function parseHead(text: string): Head | Step {
  const [first = '', ...lines] = text.split('\r\n')
  const [, method, target, major] = REQUEST_LINE.exec(first) ?? []
  if (method === undefined || target === undefined) {
    return refuse(400, 'malformed', `${JSON.stringify(first.slice(0, SHOWN_CHARS))} is no request line`)
  }
  if (major !== '1') return refuse(505, 'unsupported', `HTTP version ${major}`)
  const fields = new Map<string, string>()
  for (const line of lines) {
    const [, name, value] = FIELD_LINE.exec(line) ?? []
    if (name === undefined || value === undefined) return refuse(400, 'malformed', 'a header field cannot be read')
    fields.set(name.toLowerCase(), value.trimEnd())
  }
  return { method, target, fields }
}

function refuse(status: number, fault: ProxyFault, why: string, more: readonly string[] = []): Step {
  return { kind: 'refuse', reply: response(status, why, more), fault, why }
}

function withoutContent(reply: Uint8Array): Uint8Array {
  return reply.subarray(0, Buffer.from(reply).indexOf('\r\n\r\n') + 4)
}

function response(status: number, sentence: string, more: readonly string[], type = 'text/plain; charset=utf-8') {
  const body = Buffer.from(`${sentence}\n`)
  const fields = [`Content-Type: ${type}`, `Content-Length: ${body.length}`, 'Connection: close', ...more]
  const head = `HTTP/1.1 ${status} ${REASONS[status]}\r\n${fields.join('\r\n')}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}
