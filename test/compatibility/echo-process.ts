/** A WebSocket client: says each line of its input and prints what comes back; through a proxy by HTTP CONNECT when one is named. */
import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import WebSocket from 'ws'

const [, , url, proxy] = process.argv as [string, string, string, string | undefined]
const socket = new WebSocket(url, proxy === undefined ? {} : await through(proxy))
await once(socket, 'open')
socket.on('message', message => console.log(String(message)))
for await (const line of createInterface({ input: process.stdin })) socket.send(line)
socket.close(1_000)
const [code] = await once(socket, 'close')
console.log(`closed ${code}`)

async function through(place: string): Promise<WebSocket.ClientOptions> {
  const [host, port] = place.split(':')
  const asked = request({ host, port, method: 'CONNECT', path: new URL(url).host }).end()
  const [response, tunnel] = (await once(asked, 'connect')) as [{ statusCode: number }, Socket]
  if (response.statusCode !== 200) throw new Error(`the proxy says ${response.statusCode}`)
  return { createConnection: () => tunnel }
}
