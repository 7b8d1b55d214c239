/** One machine with a sidecar of its own: a directory, an identity, a configuration, and `holdfast up` as a user runs it. */
import { once } from 'node:events'
import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fetchStatus } from '../../src/admin/admin-client.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { createIdentity, loadIdentity } from '../../src/secure/identity.ts'
import type { StatusReport } from '../../src/sidecar/status.ts'
import { type CliOptions, RunningCli, temporaryDirectory } from './cli.ts'

export interface Teardown {
  teardown(fn: () => unknown): unknown
}

export class CliHost {
  readonly directory: string
  readonly peerId: string
  readonly configFile: string
  readonly socket: string
  readonly #t: Teardown

  private constructor(t: Teardown, directory: string, peerId: string) {
    this.#t = t
    this.directory = directory
    this.peerId = peerId
    this.configFile = join(directory, 'holdfast.yaml')
    this.socket = join(directory, 'holdfast.sock')
  }

  static async create(t: Teardown): Promise<CliHost> {
    const directory = temporaryDirectory(t)
    const pem = await createIdentity()
    writeFileSync(join(directory, 'identity.pem'), pem, { mode: 0o600 })
    return new CliHost(t, directory, loadIdentity(pem).peerId)
  }

  configure(config: ConfigInput): void {
    // JSON is YAML.
    writeFileSync(this.configFile, JSON.stringify(config))
  }

  /** What a sidecar of this user must be able to read. */
  giveTo(userId: number): void {
    chmodSync(this.directory, 0o755)
    for (const path of [this.directory, join(this.directory, 'identity.pem'), this.configFile]) {
      chownSync(path, userId, userId)
    }
  }

  /** @returns when it says that it is ready; it is killed with the test if it still runs then */
  async up(config: ConfigInput, ...more: string[]): Promise<{ cli: RunningCli; ready: string }> {
    this.configure(config)
    const cli = runningCli(this.#t, ['up', '--config', this.configFile, ...more])
    return { cli, ready: await cli.line() }
  }

  status(): Promise<StatusReport> {
    return fetchStatus(this.socket)
  }

  /** In the text format of Prometheus. */
  async metrics(): Promise<string> {
    const [response] = await once(request({ socketPath: this.socket, path: '/metrics' }).end(), 'response')
    return text(response)
  }

  /** host:port of a proxy. */
  async proxy(index = 0): Promise<string> {
    return (await this.status()).proxies[index]!.listen
  }

  /** @returns once it has migrated so often, the first path included, and is stable */
  async untilMigrations(count: number): Promise<void> {
    for (;;) {
      const [peer] = (await this.status()).peers
      if (peer?.state === 'stable' && peer.migrations.length >= count) return
    }
  }

  /** The URL of the first listener, with its real port. */
  async endpoint(): Promise<string> {
    return (await this.status()).listening[0]!
  }

  /** The local port of a forward. */
  async forwardPort(index = 0): Promise<number> {
    return Number((await this.status()).forwards[index]!.listen.split(':').at(-1))
  }
}

export function runningCli(t: Teardown, args: readonly string[], options: CliOptions = {}): RunningCli {
  const cli = new RunningCli(args, options)
  t.teardown(() => cli.stop('SIGKILL'))
  return cli
}
