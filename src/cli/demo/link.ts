/**
 * The link of the loopback demo, a process of its own: node link.js HOST…
 *
 * Prints one free port for each host and one more for the far sidecar. Then, on its standard input:
 *     serve N      relays what connects to host N; everything over the old host is cut
 *     silence N    the same, but what came over the old host is swallowed, and nobody is told
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

const hosts = process.argv.slice(2)
const ports = await Promise.all([...hosts, '127.0.0.1'].map(freePort))
const farPort = ports.at(-1)!
let server: Server | undefined
let sockets: Socket[] = []
process.stdout.write(`${ports.join(' ')}\n`)

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, index] = line.split(' ')
  leave(verb === 'silence')
  serve(Number(index))
}
// The demo has ended, however it did.
process.exit(0)

function serve(index: number): void {
  server = createServer(socket => {
    const onward = connect(farPort, '127.0.0.1')
    sockets.push(socket, onward)
    for (const one of [socket, onward]) one.setNoDelay().on('error', () => one.destroy())
    socket.pipe(onward).pipe(socket)
  }).listen(ports[index], hosts[index])
}

function leave(isSilent: boolean): void {
  server?.close()
  for (const socket of sockets) {
    if (!isSilent) socket.resetAndDestroy()
    else socket.unpipe().removeAllListeners('data').resume()
  }
  if (!isSilent) sockets = []
}

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, host, () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
