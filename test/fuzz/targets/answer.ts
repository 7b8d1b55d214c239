/**
 * What answers when a ws endpoint is dialed: a proxy, a portal, anything. `ACCEPT` in an input becomes the value that the upgrade
 * asks for.
 *
 * - The dial ends with a carrier, or with a DialError whose sentence is printable and bounded, and one of its codes.
 * - A carrier that was made ends with one CLOSE of a known code, or is destroyed. Nothing is thrown anywhere.
 */
import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { CODES } from '../../../src/base/codes.ts'
import { parseEndpoint } from '../../../src/base/endpoint.ts'
import { dialCarrier } from '../../../src/carrier/dial.ts'
import { DialError } from '../../../src/carrier/dial-error.ts'
import { concatBytes } from '../../../src/wire/bytes.ts'
import { OUTER, outerFrame } from '../../../src/wire/outer-frame.ts'
import type { Target } from '../target.ts'

const DIAL_CODES = ['FRAME_MALFORMED', 'UPGRADE_REFUSED', 'TOO_MANY_CONNECTIONS', 'REFUSED', 'UNREACHABLE', 'TIMED_OUT']
const SENTENCE_CHARS_MAX = 600
/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const UPGRADED = [
  'HTTP/1.1 101 Switching Protocols',
  'upgrade: websocket',
  'connection: upgrade',
  'sec-websocket-accept: ACCEPT',
  '',
  '',
].join('\r\n')

export const answer: Target = {
  name: 'answer',
  inputBytesMax: 4_096,
  msBase: 3_000,
  msPerKib: 100,
  batch: 8,
  prepare: async () => {
    let input: Uint8Array = new Uint8Array(0)
    const server = createServer(socket => answerWith(socket, input))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const endpoint = parseEndpoint(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/x`)!
    const run = async (bytes: Uint8Array) => {
      input = bytes
      await dialed(endpoint)
    }
    return { seeds: seeds(), run, close: async () => void server.close() }
  },
}

function answerWith(socket: Socket, input: Uint8Array): void {
  socket.on('error', () => {})
  let head = ''
  socket.setEncoding('latin1').on('data', text => {
    if (head.includes('\r\n\r\n')) return
    head += text
    if (!head.includes('\r\n\r\n')) return
    const key = /sec-websocket-key: (\S+)/i.exec(head)?.[1] ?? ''
    const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64')
    socket.end(Buffer.from(Buffer.from(input).toString('latin1').replace('ACCEPT', accept), 'latin1'))
  })
}

async function dialed(endpoint: NonNullable<ReturnType<typeof parseEndpoint>>): Promise<void> {
  try {
    const carrier = await dialCarrier(endpoint)
    const closed = new Promise<string | undefined>(resolve => {
      carrier.attach({ onFrame: () => undefined, onDrain: () => undefined, onClose: ({ code }) => resolve(code) })
    })
    const code = await closed
    assert(code === undefined || code in CODES, code)
    carrier.destroy()
  } catch (error) {
    if (!(error instanceof DialError)) throw error
    assert(DIAL_CODES.includes(error.code), error.code)
    assert.match(error.message, /^[\x20-\x7e]*$/)
    assert(error.message.length <= SENTENCE_CHARS_MAX, error.message)
  }
}

function seeds(): Uint8Array[] {
  const frame = concatBytes(outerFrame(OUTER.CLOSE, Uint8Array.of(1, 2)))
  const message = concatBytes([Uint8Array.of(0x82, frame.length), frame])
  const control = Uint8Array.of(0x89, 0x01, 0x07, 0x02, 0x00, 0x88, 0x02, 0x03, 0xe8)
  const start = new Uint8Array(Buffer.from(UPGRADED))
  const texts = [
    'HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nlate',
    'HTTP/1.1 302 Found\r\nlocation: http://portal.example/\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    UPGRADED.replace('ACCEPT', 'wrong'),
    UPGRADED.replace('\r\n\r\n', '\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n'),
    'SSH-2.0-OpenSSH_9\r\n',
    '',
  ]
  return [
    ...texts.map(text => new Uint8Array(Buffer.from(text))),
    concatBytes([start, message]),
    concatBytes([start, control]),
  ]
}
