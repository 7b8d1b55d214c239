/**
 * Two namespaces, and two emulated links between them:
 *
 *     near  up0 10.9.1.x ───── 10.9.1.254 down0  far
 *           up1 10.9.2.x ───── 10.9.2.254 down1       lo 10.9.0.2, the address that is dialed
 *
 * As on a real host with two uplinks, what leaves from an address leaves by its own uplink (policy routing), everything
 * else by the uplink with the smallest metric; and the far side takes an address only from the link it belongs to.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { TunLinks } from '../test/e2e/lab/tun-link.ts'
import { wait } from './bounds.ts'
import { type Children, run } from './children.ts'

export type Uplink = 0 | 1

export interface PathPlan {
  /** Of the namespaces' names. */
  readonly prefix: string
  readonly delayMs: number
  readonly mbitPerSecond: number
  readonly queueMs: number
}

/** Bytes in 100 ms that prove a tick stream on an uplink, and that exclude one (acknowledgements, probes). */
export const FLOW_BYTES_MIN = 1_000
const FLOW_WINDOW_MS = 100

export class TwoUplinks {
  static readonly farAddress = '10.9.0.2'
  readonly nearNamespace: string
  readonly farNamespace: string
  readonly #links: TunLinks
  /** Last byte of each uplink's present address. */
  readonly #host: [number, number] = [1, 1]
  #metric = 100

  private constructor(prefix: string, links: TunLinks) {
    this.nearNamespace = `${prefix}-near`
    this.farNamespace = `${prefix}-far`
    this.#links = links
  }

  /** Builds it; the first uplink is preferred. Everything is undone by `children.end()`. @throws Error without root */
  static async start(children: Children, plan: PathPlan): Promise<TwoUplinks> {
    const [near, far] = [`${plan.prefix}-near`, `${plan.prefix}-far`]
    for (const namespace of [near, far]) {
      await run('ip', 'netns', 'add', namespace)
      children.defer(() => run('ip', 'netns', 'del', namespace).then(() => {}))
    }
    const links = await TunLinks.start(
      ([0, 1] as const).map(uplink => ({
        name: String(uplink),
        ends: [
          { namespace: near, device: `up${uplink}` },
          { namespace: far, device: `down${uplink}` },
        ],
        delayMs: plan.delayMs,
        mbitPerSecond: plan.mbitPerSecond,
        queueMs: plan.queueMs,
      })),
    )
    children.defer(() => links.end())
    const path = new TwoUplinks(plan.prefix, links)
    await path.#configure()
    return path
  }

  get nearPrefix(): readonly string[] {
    return ['ip', 'netns', 'exec', this.nearNamespace]
  }

  get farPrefix(): readonly string[] {
    return ['ip', 'netns', 'exec', this.farNamespace]
  }

  /** The near side's address on an uplink. */
  address(uplink: Uplink): string {
    return `10.9.${uplink + 1}.${this.#host[uplink]}`
  }

  /** Another address on the same interface: the old one is gone before the new one is there. */
  async renumber(uplink: Uplink): Promise<void> {
    const old = this.address(uplink)
    this.#host[uplink] = (this.#host[uplink] % 250) + 1
    await this.#near([`addr del ${old}/24 dev up${uplink}`, ...this.#addressing(uplink)])
  }

  async takeDown(uplink: Uplink): Promise<void> {
    await this.#near([`link set up${uplink} down`])
  }

  /** Brings an uplink back; as the less wanted one unless `isPreferred`. */
  async bringUp(uplink: Uplink, isPreferred: boolean): Promise<void> {
    await this.#near([`link set up${uplink} up`, ...this.#routes(uplink, isPreferred ? 1 : ++this.#metric)])
  }

  /** A dead uplink swallows all packets in both directions, and no interface shows it. */
  async setDead(uplink: Uplink, isDead: boolean): Promise<void> {
    await this.#links.setDead(String(uplink), isDead)
  }

  /** Bytes sent and received so far on each uplink, by the counters that `insider`, a process in there, sees. */
  async carried(insider: number): Promise<[number, number]> {
    const table = await readFile(`/proc/${insider}/net/dev`, 'utf8')
    return ([0, 1] as const).map(uplink => {
      const fields = new RegExp(`^\\s*up${uplink}:(.*)$`, 'm').exec(table)?.[1]?.trim().split(/\s+/).map(Number)
      return (fields?.[0] ?? 0) + (fields?.[8] ?? 0)
    }) as [number, number]
  }

  /** Which uplinks carry a tick stream just now. Takes 100 ms. */
  async flowing(insider: number): Promise<[boolean, boolean]> {
    const before = await this.carried(insider)
    await wait(FLOW_WINDOW_MS)
    const after = await this.carried(insider)
    return [after[0] - before[0] >= FLOW_BYTES_MIN, after[1] - before[1] >= FLOW_BYTES_MIN]
  }

  async #configure(): Promise<void> {
    const far = [`addr add ${TwoUplinks.farAddress}/32 dev lo`, 'link set lo up']
    for (const uplink of [0, 1])
      far.push(`addr add 10.9.${uplink + 1}.254/24 dev down${uplink}`, `link set down${uplink} up`)
    await batch(this.farNamespace, far)
    for (const scope of ['all', 'default', 'down0', 'down1']) {
      await run(...this.#in(this.farPrefix), `net.ipv4.conf.${scope}.rp_filter=1`)
    }
    const near = ['link set lo up']
    for (const uplink of [0, 1] as const) {
      near.push(`rule add from 10.9.${uplink + 1}.0/24 lookup ${table(uplink)}`)
      near.push(`link set up${uplink} up`, ...this.#addressing(uplink))
    }
    await this.#near(near)
  }

  #in([command = '', ...args]: readonly string[]): [string, ...string[]] {
    return [command, ...args, 'sysctl', '-qw']
  }

  #addressing(uplink: Uplink): string[] {
    return [`addr add ${this.address(uplink)}/24 dev up${uplink}`, ...this.#routes(uplink, ++this.#metric)]
  }

  #routes(uplink: Uplink, metric: number): string[] {
    return [
      `route replace ${TwoUplinks.farAddress}/32 dev up${uplink} metric ${metric}`,
      `route replace default dev up${uplink} table ${table(uplink)}`,
    ]
  }

  #near(commands: readonly string[]): Promise<void> {
    return batch(this.nearNamespace, commands)
  }
}

/** Remote addresses of the established IPv4 connections that `insider` sees, chosen by local or remote port. */
export async function established(insider: number, end: 'local' | 'remote', port: number): Promise<string[]> {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  const lines = (await readFile(`/proc/${insider}/net/tcp`, 'utf8')).split('\n').slice(1)
  const rows = lines.map(line => line.trim().split(/\s+/))
  return rows
    .filter(([, local, remote, state]) => state === '01' && (end === 'local' ? local : remote)?.endsWith(`:${wanted}`))
    .map(([, , remote = '']) => [6, 4, 2, 0].map(at => Number.parseInt(remote.slice(at, at + 2), 16)).join('.'))
}

function table(uplink: Uplink | number): number {
  return 101 + uplink
}

/** One `ip` process for all commands, so that nothing comes between them. */
async function batch(namespace: string, commands: readonly string[]): Promise<void> {
  const running = promisify(execFile)('ip', ['-n', namespace, '-batch', '-'], { timeout: 10_000 })
  running.child.stdin?.end(`${commands.join('\n')}\n`)
  await running
}
