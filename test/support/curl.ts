/** curl, as a program that knows proxies. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CliHost, Teardown } from './cli-host.ts'

export interface CurlResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Why a test with curl cannot run, or false. */
export const withoutCurl = spawnSync('curl', ['--version']).status !== 0 && 'curl is not installed'

/** What the environment says of proxies is not meant for tests. */
export const plainEnv: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/_proxy$|^NODE_OPTIONS$/i.test(name)),
)

export async function curl(...args: readonly string[]): Promise<CurlResult> {
  return resultOf(spawn('curl', ['--silent', '--show-error', '--max-time', '30', ...args], { env: plainEnv }))
}

export async function resultOf(child: ChildProcess): Promise<CurlResult> {
  let [stdout, stderr] = ['', '']
  child.stdout!.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr!.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  await once(child, 'close')
  return { code: child.exitCode, stdout, stderr }
}

/** Both ways to one proxy, as curl has them. */
export function ways(place: string): readonly (readonly [name: string, ...args: string[]])[] {
  return [
    ['SOCKS5', '--proxy', `socks5h://${place}`],
    ['HTTP CONNECT', '--proxytunnel', '--proxy', `http://${place}`],
  ]
}

/** @param name with its labels, as a line of a scrape begins */
export async function metric(host: CliHost, name: string): Promise<number> {
  const { stdout } = await curl('--unix-socket', host.socket, 'http://localhost/metrics')
  const line = stdout.split('\n').find(one => one.startsWith(name))
  return Number(line?.split(' ').at(-1))
}

/** @returns the port of an HTTP server */
export async function serveHttp(
  t: Teardown,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
