/**
 * The PROXY header at the beginning of a connection.
 *
 * - It is read, or refused with a sentence, within LIMITS.proxyHeaderBytesMax; nothing is thrown.
 * - A client is an IP address in its shortest form, and a port; what follows the header is the end of the input, unchanged.
 * - However the input is cut, the same comes out.
 * - As the client that a peer names, the input makes a header that is read, and leaves nothing over.
 */
import { strict as assert } from 'node:assert'
import { parseIpAddress } from '../../../src/base/ip-address.ts'
import { LIMITS } from '../../../src/base/limits.ts'
import { ProxyHeaderParser } from '../../../src/capture/proxy-header.ts'
import { proxyHeader } from '../../../src/egress/proxy-protocol.ts'
import type { Target } from '../target.ts'

const SESSION_ID = new Uint8Array(16).fill(7)

export const proxyHeaders: Target = {
  name: 'proxy-header',
  inputBytesMax: 512,
  msBase: 50,
  msPerKib: 50,
  batch: 64,
  prepare: async () => ({ seeds: seeds(), run }),
}

function seeds(): Uint8Array[] {
  const clients = ['192.0.2.1:51234', '[2001:db8::7]:1', 'nobody']
  const own = clients.flatMap(client => [
    proxyHeader('v1', { client, sessionId: SESSION_ID }, '127.0.0.1:80'),
    proxyHeader('v2', { client, sessionId: SESSION_ID }, '127.0.0.1:80'),
  ])
  return [...own.map(header => Uint8Array.of(...header, 0x47, 0x45, 0x54)), ...clients.map(text => Buffer.from(text))]
}

function run(input: Uint8Array): void {
  const whole = read([input])
  const half = input.length >> 1
  assert.deepEqual(read([input.subarray(0, half), new Uint8Array(0), input.subarray(half)]), whole)
  assert.deepEqual(read(Array.from(input, (_, at) => input.subarray(at, at + 1))), whole)
  const client = Buffer.from(input).toString()
  for (const version of ['v1', 'v2'] as const) {
    const header = proxyHeader(version, { client, sessionId: SESSION_ID }, '127.0.0.1:80')
    assert.match(read([header]), /^\S+ \S+ $/)
  }
}

function read(chunks: readonly Uint8Array[]): string {
  const parser = new ProxyHeaderParser()
  let bytes = 0
  for (const [i, chunk] of chunks.entries()) {
    const found = parser.push(chunk)
    bytes += chunk.length
    if (found === undefined) continue
    if (typeof found === 'string') return found
    const { client, rest } = found
    if (client !== undefined) {
      assert(parseIpAddress(client.host)?.text === client.host && client.port >= 0 && client.port <= 65_535)
    }
    assert(bytes - rest.length <= LIMITS.proxyHeaderBytesMax)
    const following = Buffer.concat([rest, ...chunks.slice(i + 1)])
    const input = Buffer.concat(chunks)
    assert(input.subarray(input.length - following.length).equals(following))
    return `${client?.host} ${client?.port} ${following.toString('hex')}`
  }
  assert(bytes < LIMITS.proxyHeaderBytesMax)
  return 'more'
}
