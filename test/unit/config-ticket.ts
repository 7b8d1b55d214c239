import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { Endpoint, HostPort } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { decodeTicket, encodeTicket, type Ticket } from '../../src/config/ticket.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const TICKET: Ticket = {
  seed: Uint8Array.from({ length: 32 }, (_, i) => i),
  serverHash: Uint8Array.from({ length: 32 }, (_, i) => 0xff - i),
  expiresAt: 0xffff_ffff,
  endpoints: [
    { scheme: 'tcp', host: '203.0.113.7', port: 7700, path: '' },
    { scheme: 'wss', host: '2001:db8::7', port: 443, path: '/holdfast' },
  ],
  services: [
    { host: '127.0.0.1', port: 5432 },
    { host: '::1', port: 80 },
  ],
}

/** A word around any body, with a checksum that is right. */
function wordOf(body: Buffer): string {
  const checksum = createHash('sha256').update(body).digest().subarray(0, 4)
  return `hft1${Buffer.concat([body, checksum]).toString('base64url')}`
}

function bodyOf(word: string): Buffer {
  return Buffer.from(word.slice(4), 'base64url').subarray(0, -4)
}

t.test('has exactly these bytes', async t => {
  const body = bodyOf(encodeTicket(TICKET))
  const head = `01${'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'}`
  const hash = 'fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0'
  t.equal(body.toString('hex', 0, 69), `${head}${hash}ffffffff`)
  t.equal(
    body.toString('utf8', 69),
    'tcp://203.0.113.7:7700\nwss://[2001:db8::7]:443/holdfast\n\n127.0.0.1:5432\n[::1]:80',
  )
})

t.test('comes back as it was, also with white space around it', async t => {
  t.same(decodeTicket(encodeTicket(TICKET), NOW_MS), TICKET)
  t.same(decodeTicket(`  ${encodeTicket(TICKET)}\n`, NOW_MS), TICKET)
  const port = fc.integer({ min: 1, max: 65_535 })
  const service: fc.Arbitrary<HostPort> = fc.record({ host: fc.constantFrom('db.internal', '10.0.0.1', '::1'), port })
  const endpoint: fc.Arbitrary<Endpoint> = fc
    .tuple(fc.constantFrom('tcp' as const, 'ws' as const, 'wss' as const), service)
    .map(([scheme, place]) => ({ scheme, ...place, path: scheme === 'tcp' ? '' : '/a?b=c' }))
  const tickets = fc.record({
    seed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    serverHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    expiresAt: fc.integer({ min: NOW_MS / 1_000 + 1, max: 0xffff_ffff }),
    endpoints: fc.array(endpoint, { minLength: 1, maxLength: 4 }),
    services: fc.array(service, { minLength: 1, maxLength: 4 }),
  })
  fc.assert(
    fc.property(tickets, ticket => {
      t.same(decodeTicket(encodeTicket(ticket), NOW_MS), ticket)
    }),
    { numRuns: 50 },
  )
})

t.test('refuses a word in which any one character was changed, or that was cut anywhere', async t => {
  const word = encodeTicket(TICKET)
  for (let at = 0; at < word.length; at++) {
    const other = word[at] === 'A' ? 'B' : 'A'
    const altered = word.slice(0, at) + other + word.slice(at + 1)
    const refused = { code: 'TICKET_INVALID', message: /^the ticket is damaged or altered: copy it again, whole/ }
    t.throws(() => decodeTicket(altered, NOW_MS), refused, `changed at ${at}`)
    t.throws(() => decodeTicket(word.slice(0, at), NOW_MS), refused, `cut at ${at}`)
  }
})

t.test('refuses a second spelling: unused bits that are not zero', async t => {
  const service = { host: 'a', port: 1 }
  const endpoints = TICKET.endpoints.slice(0, 1)
  const one = ['a', 'ab', 'abc']
    .map(host => encodeTicket({ ...TICKET, endpoints, services: [{ ...service, host }] }))
    .find(word => (word.length - 4) % 4 === 2)!
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const other = one.slice(0, -1) + digits[digits.indexOf(one.at(-1)!) + 1]
  t.ok(Buffer.from(one.slice(4), 'base64url').equals(Buffer.from(other.slice(4), 'base64url')), 'the same bytes')
  t.throws(() => decodeTicket(other, NOW_MS), { code: 'TICKET_INVALID' })
})

t.test('refuses bodies whose checksum is right and whose content is not', async t => {
  const good = bodyOf(encodeTicket(TICKET))
  const withText = (text: string) => wordOf(Buffer.concat([good.subarray(0, 69), Buffer.from(text)]))
  t.same(decodeTicket(withText('tcp://a:1\n\nb:2'), NOW_MS).services, [{ host: 'b', port: 2 }])
  const rows: [string, string][] = [
    ['another format', wordOf(Buffer.concat([Buffer.from([2]), good.subarray(1)]))],
    ['no text at all', wordOf(good.subarray(0, 69))],
    ['too short for a head', wordOf(good.subarray(0, 68))],
    ['nothing', wordOf(Buffer.alloc(0))],
    ['no service', withText('tcp://a:1\n\n')],
    ['no empty line', withText('tcp://a:1')],
    ['no endpoint', withText('\n\nb:2')],
    ['an endpoint that is none', withText('http://a:1\n\nb:2')],
    ['a service that is none', withText('tcp://a:1\n\nb')],
  ]
  for (const [what, word] of rows) t.throws(() => decodeTicket(word, NOW_MS), { code: 'TICKET_INVALID' }, what)
  const long = withText(`${'tcp://a:1\n'.repeat(400)}\nb:2`)
  t.ok(long.length > LIMITS.ticketCharsMax)
  t.throws(() => decodeTicket(long, NOW_MS), { code: 'TICKET_INVALID' }, 'too long')
})

t.test('expires at its second', async t => {
  const word = encodeTicket({ ...TICKET, expiresAt: NOW_MS / 1_000 })
  t.ok(decodeTicket(word, NOW_MS - 1))
  t.throws(() => decodeTicket(word, NOW_MS), {
    code: 'TICKET_EXPIRED',
    message: 'the ticket expired at 2026-01-01T00:00:00.000Z: ask for a new one (`holdfast serve` prints it)',
  })
})

t.test('is not made longer than a ticket may be, nor of parts that are wrong', async t => {
  const services = Array.from({ length: 300 }, (_, i) => ({ host: '10.0.0.1', port: 1_000 + i }))
  t.throws(() => encodeTicket({ ...TICKET, services }), {
    code: 'USAGE',
    message: /^the ticket would have \d+ characters, and a ticket has at most 4096 characters: share fewer services$/,
  })
  t.throws(() => encodeTicket({ ...TICKET, seed: new Uint8Array(31) }), { name: 'Bug' })
  t.throws(() => encodeTicket({ ...TICKET, serverHash: new Uint8Array(33) }), { name: 'Bug' })
  t.throws(() => encodeTicket({ ...TICKET, endpoints: [] }), { name: 'Bug' })
  t.throws(() => encodeTicket({ ...TICKET, services: [] }), { name: 'Bug' })
})
