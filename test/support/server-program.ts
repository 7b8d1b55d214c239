/** A server that is not ours, from a configuration of its own, on this host. Ports come from the kernel. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { temporaryDirectory } from './cli.ts'
import type { Teardown } from './cli-host.ts'

const PATH = `${process.env['PATH']}:/usr/sbin`
const RETRY_MS = 20

/** The reason to skip tests that need these programs, or false. */
export function without(...programs: readonly string[]): string | false {
  const missing = programs.filter(name => spawnSync(name, ['-v'], { env: { PATH } }).status !== 0)
  return missing.length > 0 && `not installed: ${missing.join(', ')}`
}

/** As many ports of 127.0.0.1 as are asked for, free a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}

/**
 * Ends with the test; returns when `port` accepts.
 * @param command where FILE is the path of the configuration, DIRECTORY that of its folder
 * @throws Error with what it said, when it ends before
 */
export async function startServer(
  t: Teardown,
  command: readonly string[],
  configuration: string,
  port: number,
): Promise<void> {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'configuration')
  writeFileSync(file, configuration)
  const [program, ...args] = command.map(word => word.replace('FILE', file).replace('DIRECTORY', directory))
  const child = spawn(program!, args, { env: { PATH }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => end(child))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += text))
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`)
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
