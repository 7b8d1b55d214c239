/**
 * Everything one run of a scenario stands on: lab, a sidecar and a traffic agent on both hosts, and the load.
 *
 *   near agent -> 127.0.0.1:15000 near sidecar == carrier == far sidecar -> 127.0.0.1:16000 far agent
 *
 * For each direction there are two connections: a paced stream of bytes with checksums, and the probe, a numbered tick
 * each 2 ms. The probe's longest silence around a fault is the blackout: measured outside both sidecars. Where there are
 * several ways in (ways.ts), each has connections of its own.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { hostOf } from '../lab/carriers.ts'
import type { Jump } from '../lab/false-clocks.ts'
import { ADDRESS, Lab, type LabOptions } from '../lab/lab.ts'
import { Agent } from '../programs/agent-driver.ts'
import { type FlowReport, monotonicMs } from '../programs/agent-protocol.ts'
import { type Identity, Sidecar } from '../sidecar.ts'
import type { Turn } from '../turn.ts'
import { lasting, until, type WaitOptions } from '../wait.ts'
import { farConfig, nearConfig } from './configuration.ts'
import { PORT } from './places.ts'
import type { Bound, CarrierKind, Direction } from './scenario.ts'
import { entrance, SERVER, type Way } from './ways.ts'

/** Load per direction: enough that every fault hits bytes under way, little enough that the path is not the fault. */
const LOAD_MBITS = 40
const PROGRESS_BYTES = 200_000
const FLOWING_DEADLINE_MS = 30_000
const END_DEADLINE_MS = 60_000
const MOVE_DEADLINE_MS = 20_000
/** Longer than an old carrier waits for the tail of what it took. */
const SILENCE_MS = 300
const RTT_SAMPLES = 9
/** For each of those that are looked at, so that looking costs no more when they are many. */
const LOOK_MS = 8

export interface StandOptions {
  readonly lab?: LabOptions
  /** Where the near side dials the far one. @default its IPv4 address */
  readonly farEndpoints?: readonly string[]
  /** Where the far side dials the near one. @default nowhere; the near side does not listen */
  readonly nearEndpoints?: readonly string[]
  /** Does the near side listen, and so advertise. @default only with nearEndpoints */
  readonly nearListens?: boolean
  /** What names mean at the beginning, on both hosts. */
  readonly names?: Readonly<Record<string, string>>
  /** A translator stands between the hosts from the beginning. */
  readonly isTranslated?: boolean
  /** Ways into the near sidecar that have their part of the load. @default the forward */
  readonly ways?: readonly Way[]
  /** Bytes of the load, per direction, on all ways together. @default 40 */
  readonly loadMbits?: number
  /** Further ports of 127.0.0.1, the same on both hosts, through which near programs reach far ones. */
  readonly ports?: readonly number[]
  /** A file that takes the near sidecar's log. @default kept by the lab */
  readonly nearLog?: string
  /** What the clocks of a sidecar can do. @default the kernel's */
  readonly clocks?: { readonly near?: Jump; readonly far?: Jump }
}

interface Blackout {
  readonly what: string
  readonly direction: Direction
  readonly way: Way
  readonly ms: number
  readonly maxMs: number
}

export interface Fault {
  readonly what: string
  readonly bound: Bound
  /** Where there is no path for a time, the blackout counts from the moment there is one again: the end of `fault`. */
  readonly countsFrom?: 'fault' | 'path'
}

/** One direction of the load on one way, with the names of its connections. */
interface Strand {
  readonly way: Way
  readonly direction: Direction
  readonly bytes: string
  readonly ticks: string
}

export class Stand {
  readonly lab: Lab
  readonly carrier: CarrierKind
  readonly directions: readonly Direction[]
  readonly near: Sidecar
  readonly far: Sidecar
  readonly nearAgent: Agent
  readonly farAgent: Agent
  readonly ways: readonly Way[]
  readonly #guestAgent: Agent | undefined
  readonly #options: StandOptions
  readonly #turn: Turn
  readonly notes: string[] = []
  readonly blackouts: Blackout[] = []
  /** Measured round trip of the idle path. */
  rttMs = Number.NaN
  readonly #closers: (() => Promise<void>)[] = []
  /** Who has opened a connection. */
  readonly #openers = new Map<string, Agent>()
  #load: readonly Strand[] = []

  private constructor(
    lab: Lab,
    carrier: CarrierKind,
    directions: readonly Direction[],
    sidecars: readonly [Sidecar, Sidecar],
    options: StandOptions,
    turn: Turn,
  ) {
    this.lab = lab
    this.#options = options
    this.#turn = turn
    this.carrier = carrier
    this.directions = directions
    this.near = sidecars[0]
    this.far = sidecars[1]
    this.ways = options.ways ?? ['forward']
    this.nearAgent = new Agent(lab.near)
    this.farAgent = new Agent(lab.far)
    this.#guestAgent = lab.guest === undefined ? undefined : new Agent(lab.guest)
  }

  /** `turn` is taken already. */
  static async create(
    number: number,
    turn: Turn,
    identities: { readonly near: Identity; readonly far: Identity },
    carrier: CarrierKind,
    directions: readonly Direction[],
    options: StandOptions = {},
  ): Promise<Stand> {
    const lab = await Lab.create(number, { ...options.lab, hasGuest: options.ways?.includes('tproxy') ?? false })
    const { clocks } = options
    const near = new Sidecar(lab.near, identities.near, nearConfig(carrier, identities.far, options), clocks?.near)
    const far = new Sidecar(lab.far, identities.far, farConfig(carrier, identities.near, options), clocks?.far)
    return new Stand(lab, carrier, directions, [near, far], options, turn)
  }

  async start(): Promise<void> {
    this.setNames(this.#options.names ?? {})
    if (this.#options.isTranslated === true) await this.lab.router.translate()
    for (const way of this.ways) {
      if (way !== 'forward') await this.lab.far.ip(`address add ${SERVER[way]}/32 dev lo`)
      await this.farAgent.listen(SERVER[way], PORT.farApplication)
    }
    const samples = await this.nearAgent.roundTrips(ADDRESS.far.v4, await this.farAgent.listen('::'), RTT_SAMPLES)
    this.rttMs = samples[Math.floor(samples.length / 2)] as number
    await this.far.start()
    await this.near.start(this.#options.nearLog)
  }

  /** Opens the load and the probe of each direction on each way, and returns when they flow. */
  async load(): Promise<void> {
    const mbits = (this.#options.loadMbits ?? LOAD_MBITS) / this.ways.length
    this.#load = this.ways.flatMap(way => this.directions.map(direction => strandOf(way, direction)))
    for (const { way, direction, bytes, ticks } of this.#load) {
      const which = { up: direction === 'upload', down: direction === 'download' }
      this.open({ id: bytes, kind: 'bytes', mbits, ...which }, way)
      this.open({ id: ticks, kind: 'ticks', ...which }, way)
    }
    await this.progress('the load flows', monotonicMs())
  }

  /** Whose bytes these are, and who gets them. @param id of the connection; without it, of one by the forward */
  ends(direction: Direction, id?: string): readonly [sender: Agent, receiver: Agent] {
    const opener = this.#openers.get(id ?? '') ?? this.nearAgent
    return direction === 'upload' ? [opener, this.farAgent] : [this.farAgent, opener]
  }

  /** What names mean from now on, on both hosts. */
  setNames(names: Readonly<Record<string, string>>): void {
    const hosts = Object.fromEntries(Object.entries(names).map(([name, address]) => [name, [address]]))
    this.lab.near.setHosts(hosts)
    this.lab.far.setHosts(hosts)
  }

  open(plan: Parameters<Agent['open']>[2], way: Way = 'forward'): void {
    const agent = way === 'tproxy' ? this.#guestAgent : this.nearAgent
    assert.ok(agent !== undefined, 'there is no guest: `ways` has no tproxy')
    this.#openers.set(plan.id, agent)
    const { host, port, proxy } = entrance(way)
    agent.open(host, port, plan, proxy)
  }

  /** Returns when every direction of the load has moved on since `sinceMs`, on every way. */
  async progress(what: string, sinceMs: number, deadlineMs = FLOWING_DEADLINE_MS): Promise<void> {
    const wait = { deadlineMs, everyMs: LOOK_MS * this.#load.length }
    await Promise.all(this.#load.map(strand => this.#progressOf(strand, what, sinceMs, wait)))
  }

  /** Lets one fault happen, waits until every direction moves again, and measures the blackout. */
  async fault(fault: Fault, happen: () => Promise<void>, deadlineMs = 15_000): Promise<void> {
    const startMs = monotonicMs()
    await happen()
    const doneMs = monotonicMs()
    const maxMs = fault.bound.rounds * this.rttMs + fault.bound.extraMs
    await this.progress(`traffic after ${fault.what}`, doneMs, deadlineMs)
    for (const { way, direction, ticks: id } of this.#load) {
      const ticks = await this.ends(direction, id)[1].report(id, startMs)
      const lengths = (ticks?.gaps ?? []).map(
        gap => gap.toMs - (fault.countsFrom === 'path' ? Math.max(gap.fromMs, doneMs) : gap.fromMs),
      )
      this.blackouts.push({ what: fault.what, direction, way, ms: Math.max(0, ...lengths), maxMs })
    }
  }

  /** Lets at least `ms` pass while nothing is to be seen here; other stands may use the machine. */
  async aside(ms: number): Promise<void> {
    this.#turn.give()
    await lasting(ms)
    await this.#turn.take()
  }

  /** Ends every connection of the load and proves that what was received is what was sent. */
  async finish(): Promise<void> {
    const all = this.#load.flatMap(({ direction, bytes, ticks }) => [bytes, ticks].map(id => ({ direction, id })))
    await Promise.all(all.map(({ direction, id }) => this.settle(id, direction)))
  }

  /** The load has ended in another way than by `finish`. */
  forgetLoad(): void {
    this.#load = []
  }

  /** Stops what sends on this connection, waits for the end, and compares. */
  async settle(id: string, direction: Direction, deadlineMs = END_DEADLINE_MS): Promise<FlowReport> {
    const [sender, receiver] = this.ends(direction, id)
    sender.stop(id)
    const received = await until(`the end of ${id}`, { deadlineMs }, async () => {
      const report = await receiver.report(id)
      this.#mustLive(report)
      return report?.receivedSha256 == null ? undefined : report
    })
    const sent = await sender.report(id)
    assert.equal(received.receivedBytes, sent?.sentBytes, `${id}: bytes received and sent`)
    assert.equal(received.receivedSha256, sent?.sentSha256, `${id}: checksums`)
    assert.equal(received.wrongAt, null, `${id}: first wrong byte or tick`)
    const accepted = await this.farAgent.report(id)
    assert.equal(accepted?.accepts, 1, `${id}: connections the server accepted`)
    return received
  }

  /** The same for a connection that carries bytes in both directions. */
  async settleBoth(id: string, deadlineMs = END_DEADLINE_MS): Promise<void> {
    await Promise.all([this.settle(id, 'upload', deadlineMs), this.settle(id, 'download', deadlineMs)])
  }

  /** The carriers that stand, as the far host's kernel shows them: `[local, remote]`. */
  async carriers(): Promise<readonly (readonly [local: string, remote: string])[]> {
    const lines = (await this.lab.far.run(['ss', '-Htn', 'state', 'established'])).split('\n')
    const ports = [PORT.tcp, PORT.ws].map(port => `:${port}`)
    return lines.flatMap(line => {
      const [, , local, remote] = line.trim().split(/\s+/)
      if (local === undefined || remote === undefined) return []
      return ports.some(port => local.endsWith(port) || remote.endsWith(port)) ? [[local, remote] as const] : []
    })
  }

  /**
   * Proves that traffic has gone from one address to another: the far host's kernel shows the new one as an end of a
   * carrier, and the router sees bytes of the new one and, once what lived on there has come to its end, nothing from
   * the old one. More than one `to`: one of them.
   */
  async proveMoved(from: readonly string[], to: readonly string[]): Promise<void> {
    await this.lab.router.count(...from, ...to)
    const carriers = await until(`a carrier of ${to.join(' or ')}`, { deadlineMs: MOVE_DEADLINE_MS }, async () => {
      const found = await this.carriers()
      return found.some(ends => ends.some(end => to.includes(hostOf(end)))) ? found : undefined
    })
    await this.#silenceOf(from)
    const before = await this.#trafficOf(from, to)
    await this.progress(`traffic of ${to.join(' or ')}`, monotonicMs())
    const after = await this.#trafficOf(from, to)
    const newBytes = after.newBytes - before.newBytes
    assert.ok(newBytes > PROGRESS_BYTES, `the router saw only ${newBytes} bytes of ${to.join(' or ')}`)
    assert.equal(after.oldPackets - before.oldPackets, 0, `packets from ${from.join(' or ')} after the move`)
    const newest = carriers.flatMap(ends => ends.filter(end => to.includes(hostOf(end))))
    this.notes.push(`carrier of ${newest.join(', ')}; router: ${newBytes} B of it, nothing from ${from.join(' or ')}`)
  }

  /** What both sidecars say of themselves, for a failure. */
  get logs(): string {
    return `near sidecar:\n${this.near.logTail}\nfar sidecar:\n${this.far.logTail}`
  }

  /** Both sidecars' logs as they are now, for whoever wants to read them later. */
  keepLogs(directory: string, name: string): void {
    this.near.keepLog(join(directory, `${name}.near.log`))
    this.far.keepLog(join(directory, `${name}.far.log`))
  }

  /** What a scenario has besides is closed first, whatever the run has come to. */
  onClose(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  async close(): Promise<void> {
    try {
      for (const close of this.#closers.splice(0)) await close()
    } finally {
      for (const agent of [this.nearAgent, this.farAgent, this.#guestAgent]) agent?.end()
      await Promise.all([this.near.remove(), this.far.remove()])
      await this.lab.close()
    }
  }

  async #progressOf(strand: Strand, what: string, sinceMs: number, wait: WaitOptions): Promise<void> {
    let baseBytes: number | undefined
    const ask = async () => {
      const reports = await this.#reports(strand)
      for (const report of reports) this.#mustLive(report)
      if (reports.some(report => (report?.lastArrivalMs ?? 0) < sinceMs)) return undefined
      const bytes = reports[0]?.receivedBytes ?? 0
      baseBytes ??= bytes
      return bytes - baseBytes >= PROGRESS_BYTES / this.ways.length ? true : undefined
    }
    await until(`${what}: ${strand.direction} by ${strand.way}`, wait, ask, () => 'nothing arrives')
  }

  /** After a planned move the old carrier is read to its end, and says goodbye. */
  async #silenceOf(addresses: readonly string[]): Promise<void> {
    let seen = Number.NaN
    await until(
      `silence from ${addresses.join(' and ')}`,
      { deadlineMs: MOVE_DEADLINE_MS, everyMs: SILENCE_MS },
      async () => {
        const before = seen
        seen = (await this.#trafficOf(addresses, [])).oldPackets
        return seen === before ? true : undefined
      },
    )
  }

  async #trafficOf(from: readonly string[], to: readonly string[]): Promise<{ newBytes: number; oldPackets: number }> {
    const { router } = this.lab
    const [came, went, old] = await Promise.all([router.from(...to), router.to(...to), router.from(...from)])
    return { newBytes: came.bytes + went.bytes, oldPackets: old.packets }
  }

  async #reports({ direction, bytes, ticks }: Strand): Promise<readonly [FlowReport | null, FlowReport | null]> {
    const [, receiver] = this.ends(direction, bytes)
    return Promise.all([receiver.report(bytes), receiver.report(ticks)])
  }

  #mustLive(report: FlowReport | null): void {
    if (report === null) return
    assert.equal(report.error, null, `${report.id} failed`)
    assert.equal(report.wrongAt, null, `${report.id}: first wrong byte or tick`)
  }
}

function strandOf(way: Way, direction: Direction): Strand {
  const name = way === 'forward' ? direction : `${direction}-${way}`
  return { way, direction, bytes: `${name}-bytes`, ticks: `${name}-ticks` }
}
