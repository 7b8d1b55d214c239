/**
 * The admin socket: raw bytes to its HTTP server.
 *
 * - Whatever is said, the answer is HTTP or none, and nothing is thrown anywhere.
 * - Only a whole POST of /v1/migrate moves anything, and only a peer whose name is a text.
 * - The next honest request is answered.
 */
import { strict as assert } from 'node:assert'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAdminServer } from '../../../src/admin/admin-server.ts'
import { FakeSidecar } from '../../support/fake-sidecar.ts'
import { say } from '../raw-server.ts'
import type { Target } from '../target.ts'

export const admin: Target = {
  name: 'admin',
  inputBytesMax: 8_192,
  msBase: 3_000,
  msPerKib: 100,
  batch: 8,
  prepare: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hf-'))
    const socket = join(folder, 'a.sock')
    const sidecar = new FakeSidecar()
    const server = await startAdminServer(socket, sidecar)
    const close = async () => {
      await server.close()
      rmSync(folder, { recursive: true })
    }
    return {
      seeds: SEEDS.map(text => new Uint8Array(Buffer.from(text))),
      run: input => run(socket, sidecar, input),
      close,
    }
  },
}

const HEALTH = 'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
const OK = /^HTTP\/1\.1 200 /
const SEEDS = [
  HEALTH,
  'GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n',
  'GET /metrics?x=1 HTTP/1.0\r\n\r\n',
  'POST /v1/migrate HTTP/1.1\r\nhost: x\r\ncontent-length: 15\r\n\r\n{"peer":"home"}',
  'POST /v1/migrate HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  'GET /v1/status HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nexpect: 100-continue\r\n\r\n',
]

async function run(path: string, sidecar: FakeSidecar, input: Uint8Array): Promise<void> {
  const answer = await say({ path }, input)
  assert(answer === '' || answer.startsWith('HTTP/1.1 '), answer)
  for (const call of sidecar.calls.splice(0)) assert.match(call, /^migrate /)
  assert.match(await say({ path }, Buffer.from(HEALTH), OK), OK, 'an honest request is not answered')
}
