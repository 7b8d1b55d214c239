/**
 * Where the clients of the matrix play: two hosts with a slow link between them. The near one has every way in at once; the far
 * one has the servers, at an address that the near one can only reach through the sidecars.
 *
 *     client -> near, 10.78.1.2 or .7 ------ 40 Mbit/s ------ far, 10.78.1.1; servers at 10.20.0.5
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Namespace } from '../e2e/lab/namespace.ts'
import { RunningProgram } from '../e2e/programs/real/running-program.ts'
import { until } from '../e2e/wait.ts'
import { CaptureStage } from '../support/capture-stage.ts'
import { temporaryDirectory } from '../support/cli.ts'
import type { Teardown } from '../support/cli-host.ts'
import { PORTS, PROXY, SERVER } from './places.ts'

export const WAYS = ['forward', 'SOCKS5', 'HTTP CONNECT', 'redirect'] as const
export type Way = (typeof WAYS)[number]

const DEADLINE = { deadlineMs: 30_000 }
const LINK = 'tbf rate 40mbit burst 64kb latency 100ms'
/** A transfer counts as under way when so much has crossed the link. */
const UNDER_WAY_BYTES = 2_000_000

export class Ground {
  readonly directory: string
  readonly #stage: CaptureStage
  #address = '10.78.1.2'

  private constructor(stage: CaptureStage, directory: string) {
    this.#stage = stage
    this.directory = directory
  }

  static async create(t: Teardown): Promise<Ground> {
    const stage = await CaptureStage.create(t, 'm')
    const ground = new Ground(stage, temporaryDirectory(t))
    await stage.near.run(['tc', 'qdisc', 'add', 'dev', 'near0', 'root', ...LINK.split(' ')])
    await stage.far.run(['tc', 'qdisc', 'add', 'dev', 'far0', 'root', ...LINK.split(' ')])
    // Else the sidecar rests on an address that does not change.
    await stage.near.ip('addr del fd78:1::2/64 dev near0')
    stage.nearHost.configure({
      peers: [{ name: 'far', id: stage.farHost.peerId, endpoints: ['tcp://10.78.1.1:7700'] }],
      routes: [{ to: `${SERVER}/32`, peer: 'far' }],
      forward: Object.values(PORTS).map(port => ({
        listen: `127.0.0.1:${port}`,
        peer: 'far',
        to: `${SERVER}:${port}`,
      })),
      proxy: [{ listen: PROXY }],
      capture: {},
    })
    await stage.startNear().line()
    return ground
  }

  get near(): Namespace {
    return this.#stage.near
  }

  get far(): Namespace {
    return this.#stage.far
  }

  /** Connections that the firewall has led to the sidecar until now. */
  captured(): Promise<number> {
    return this.#stage.counted('captured')
  }

  /** The near host gets another address and loses the one it has. @returns when the path is another one */
  async move(): Promise<void> {
    const before = await this.#epoch()
    const next = this.#address === '10.78.1.2' ? '10.78.1.7' : '10.78.1.2'
    await this.near.ip(`addr add ${next}/24 dev near0`, `addr del ${this.#address}/24 dev near0`)
    this.#address = next
    await until('a migration', DEADLINE, async () => {
      const [peer] = (await this.#stage.nearHost.status()).peers
      if (peer?.state !== 'stable' || peer.epoch <= before) return undefined
      return peer.paths.some(({ local, role }) => role === 'active' && local.startsWith(`${next}:`)) || undefined
    })
  }

  /** What crosses the link from now on is counted. @returns a wait for the middle of a transfer of this program */
  async transfer(): Promise<(program: RunningProgram) => Promise<void>> {
    const before = await this.#crossedBytes()
    return async program => {
      await until('the middle of a transfer', DEADLINE, async () => {
        program.mustRun()
        return (await this.#crossedBytes()) - before >= UNDER_WAY_BYTES || undefined
      })
    }
  }

  /** A directory of its own. */
  room(name: string): string {
    const path = join(this.directory, name.replaceAll(/[^\w]+/g, '-'))
    mkdirSync(path)
    return path
  }

  async #epoch(): Promise<number> {
    return (await this.#stage.nearHost.status()).peers[0]?.epoch ?? 0
  }

  async #crossedBytes(): Promise<number> {
    const statistics = ['rx_bytes', 'tx_bytes'].map(name => `/sys/class/net/near0/statistics/${name}`)
    const text = await this.near.run(['cat', ...statistics])
    return text.split('\n').reduce((sum, line) => sum + Number(line), 0)
  }
}

/** One client on one way. */
export interface Visit {
  readonly way: Way
  /** What the client is told to connect to: the forward, else the server itself. */
  readonly host: string
  readonly ground: Ground
  /** Of this cell alone. */
  readonly directory: string
  start(command: readonly string[], environment?: NodeJS.ProcessEnv): RunningProgram
}

export async function visit(way: Way, ground: Ground, client: string, running: RunningProgram[]): Promise<Visit> {
  return {
    way,
    host: way === 'forward' ? '127.0.0.1' : SERVER,
    ground,
    directory: ground.room(`${client} ${way}`),
    start: (command, environment = {}) => {
      const program = new RunningProgram(ground.near, command, { ...WITHOUT_PROXIES, ...environment })
      running.push(program)
      return program
    },
  }
}

/** What the environment of the machine says of proxies is not meant for the clients. */
const WITHOUT_PROXIES: NodeJS.ProcessEnv = Object.fromEntries(
  Object.keys(process.env).flatMap(name => (/_proxy$/i.test(name) ? [[name, undefined]] : [])),
)
