/** The carriers between two hosts of the lab, as the far host's kernel counts their bytes: seen from outside. */
import { until } from '../wait.ts'
import { run, tryRun } from './shell.ts'

/** Between two looks: several ticks in each direction. */
const LOOK_MS = 12

export interface CarrierCount {
  /** Both ends, as `near far`. */
  readonly key: string
  readonly nearHost: string
  readonly farHost: string
  /** Bytes that the near host's kernel has acknowledged, and bytes that came from it. */
  readonly sentBytes: number
  readonly receivedBytes: number
}

/** The established connections of `namespace` of which one end has one of these ports. */
async function countCarriers(namespace: string, ports: readonly number[]): Promise<readonly CarrierCount[]> {
  const lines = (await run(['ss', '-N', namespace, '-HtinO', 'state', 'established'])).split('\n')
  return lines.flatMap(line => {
    const [, , local, remote] = line.trim().split(/\s+/)
    if (local === undefined || remote === undefined) return []
    if (!ports.some(port => local.endsWith(`:${port}`) || remote.endsWith(`:${port}`))) return []
    const count = (name: string) => Number(new RegExp(` ${name}:(\\d+)`).exec(line)?.[1] ?? 0)
    const [nearHost, farHost] = [hostOf(remote), hostOf(local)]
    const bytes = { sentBytes: count('bytes_acked'), receivedBytes: count('bytes_received') }
    return [{ key: `${remote} ${local}`, nearHost, farHost, ...bytes }]
  })
}

/** The kernel of `namespace` cuts its connections of this port (sock_diag's destroy). @returns how many */
export async function cutCarriers(namespace: string, port: number): Promise<number> {
  const either = [`sport = :${port}`, `dport = :${port}`]
  let count = 0
  for (const filter of either) {
    const cut = await tryRun(['ss', '-N', namespace, '-K', '-Htn', 'state', 'established', ...filter.split(' ')])
    count += cut.split('\n').filter(line => line.trim() !== '').length
  }
  return count
}

/** Which carrier carries the bytes, told by the growth of its counts from one look to the next. */
export class CarrierWatch {
  readonly #namespace: string
  readonly #ports: readonly number[]
  #counts: readonly CarrierCount[] = []

  constructor(namespace: string, ports: readonly number[]) {
    this.#namespace = namespace
    this.#ports = ports
  }

  /** What the last look has shown, for a failure. */
  get last(): string {
    return JSON.stringify(this.#counts)
  }

  /** Since the last look. @returns undefined when none has carried anything in both directions */
  async look(): Promise<CarrierCount | undefined> {
    const before = this.#counts
    this.#counts = await countCarriers(this.#namespace, this.#ports)
    return busiest(before, this.#counts)
  }

  /** @throws Error when none carries in time */
  active(deadlineMs: number): Promise<CarrierCount> {
    return until('a carrier that carries', { deadlineMs, everyMs: LOOK_MS }, () => this.look())
  }

  /** Returns when another one carries, and it is as expected. @throws Error when none does in time */
  movedFrom(
    before: CarrierCount,
    what: string,
    deadlineMs: number,
    isExpected: (now: CarrierCount) => boolean = () => true,
  ): Promise<CarrierCount> {
    const ask = async () => {
      const now = await this.look()
      return now !== undefined && now.key !== before.key && isExpected(now) ? now : undefined
    }
    return until(`${what}: away from ${before.key}`, { deadlineMs, everyMs: LOOK_MS }, ask, () => this.last)
  }
}

/** The carrier that has carried the most in both directions between two counts; undefined when none has. */
function busiest(before: readonly CarrierCount[], after: readonly CarrierCount[]): CarrierCount | undefined {
  const grown = after.map(count => {
    const earlier = before.find(one => one.key === count.key)
    const sent = count.sentBytes - (earlier?.sentBytes ?? 0)
    const received = count.receivedBytes - (earlier?.receivedBytes ?? 0)
    return { count, bytes: Math.min(sent, received) }
  })
  const [most] = grown.sort((a, b) => b.bytes - a.bytes)
  return most !== undefined && most.bytes > 0 ? most.count : undefined
}

/** Of `address:port` or `[address]:port`, IPv4 also in IPv6 form. */
export function hostOf(end: string): string {
  return end
    .slice(0, end.lastIndexOf(':'))
    .replace(/^\[|\]$/g, '')
    .replace(/^::ffff:/, '')
}
