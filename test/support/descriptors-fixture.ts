/** For test/process/descriptors.ts: what is first needed while there are no file descriptors, and again when there are. */
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAdminServer } from '../../src/admin/admin-server.ts'
import { parseEndpoint } from '../../src/base/endpoint.ts'
import { dialCarrier } from '../../src/carrier/dial.ts'
import { FakeSidecar } from './fake-sidecar.ts'

const directory = mkdtempSync(join(tmpdir(), 'hf-'))
const socketPath = join(directory, 'a.sock')
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const held: number[] = []

async function statusOf(path: string): Promise<number | undefined> {
  const [response] = await once(get({ socketPath, agent, path }), 'response')
  await once(response.resume(), 'end')
  return response.statusCode
}

async function dialCode(): Promise<string> {
  return dialCarrier(endpoint).then(
    () => 'connected',
    error => error.code,
  )
}

const server = createServer(socket => socket.end())
await once(server.listen(0, '127.0.0.1'), 'listening')
const endpoint = parseEndpoint(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`)!
await startAdminServer(socketPath, new FakeSidecar())
// A connection that is open already, or nothing could be asked.
await statusOf('/healthz')
try {
  for (;;) held.push(openSync('/dev/null', 'r'))
} catch {
  console.log('none left', await dialCode(), await statusOf('/metrics'))
}
for (const descriptor of held) closeSync(descriptor)
console.log('enough', await dialCode(), await statusOf('/metrics'))
rmSync(directory, { recursive: true })
process.exit(0)
