/** A sidecar inside the test's own process, with real sockets on loopback, and its log as something to wait for. */
import { parseEndpoint } from '../../src/base/endpoint.ts'
import type { Config, PeerConfig } from '../../src/config/config.ts'
import { createIdentity, type Identity, loadIdentity } from '../../src/secure/identity.ts'
import { createSidecar } from '../../src/sidecar/sidecar.ts'
import type { Log, Sidecar } from '../../src/sidecar/sidecar-api.ts'
import type { Teardown } from './cli-host.ts'

export interface LogLine {
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export class SidecarHost {
  readonly identity: Identity
  readonly lines: LogLine[] = []
  #sidecar: Sidecar | undefined
  #waiting: { readonly pattern: RegExp; readonly resolve: (line: LogLine) => void }[] = []

  constructor(identity: Identity) {
    this.identity = identity
  }

  static async create(): Promise<SidecarHost> {
    return new SidecarHost(loadIdentity(await createIdentity()))
  }

  get peerId(): string {
    return this.identity.peerId
  }

  get sidecar(): Sidecar {
    return this.#sidecar!
  }

  /** As the other side's configuration names it. */
  peer(more: Partial<PeerConfig> = {}): PeerConfig {
    return { name: 'other', id: this.peerId, endpoints: [], allow: [], ...more }
  }

  /** Stops with the test. */
  async start(t: Teardown, config: Partial<Config>): Promise<Sidecar> {
    const sidecar = createSidecar({ config: { ...BARE, ...config }, identity: this.identity, log: this.#log() })
    this.#sidecar = sidecar
    t.teardown(() => sidecar.stop())
    await sidecar.start()
    return sidecar
  }

  /** The next line that matches. */
  logged(pattern: RegExp): Promise<LogLine> {
    return new Promise(resolve => this.#waiting.push({ pattern, resolve }))
  }

  #log(): Log {
    const take = (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      const line = { message, fields }
      this.lines.push(line)
      const met = this.#waiting.filter(({ pattern }) => pattern.test(message))
      this.#waiting = this.#waiting.filter(one => !met.includes(one))
      for (const { resolve } of met) resolve(line)
    }
    return { debug: take, info: take, warn: take, error: take }
  }
}

const BARE: Config = {
  identity: '',
  listen: [],
  advertise: [],
  peers: [],
  forward: [],
  routes: [],
  proxy: [],
  holdMs: 60_000,
  admin: { socket: undefined },
  ca: undefined,
}

/** Any free port of 127.0.0.1. */
export const ANY_PORT = [{ endpoint: parseEndpoint('tcp://127.0.0.1:0')! }]
