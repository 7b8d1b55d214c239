import t from 'tap'
import type { WireCode } from '../../src/base/codes.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { authorizeOnly } from '../../src/capture/credentials.ts'
import type { Authorize } from '../../src/capture/dialogue.ts'
import { HttpConnect } from '../../src/capture/http-connect.ts'
import { everyCut, talk } from '../support/dialogues.ts'

const ALICE = authorizeOnly('alice', 'secret:s')
const BASIC = Buffer.from('alice:secret:s').toString('base64')

function begin(authorize?: Authorize): HttpConnect {
  return new HttpConnect({ authorize, pac: place => `pac of ${place}` })
}

/** The outcome with its reply as text; lines are parted by `|`. */
function says(text: string, authorize?: Authorize) {
  const { said, ...outcome } = everyCut(Buffer.from(text.replaceAll('|', '\r\n'), 'latin1'), () => begin(authorize))
  return { ...outcome, said: shown(Buffer.from(said, 'hex')) }
}

function shown(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1').replaceAll('\r\n', '|')
}

function refusal(status: string, sentence: string, more = ''): string {
  const head = `HTTP/1.1 ${status}|Content-Type: text/plain; charset=utf-8|Content-Length: ${sentence.length + 1}|`
  return `${head}Connection: close|${more}|${sentence}\n`
}

t.test(
  'CONNECT to a name, an IPv4 address and an IPv6 address; what follows the head is for the destination',
  async t => {
    t.same(says('CONNECT db.internal:5432 HTTP/1.1|Host: db.internal:5432||'), {
      kind: 'connect',
      said: '',
      to: { host: 'db.internal', port: 5432 },
      rest: '',
    })
    t.same(says('CONNECT [2001:db8::1]:443 HTTP/1.1|||\n'), {
      kind: 'connect',
      said: '',
      to: { host: '2001:db8::1', port: 443 },
      rest: Buffer.from('\r\n\n').toString('hex'),
    })
    t.match(says('CONNECT 192.0.2.1:1 HTTP/1.0|User-Agent: x|Content-Length: 7||'), {
      to: { host: '192.0.2.1', port: 1 },
    })
    t.match(says('CONNECT [::ffff:127.0.0.1]:1 HTTP/1.1||'), { to: { host: '127.0.0.1', port: 1 } })
  },
)

t.test('a target that is no host:port is a bad request', async t => {
  const targets = [
    'db.internal',
    'db:0',
    'db:65536',
    'a@db:1',
    'http://db/',
    '1.2.3:1',
    '[fe80::1%eth0]:1',
    '/',
    'a-:1',
  ]
  for (const target of targets) {
    const step = says(`CONNECT ${target} HTTP/1.1||`)
    t.same(step, {
      kind: 'refuse',
      fault: 'malformed',
      why: `"${target}" is no host:port`,
      said: refusal('400 Bad Request', `"${target}" is no host:port`),
    })
  }
})

t.test('a head that cannot be read is a bad request', async t => {
  const heads = [
    'CONNECT  db:1 HTTP/1.1||',
    'CONNECT db:1||',
    'CONNECT db:1 HTTP/1.1 ||',
    'CONNECT db:1 HTTP/1.1\n\n',
    'CONNECT db:1 HTTP/1.1|Host : db||',
    'CONNECT db:1 HTTP/1.1|Host: db| folded||',
    'CONNECT db:1 HTTP/1.1|Host: d\x00b||',
    'CONNECT db:1 HTTP/1.1|Host: d\rb||',
    'CONNECT db:1 HTTP/1.1|no colon||',
    'CONNECT db:1 http/1.1||',
  ]
  for (const head of heads) {
    const step = says(head)
    t.match(step, { kind: 'refuse', fault: 'malformed' }, head)
    t.match(step.said, /^HTTP\/1\.1 400 Bad Request\|/, head)
  }
})

t.test('another version than 1 is told so', async t => {
  const step = says('PRI * HTTP/2.0||SM||')
  t.match(step, { kind: 'refuse', fault: 'unsupported', why: 'HTTP version 2' })
  t.match(step.said, /^HTTP\/1\.1 505 /)
})

t.test('Basic is asked for, and user and password must be right', async t => {
  const ask = (field: string) => says(`CONNECT db:1 HTTP/1.1|${field}|`, ALICE)
  t.match(ask(`Proxy-Authorization: Basic ${BASIC}|`), { kind: 'connect', to: { host: 'db' } })
  t.match(ask(`proxy-authorization:basic ${BASIC} |`), { kind: 'connect' })
  const challenge = 'Proxy-Authenticate: Basic realm="holdfast", charset="UTF-8"|'
  t.same(ask(''), {
    kind: 'refuse',
    fault: 'unauthorized',
    why: 'no user and password',
    said: refusal('407 Proxy Authentication Required', 'no user and password', challenge),
  })
  const wrong = [
    `Basic ${Buffer.from('alice:secret').toString('base64')}`,
    `Basic ${Buffer.from('alice').toString('base64')}`,
    `Bearer ${BASIC}`,
    'Basic ?',
    '',
  ]
  for (const field of wrong) {
    t.match(ask(`Proxy-Authorization: ${field}|`), { fault: 'unauthorized', why: 'wrong user or password' }, field)
  }
  t.match(ask(`Authorization: Basic ${BASIC}|`), { fault: 'unauthorized' }, 'that is for the destination')
})

t.test('it tunnels, and says so to those who want more', async t => {
  for (const method of ['GET', 'POST', 'OPTIONS']) {
    const step = says(`${method} http://db.internal/ HTTP/1.1|Host: db.internal||`)
    const why = 'this proxy only tunnels: use CONNECT, or SOCKS5, for http:// as well'
    t.same(step, { kind: 'refuse', fault: 'unsupported', why, said: refusal('501 Not Implemented', why) })
  }
  const why = 'this proxy knows CONNECT, not POST'
  t.same(says('POST / HTTP/1.1|Content-Length: 1||x'), {
    kind: 'refuse',
    fault: 'unsupported',
    why,
    said: refusal('405 Method Not Allowed', why, 'Allow: CONNECT|'),
  })
  t.match(says('OPTIONS * HTTP/1.1||').said, /^HTTP\/1\.1 405 /)
  t.match(says('GET / HTTP/1.1||').said, /^HTTP\/1\.1 404 /)
  t.match(says('HEAD / HTTP/1.1||').said, /^HTTP\/1\.1 404 .*\|\|$/, 'HEAD has no content')
})

t.test('of what a program wrote, a reply and the log show the beginning', async t => {
  const long = 'x'.repeat(1_000)
  for (const head of [`CONNECT ${long} HTTP/1.1||`, `${long} / HTTP/1.1||`, `${long}||`]) {
    const { why } = says(head) as unknown as { readonly why: string }
    t.match(why, 'x'.repeat(60))
    t.ok(why.length < 120, why)
  }
})

t.test('/proxy.pac is served to those who ask by address', async t => {
  const head =
    'HTTP/1.1 200 OK|Content-Type: application/x-ns-proxy-autoconfig|Content-Length: 23|Connection: close|' +
    'X-Content-Type-Options: nosniff|Cross-Origin-Resource-Policy: same-origin||'
  t.same(says('GET /proxy.pac HTTP/1.1|Host: 127.0.0.1:1080||'), {
    kind: 'served',
    said: `${head}pac of 127.0.0.1:1080\n`.replace('23', '22'),
  })
  t.same(says('HEAD /proxy.pac HTTP/1.1|Host: localhost:1080||'), {
    kind: 'served',
    said: head.replace('23', '22'),
  })
  for (const host of ['Host: rebound.example:1080|', 'Host: |', '']) {
    const step = says(`GET /proxy.pac HTTP/1.1|${host}|`)
    t.match(step, { kind: 'refuse', fault: 'unsupported' })
    t.match(step.said, /^HTTP\/1\.1 403 /, host)
  }
  const locked = says('GET /proxy.pac HTTP/1.1|Host: 192.0.2.1:1080||', ALICE)
  t.match(locked.said, /^HTTP\/1\.1 401 .*\|WWW-Authenticate: Basic /)
  const opened = says(`GET /proxy.pac HTTP/1.1|Host: 192.0.2.1:1080|Authorization: Basic ${BASIC}||`, ALICE)
  t.match(opened.said, /^HTTP\/1\.1 200 .*\|\|pac of 192\.0\.2\.1:1080\n$/)
})

t.test('proxyHeadBytesMax: the limit, and one above', async t => {
  const head = (bytes: number) => {
    const [first, last] = ['CONNECT db:1 HTTP/1.1\r\nX: ', '\r\n\r\n']
    return Buffer.from(first + 'x'.repeat(bytes - first.length - last.length) + last)
  }
  const most = LIMITS.proxyHeadBytesMax
  t.match(talk(begin(), head(most)), { kind: 'connect' })
  for (const cut of [1, most - 1, most, most + 1]) {
    const words = head(most + 1)
    const { said, ...step } = talk(begin(), words.subarray(0, cut), words.subarray(cut))
    t.match(step, { kind: 'refuse', fault: 'malformed' })
    t.match(Buffer.from(said, 'hex').toString(), /^HTTP\/1\.1 431 /)
  }
})

t.test('each cause of a failure has its status, and its error by RFC 9209', async t => {
  t.equal(shown(begin().answer(undefined)), 'HTTP/1.1 200 Connection established||')
  const rows: [WireCode, string, string][] = [
    ['NOT_ALLOWED', '403 Forbidden', 'http_request_denied'],
    ['SOURCE_REFUSED', '403 Forbidden', 'http_request_denied'],
    ['NAME_NOT_FOUND', '502 Bad Gateway', 'dns_error'],
    ['REFUSED', '502 Bad Gateway', 'connection_refused'],
    ['UNREACHABLE', '502 Bad Gateway', 'destination_ip_unroutable'],
    ['TIMED_OUT', '504 Gateway Timeout', 'connection_timeout'],
    ['HOLD_EXPIRED', '504 Gateway Timeout', 'connection_timeout'],
    ['OVERLOADED', '503 Service Unavailable', 'connection_limit_reached'],
    ['SHUTTING_DOWN', '503 Service Unavailable', 'destination_unavailable'],
    ['INTERNAL', '500 Internal Server Error', 'proxy_internal_error'],
    ['PEER_RESTARTED', '502 Bad Gateway', 'connection_terminated'],
    ['APPLICATION_RESET', '502 Bad Gateway', 'connection_terminated'],
  ]
  for (const [code, status, error] of rows) {
    const text = shown(begin().answer(code))
    t.ok(text.startsWith(`HTTP/1.1 ${status}|`), text)
    t.match(text, `|Proxy-Status: holdfast; error=${error}; details="${code}"||`)
    t.ok(text.endsWith(` (${code})\n`), text)
  }
})
