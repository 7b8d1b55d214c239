/** What a client says to a proxy before the connection is its own: SOCKS5 (RFC 1928) or HTTP CONNECT (RFC 9110, 9.3.6). */
import { once } from 'node:events'
import type { Socket } from 'node:net'

export interface ProxyPlace {
  readonly kind: 'SOCKS5' | 'HTTP CONNECT'
  readonly host: string
  readonly port: number
}

/**
 * @param socket connected to the proxy, and read by nobody yet
 * @param host an IPv4 address
 * @throws Error with what the proxy said instead of yes
 */
export async function askProxy(socket: Socket, kind: ProxyPlace['kind'], host: string, port: number): Promise<void> {
  return kind === 'SOCKS5' ? askSocks5(socket, host, port) : askConnect(socket, host, port)
}

async function askSocks5(socket: Socket, host: string, port: number): Promise<void> {
  socket.write(Uint8Array.of(5, 1, 0))
  expect('SOCKS5', (await read(socket, 2)).toString('hex'), /^0500$/)
  const request = Buffer.from([5, 1, 0, 1, ...host.split('.').map(Number), 0, 0])
  request.writeUInt16BE(port, request.length - 2)
  socket.write(request)
  // The address that it was reached from is an IPv4 address, too.
  expect('SOCKS5', (await read(socket, 10)).toString('hex'), /^05000001/)
}

async function askConnect(socket: Socket, host: string, port: number): Promise<void> {
  socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`)
  let said = ''
  // One by one: what comes after it is not for the proxy's client.
  while (!said.endsWith('\r\n\r\n')) said += (await read(socket, 1)).toString('latin1')
  expect('HTTP CONNECT', said, /^HTTP\/1\.1 200 /)
}

function expect(kind: ProxyPlace['kind'], said: string, pattern: RegExp): void {
  if (!pattern.test(said)) throw new Error(`the proxy for ${kind} said ${JSON.stringify(said)}`)
}

async function read(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const chunk = socket.read(bytes) as Buffer | null
    if (chunk !== null) return chunk
    if (socket.readableEnded) throw new Error('the proxy closed the connection')
    await once(socket, 'readable')
  }
}
