/** Proves the lab and its faults without Holdfast: an emulation that lies makes every scenario above it a lie. */
import assert from 'node:assert/strict'
import { ADDRESS, Lab } from './lab/lab.ts'
import { Agent } from './programs/agent-driver.ts'
import type { FlowReport } from './programs/agent-protocol.ts'
import { lasting, until } from './wait.ts'

type Check = readonly [claim: string, prove: (stand: Stand) => Promise<string>]

interface Stand {
  readonly lab: Lab
  readonly near: Agent
  readonly far: Agent
  /** Of the far agent's listener, on all addresses. */
  readonly port: number
  readonly setupMs: number
}

const BYTES_PLAN = { up: true, down: true, kind: 'bytes' } as const

const CHECKS: readonly Check[] = [
  ['the lab stands within 2 s', proveSetup],
  ['the path has a round trip of 20 ms, over IPv4 and IPv6', proveRoundTrip],
  ['the path carries 100 Mbit/s in each direction and no more', proveRate],
  ['bytes arrive as sent, and the accept count is one', proveFlow],
  ['the router counts what comes from each address', proveCounters],
  ['a renumbered host uses its new address, on both sides', proveRenumbering],
  ['uplink b takes over when a goes down, and back', proveUplinks],
  ['a blackhole swallows in silence, and heals', proveBlackhole],
  ['a name follows in a process that runs', proveNames],
  ['a translator that forgets gives another source port, which ends a TCP connection', proveRebinding],
]

/** @returns how many checks failed */
export async function selfTest(number: number, print: (line: string) => void): Promise<number> {
  let failed = 0
  for (const [claim, prove] of CHECKS) {
    const stand = await setUp(number)
    try {
      print(`ok      ${claim}: ${await prove(stand)}`)
    } catch (error) {
      failed++
      print(`FAILED  ${claim}: ${(error as Error).message}`)
    } finally {
      stand.near.end()
      stand.far.end()
      await stand.lab.close()
    }
  }
  print(`${CHECKS.length - failed} passed, ${failed} failed, 0 skipped`)
  return failed
}

async function setUp(number: number): Promise<Stand> {
  const startMs = performance.now()
  const lab = await Lab.create(number)
  const setupMs = performance.now() - startMs
  const near = new Agent(lab.near)
  const far = new Agent(lab.far)
  return { lab, near, far, port: await far.listen('::'), setupMs }
}

async function proveSetup({ setupMs }: Stand): Promise<string> {
  assert.ok(setupMs < 2_000, `it took ${setupMs.toFixed(0)} ms`)
  return `${setupMs.toFixed(0)} ms`
}

async function proveRoundTrip({ near, port }: Stand): Promise<string> {
  const v4 = median(await near.roundTrips(ADDRESS.far.v4, port, 9))
  const v6 = median(await near.roundTrips(ADDRESS.far.v6, port, 9))
  for (const ms of [v4, v6]) assert.ok(ms >= 20 && ms < 24, `a TCP connect takes ${ms.toFixed(1)} ms`)
  return `${v4.toFixed(1)} ms and ${v6.toFixed(1)} ms`
}

async function proveRate({ near, far, port }: Stand): Promise<string> {
  near.open(ADDRESS.far.v4, port, { ...BYTES_PLAN, id: 'rate' })
  await flowing(near, 'rate')
  await lasting(700)
  const [up, down] = await Promise.all([far, near].map(agent => measureRate(agent, 'rate', 1_500)))
  const rates = [up, down] as [number, number]
  for (const mbits of rates) assert.ok(mbits > 70 && mbits < 101, `it carries ${mbits.toFixed(1)} Mbit/s`)
  return `${rates.map(mbits => mbits.toFixed(1)).join(' and ')} Mbit/s of payload at the same time`
}

async function proveFlow({ near, far, port }: Stand): Promise<string> {
  near.open(ADDRESS.far.v4, port, { ...BYTES_PLAN, id: 'flow', mbits: 40 })
  await flowing(near, 'flow')
  await lasting(300)
  near.stop('flow')
  far.stop('flow')
  const [atNear, atFar] = await Promise.all([ended(near, 'flow'), ended(far, 'flow')])
  assert.equal(atFar.receivedSha256, atNear.sentSha256)
  assert.equal(atNear.receivedSha256, atFar.sentSha256)
  assert.deepEqual([atNear.wrongAt, atFar.wrongAt, atFar.accepts], [null, null, 1])
  return `${atFar.receivedBytes} bytes up, ${atNear.receivedBytes} down`
}

async function proveCounters({ lab, near, far, port }: Stand): Promise<string> {
  await lab.router.count(ADDRESS.a.v4, ADDRESS.b.v4)
  near.open(ADDRESS.far.v4, port, { ...BYTES_PLAN, id: 'count', down: false, mbits: 20 })
  await until('a megabyte', { deadlineMs: 5_000 }, async () =>
    ((await far.report('count'))?.receivedBytes ?? 0) > 1e6 ? true : undefined,
  )
  const [a, b] = await Promise.all([lab.router.from(ADDRESS.a.v4), lab.router.from(ADDRESS.b.v4)])
  assert.ok(a.bytes > 1e6 && b.packets === 0, `from a ${a.bytes} bytes, from b ${b.packets} packets`)
  return `${a.bytes} bytes from a, none from b`
}

async function proveRenumbering({ lab, near, port }: Stand): Promise<string> {
  await lab.renumber('a', ADDRESS.a.v4, '10.1.0.3')
  await lab.renumber('far', ADDRESS.far.v4, '10.9.0.3')
  await lab.router.count(ADDRESS.a.v4, '10.1.0.3')
  await near.roundTrips('10.9.0.3', port, 2)
  const [old, fresh] = await Promise.all([lab.router.from(ADDRESS.a.v4), lab.router.from('10.1.0.3')])
  assert.ok(old.packets === 0 && fresh.packets > 4, `old ${old.packets}, new ${fresh.packets} packets`)
  await lab.removeAddress('a', '10.1.0.3')
  await lab.uplinkDown('b')
  await assert.rejects(near.roundTrips('10.9.0.3', port, 1), /ENETUNREACH|EHOSTUNREACH/)
  await lab.addAddress('a', '10.1.0.4')
  await near.roundTrips('10.9.0.3', port, 1)
  return `${fresh.packets} packets from the new address; without an address no path, with one again it is back`
}

async function proveUplinks({ lab, near, port }: Stand): Promise<string> {
  await lab.router.count(ADDRESS.a.v4, ADDRESS.b.v4, ADDRESS.a.v6, ADDRESS.b.v6)
  const seen: string[] = []
  for (const step of [async () => {}, () => lab.uplinkDown('a'), () => lab.uplinkUp('a')]) {
    await step()
    for (const family of ['v4', 'v6'] as const) {
      const before = await lab.router.from(ADDRESS.a[family])
      const beforeB = await lab.router.from(ADDRESS.b[family])
      await near.roundTrips(ADDRESS.far[family], port, 2)
      const viaA = (await lab.router.from(ADDRESS.a[family])).packets > before.packets
      const viaB = (await lab.router.from(ADDRESS.b[family])).packets > beforeB.packets
      seen.push(`${viaA ? 'a' : ''}${viaB ? 'b' : ''}`)
    }
  }
  assert.deepEqual(seen, ['a', 'a', 'b', 'b', 'a', 'a'])
  return `uplinks used: ${seen.join(' ')}`
}

async function proveBlackhole({ lab, near, far, port }: Stand): Promise<string> {
  near.open(ADDRESS.far.v4, port, { ...BYTES_PLAN, id: 'hole', mbits: 20 })
  await flowing(near, 'hole')
  await lab.router.blackhole()
  await lasting(100)
  const during = (await far.report('hole'))?.receivedBytes
  await lasting(300)
  const later = await far.report('hole')
  await lab.router.heal()
  assert.equal(later?.receivedBytes, during)
  assert.equal(later?.state, 'open')
  await until('bytes after the heal', { deadlineMs: 10_000 }, async () =>
    ((await far.report('hole'))?.receivedBytes ?? 0) > (during ?? 0) + 1e5 ? true : undefined,
  )
  return `${(await lab.router.swallowed()).packets} packets swallowed, then it went on`
}

async function proveNames({ lab, near, port }: Stand): Promise<string> {
  lab.near.setHosts({ 'far.lab': ['10.9.0.77'] })
  lab.near.setHosts({ 'far.lab': [ADDRESS.far.v4] })
  await near.roundTrips('far.lab', port, 1)
  lab.near.setHosts({ 'far.lab': ['10.9.0.9'] })
  await lab.renumber('far', ADDRESS.far.v4, '10.9.0.9')
  await near.roundTrips('far.lab', port, 1)
  return 'looked up again after the file was rewritten'
}

async function proveRebinding({ lab, near, far, port }: Stand): Promise<string> {
  await lab.router.translate()
  const ports: string[] = []
  for (const id of ['first', 'second']) {
    near.open(ADDRESS.far.v4, port, { ...BYTES_PLAN, id, mbits: 10 })
    await flowing(near, id)
    ports.push((await far.report(id))?.remotes[0] ?? '')
    await lab.router.forgetTranslations()
    await until('the loss of the connection', { deadlineMs: 5_000 }, async () =>
      (await near.report(id))?.state === 'failed' ? true : undefined,
    )
  }
  assert.notEqual(ports[0], ports[1])
  return `the far host saw ${ports.join(', then ')}`
}

async function flowing(agent: Agent, id: string): Promise<void> {
  await until(`bytes on ${id}`, { deadlineMs: 5_000 }, async () =>
    ((await agent.report(id))?.receivedBytes ?? 0) > 50_000 ? true : undefined,
  )
}

async function ended(agent: Agent, id: string): Promise<FlowReport> {
  return until(`the end of ${id}`, { deadlineMs: 5_000 }, async () => {
    const report = await agent.report(id)
    return report?.receivedSha256 != null && report.sentSha256 !== null ? report : undefined
  })
}

/** Payload a direction carries, in Mbit/s. */
async function measureRate(agent: Agent, id: string, ms: number): Promise<number> {
  const startMs = performance.now()
  const before = (await agent.report(id))?.receivedBytes ?? 0
  await lasting(ms)
  const after = (await agent.report(id))?.receivedBytes ?? 0
  return ((after - before) * 8) / 1000 / (performance.now() - startMs)
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
