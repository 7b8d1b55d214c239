/**
 * What it costs to open a connection: on loopback and captured, in interleaved rounds (A B C ... A B C ...); over a path
 * with a delay, one at a time in turns; and beside rules of a capture that do not concern it.
 *
 * One process opens and one answers, both in Node: near the rate of the direct row they are what is measured.
 */
import { join } from 'node:path'
import { withChildren } from './bounds.ts'
import { type Children, run } from './children.ts'
import { directTo, type Entrance, LOOPBACK, microsocks, ofHoldfast, redsocks, startHoldfast } from './entrances.ts'
import { CLI, startSidecars, writeCapture } from './holdfast.ts'
import { Opener } from './opener.ts'
import { type ConnectResult, describeMachine, type OpenRow, type OpenSample, type RulesArm } from './results.ts'
import { median } from './statistics.ts'
import { TwoHosts } from './two-hosts.ts'
import { TwoUplinks } from './two-uplinks.ts'
import { cpuSeconds } from './usage.ts'

const PARALLEL = 32
/** Exchanges one at a time: of each round, and of each round of connects beside rules. */
const SINGLES = 100
const WARM_UP = 64
const PATH = { delayMs: 10, mbitPerSecond: 100, queueMs: 100 }
const DELAYED_SAMPLES = 100
/** For each arm beside rules, in every round of the others. */
const RULES_ROUNDS = 3
/** Of the table with many networks: nearly as many as a capture takes. */
const NETWORKS = 500
const NEED_ROOT = ['transparent', 'path', 'rules']

export const CONNECT_PARTS = [...Object.keys(LOOPBACK), ...NEED_ROOT]

export interface ConnectOptions {
  readonly rounds: number
  readonly connections: number
  /** Of CONNECT_PARTS. */
  readonly only: readonly string[]
}

export async function benchConnect(options: ConnectOptions): Promise<ConnectResult> {
  const unknown = options.only.find(part => !CONNECT_PARTS.includes(part))
  if (unknown !== undefined) throw new Error(`nothing is called ${unknown}; known: ${CONNECT_PARTS.join(', ')}`)
  const needsRoot = options.only.find(part => NEED_ROOT.includes(part))
  if (needsRoot !== undefined && process.getuid?.() !== 0) {
    throw new Error(`${needsRoot} makes network namespaces: run it as root, or name others with --only`)
  }
  const machine = await describeMachine()
  const has = (part: string) => options.only.includes(part)
  const { rounds, connections } = options
  const loopback = await withChildren((children, directory) => openOnLoopback(children, directory, options))
  const transparent = has('transparent') ? await withChildren((...own) => openCaptured(...own, options)) : []
  const delayed = has('path') ? await withChildren(openDelayed) : []
  const rules = has('rules') ? await withChildren((...own) => connectBesideRules(...own, RULES_ROUNDS * rounds)) : []
  const link = `${2 * PATH.delayMs} ms of round trip and ${PATH.mbitPerSecond} Mbit/s, emulated over TUN`
  return { machine, rounds, connections, parallel: PARALLEL, loopback, transparent, link, delayed, rules }
}

async function openOnLoopback(children: Children, directory: string, options: ConnectOptions): Promise<OpenRow[]> {
  const destination = { host: '127.0.0.1', port: await new Opener(children).serve('127.0.0.1') }
  const entrances: Entrance[] = []
  for (const [key, start] of Object.entries(LOOPBACK)) {
    if (options.only.includes(key)) entrances.push(...(await start(children, join(directory, key), destination)))
  }
  return entrances.length === 0 ? [] : measureRounds(new Opener(children), entrances, options)
}

async function openCaptured(children: Children, directory: string, options: ConnectOptions): Promise<OpenRow[]> {
  const hosts = await TwoHosts.start(children, `hfo${process.pid}`)
  const port = await new Opener(children, hosts.farPrefix).serve('0.0.0.0')
  const [ours, theirs] = TwoHosts.behind
  const pair = await startSidecars(children, directory, {
    farAddress: TwoHosts.farAddress,
    destination: `${TwoHosts.farAddress}:${port}`,
    nearPrefix: hosts.nearPrefix,
    farPrefix: hosts.farPrefix,
    nearLines: ['capture: {}', `routes: [{to: ${ours.network}, peer: far}]`],
    allow: [`${ours.network}:*`],
  })
  const captured = { host: ours.host, port }
  const destination = { host: theirs.host, port }
  const proxy = await microsocks(children, TwoHosts.farAddress, destination, hosts.farPrefix)
  const entrances = [
    directTo({ host: TwoHosts.farAddress, port }),
    ofHoldfast(pair, 'redirect', { ...captured, dialogue: 'none', destination: captured }),
    await redsocks(children, directory, proxy, { prefix: hosts.nearPrefix, destination }),
  ]
  return measureRounds(new Opener(children, hosts.nearPrefix), entrances, options)
}

async function measureRounds(opener: Opener, entrances: readonly Entrance[], options: ConnectOptions) {
  const lanes: { readonly entrance: Entrance; readonly cipher: string; readonly samples: OpenSample[] }[] = []
  for (const entrance of entrances) lanes.push({ entrance, cipher: await warmUp(opener, entrance), samples: [] })
  for (let round = 1; round <= options.rounds; round++) {
    for (const { entrance, samples } of lanes) samples.push(await measure(opener, entrance, round, options))
    const rates = lanes.map(({ entrance, samples }) => `${entrance.name} ${samples.at(-1)?.perSecond.toFixed(0)}/s`)
    console.log(`round ${round}/${options.rounds}  ${rates.join('  ')}`)
  }
  return lanes.map(({ entrance: { name, version, settings }, cipher, samples }): OpenRow => {
    return { name, version, settings, cipher, samples }
  })
}

/** @returns what was negotiated: read at once, since a child's output is kept up to a limit only */
async function warmUp(opener: Opener, { entry, cipher }: Entrance): Promise<string> {
  await opener.open(entry, WARM_UP, PARALLEL)
  return cipher()
}

async function measure(opener: Opener, { entry, near, far }: Entrance, round: number, options: ConnectOptions) {
  const used = () => Promise.all([near, far].map(side => (side === undefined ? 0 : cpuSeconds(side.pid))))
  const before = await used()
  const many = await opener.open(entry, options.connections, PARALLEL)
  const after = await used()
  const cpuMs = (side: 0 | 1) => (1_000 * ((after[side] ?? 0) - (before[side] ?? 0))) / options.connections
  const { firstByteMs } = await opener.open(entry, SINGLES, 1)
  return {
    round,
    perSecond: options.connections / many.seconds,
    ...{ nearCpuMs: cpuMs(0), farCpuMs: cpuMs(1) },
    firstByteMs: firstByteMs.map(toMicroseconds),
  }
}

async function openDelayed(children: Children, directory: string): Promise<ConnectResult['delayed']> {
  const path = await TwoUplinks.start(children, { prefix: `hfo${process.pid}`, ...PATH })
  const host = TwoUplinks.farAddress
  const destination = { host, port: await new Opener(children, path.farPrefix).serve(host) }
  const { nearPrefix, farPrefix } = path
  const { entrances } = await startHoldfast(
    children,
    directory,
    { farAddress: host, nearPrefix, farPrefix },
    destination,
  )
  const all = [directTo(destination), ...entrances, await microsocks(children, host, destination, farPrefix)]
  const opener = new Opener(children, nearPrefix)
  const lanes: { readonly entrance: Entrance; readonly cipher: string; readonly firstByteMs: number[] }[] = []
  for (const entrance of all) lanes.push({ entrance, cipher: await warmUp(opener, entrance), firstByteMs: [] })
  for (let count = 1; count <= DELAYED_SAMPLES; count++) {
    for (const { entrance, firstByteMs } of lanes) {
      firstByteMs.push(...(await opener.open(entrance.entry, 1, 1)).firstByteMs.map(toMicroseconds))
    }
    if (count % 25 === 0) console.log(`over the path: ${count}/${DELAYED_SAMPLES}`)
  }
  return lanes.map(({ entrance: { name, version }, cipher, firstByteMs }) => ({ name, version, cipher, firstByteMs }))
}

/** The arms take turns, and begin with another one in each round. */
async function connectBesideRules(children: Children, directory: string, rounds: number): Promise<RulesArm[]> {
  const hosts = await TwoHosts.start(children, `hfo${process.pid}`)
  const { entry } = directTo({
    host: TwoHosts.farAddress,
    port: await new Opener(children, hosts.farPrefix).serve('0.0.0.0'),
  })
  const opener = new Opener(children, hosts.nearPrefix)
  const firewall = (...args: readonly string[]) =>
    run(...(hosts.nearPrefix as [string, ...string[]]), process.execPath, CLI, 'firewall', ...args)
  const arms: { name: string; prepare: () => Promise<string>; connectMs: number[] }[] = []
  const addArm = (name: string, prepare: () => Promise<string>) => arms.push({ name, prepare, connectMs: [] })
  for (const name of ['no rules', 'no rules (A/A)']) addArm(name, () => firewall('remove'))
  for (const networks of [1, NETWORKS]) {
    const config = await writeCapture(join(directory, String(networks)), networks)
    addArm(`${networks} captured network${networks === 1 ? '' : 's'}`, () => firewall('apply', '--config', config))
  }
  await opener.open(entry, WARM_UP, PARALLEL)
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < arms.length; turn++) {
      const arm = arms[(round + turn) % arms.length] as (typeof arms)[number]
      await arm.prepare()
      arm.connectMs.push(toMicroseconds(median((await opener.open(entry, SINGLES, 1)).connectMs)))
    }
  }
  console.log(
    `beside rules: ${arms.map(({ name, connectMs }) => `${name} ${median(connectMs).toFixed(3)} ms`).join('; ')}`,
  )
  return arms.map(({ name, connectMs }) => ({ name, connectMs }))
}

/** Three digits of a millisecond: finer is noise. */
function toMicroseconds(ms: number): number {
  return Number(ms.toFixed(3))
}
