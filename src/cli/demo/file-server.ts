/**
 * The server of the demo's download, a process of its own: node file-server.js BYTES BYTES_PER_SECOND
 *
 * Plain HTTP/1.1; it knows nothing of Holdfast. Prints its port, then the SHA-256 of what it sent.
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

const total = Number(process.argv[2])
const perSecond = Number(process.argv[3])
const CHUNK_BYTES = 65_536

const server = createServer(async (_request, response) => {
  response.writeHead(200, { 'content-length': total, 'content-type': 'application/octet-stream' })
  const hash = createHash('sha256')
  // A keystream: fast, and never the same twice, so that a chunk in the wrong place cannot go unnoticed.
  const stream = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16))
  const startedAt = performance.now()
  for (let sent = 0; sent < total; ) {
    const chunk = stream.update(Buffer.alloc(Math.min(CHUNK_BYTES, total - sent)))
    hash.update(chunk)
    sent += chunk.length
    if (!response.write(chunk)) await new Promise(resolve => response.once('drain', resolve))
    const aheadMs = (sent / perSecond) * 1_000 - (performance.now() - startedAt)
    if (aheadMs > 5) await wait(aheadMs)
  }
  process.stdout.write(`${hash.digest('hex')}\n`)
  response.end()
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`)
})
