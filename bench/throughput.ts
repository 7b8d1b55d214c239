/**
 * One stream over loopback through each tunnel, by the same load generator and with the same number of bytes, in
 * interleaved rounds (A B C ... A B C ...), so that what disturbs the machine meets all alike and a ratio is taken
 * within its own round.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { withChildren } from './bounds.ts'
import { type Children, freePort, run } from './children.ts'
import { holdfast } from './holdfast.ts'
import { type Direction, describeMachine, type ThroughputResult, type ThroughputSample } from './results.ts'
import { direct, haproxy, type StartTunnel, socat, ssh, stunnel, type Tunnel } from './tunnel.ts'
import { cpuSeconds } from './usage.ts'

export const TUNNELS: Readonly<Record<string, StartTunnel>> = { holdfast, ssh, stunnel, haproxy, socat, direct }
const WARM_UP_BYTES = 16 * 2 ** 20

export interface ThroughputOptions {
  readonly rounds: number
  readonly bytes: number
  /** Keys of TUNNELS, in the order of the rounds. */
  readonly only: readonly string[]
}

export async function benchThroughput(options: ThroughputOptions): Promise<ThroughputResult> {
  const machine = await describeMachine()
  return withChildren(async (children, directory) => {
    const target = await freePort()
    const bind = ['-B', '127.0.0.1', '-p', String(target)]
    const server = children.start('iperf3 server', 'iperf3', ['-s', ...bind, '--forceflush'])
    await server.matched(/Server listening/)
    const lanes = await startLanes(children, directory, target, options)
    for (let round = 1; round <= options.rounds; round++) {
      for (const lane of lanes) await runLane(lane, round, options)
    }
    const peers = lanes.map(({ tunnel, samples }) => ({
      ...{ name: tunnel.name, version: tunnel.version, settings: tunnel.settings },
      ...{ cipher: tunnel.cipher(), isEncrypted: tunnel.isEncrypted, samples },
    }))
    const generator = (await run('iperf3', '-v')).split(' (')[0] ?? 'iperf3'
    return { machine, generator, bytes: options.bytes, rounds: options.rounds, peers }
  })
}

interface Lane {
  readonly tunnel: Tunnel
  readonly samples: ThroughputSample[]
}

async function startLanes(children: Children, directory: string, target: number, options: ThroughputOptions) {
  const lanes: Lane[] = []
  for (const key of options.only) {
    const start = TUNNELS[key]
    if (start === undefined) throw new Error(`no tunnel is called ${key}; known: ${Object.keys(TUNNELS).join(', ')}`)
    const own = join(directory, key)
    mkdirSync(own)
    const tunnel = await start(children, own, target)
    await transfer(tunnel.entry, 'upload', WARM_UP_BYTES)
    await transfer(tunnel.entry, 'download', WARM_UP_BYTES)
    console.log(`${tunnel.name} ${tunnel.version}: ${tunnel.settings}; cipher ${tunnel.cipher()}`)
    lanes.push({ tunnel, samples: [] })
  }
  return lanes
}

async function runLane({ tunnel, samples }: Lane, round: number, options: ThroughputOptions): Promise<void> {
  for (const direction of ['upload', 'download'] as const) {
    const sample = await measure(tunnel, direction, options.bytes, round)
    samples.push(sample)
    const rate = sample.gbitPerSecond.toFixed(2).padStart(6)
    console.log(`round ${round}/${options.rounds}  ${tunnel.name.padEnd(16)} ${direction.padEnd(8)} ${rate} Gbit/s`)
  }
}

async function measure(tunnel: Tunnel, direction: Direction, bytes: number, round: number): Promise<ThroughputSample> {
  const usage = () =>
    Promise.all([tunnel.near, tunnel.far].map(side => (side === undefined ? 0 : cpuSeconds(side.pid))))
  const [nearBefore = 0, farBefore = 0] = await usage()
  const received = await transfer(tunnel.entry, direction, bytes)
  const [nearAfter = 0, farAfter = 0] = await usage()
  const nearCpuSeconds = nearAfter - nearBefore
  return { round, direction, ...received, nearCpuSeconds, farCpuSeconds: farAfter - farBefore }
}

interface IperfReport {
  readonly error?: string
  readonly end: { readonly sum_received: { readonly bytes: number; readonly bits_per_second: number } }
}

/** One iperf3 test; what counts is what the receiver got, over the receiver's time. */
async function transfer(port: number, direction: Direction, bytes: number) {
  const reverse = direction === 'download' ? ['-R'] : []
  const output = await run('iperf3', '-c', '127.0.0.1', '-p', String(port), '-n', String(bytes), '-J', ...reverse)
  const report = JSON.parse(output) as IperfReport
  if (report.error !== undefined) throw new Error(`iperf3 failed: ${report.error}`)
  const { bytes: received, bits_per_second: rate } = report.end.sum_received
  return { bytes: received, gbitPerSecond: rate / 1e9 }
}
