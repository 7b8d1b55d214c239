/**
 * The manners of TCP, as an application and a destination see them who know nothing of the two sidecars between them: how
 * connections end, with the carrier moving in the middle or not, how failures look, what the sockets are set to, and what many
 * short connections leave. One suite, for every way in.
 */
import type { Test } from 'tap'
import { requestMigrate } from '../../src/admin/admin-client.ts'
import type { WireCode } from '../../src/base/codes.ts'
import { formatHostPort, type HostPort } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { loadLibc } from '../../src/platform/libc.ts'
import type { CliHost } from './cli-host.ts'
import { ENDINGS as ALL } from './endings.ts'
import { connectionsOf, type KernelSocket, kernelSockets, openKinds, readOptions } from './kernel-sockets.ts'
import type { PythonPeer } from './python-peer.ts'
import { type Approach, askFor, type Destination, startMany, startScenes, type Way, wordsOf } from './scenes.ts'

export interface MannersStage extends Approach {
  readonly near: CliHost
  readonly far: CliHost
  readonly destination: Destination
  /** host:port of the near sidecar's end of a connection to the destination. */
  readonly capturedAt: string
  /** Destinations that cannot be reached, and why. */
  readonly failures: readonly Failure[]
  /** Both sidecars lose their carrier, and are not told before. */
  loseCarrier(): Promise<void>
}

export interface Failure {
  readonly what: string
  readonly to: HostPort
  readonly code: WireCode
}

const ENDINGS = ALL.filter(({ needsLibc }) => needsLibc !== true || loadLibc() !== undefined)

/** What destinations do in each scene, by its number: in the first ones they act, then they are the other. */
const ONES = ENDINGS.map((_, index) => index)
const OTHERS = ENDINGS.map((_, index) => ENDINGS.length + index)
const IDLE = 2 * ENDINGS.length
const WHOLE = `assert hear(s) == '100 FIN'`
const EMPTY = `assert hear(s) == '0 FIN'`
/** Who ends first, and what each end does. */
const SHORT = [
  { first: 'application', number: IDLE + 1, application: `s.shutdown(1); ${WHOLE}`, destination: EMPTY },
  { first: 'destination', number: IDLE + 2, application: WHOLE, destination: `s.shutdown(1); ${EMPTY}` },
] as const
const SHORT_COUNT = 250
/** Opens what is opened once. */
const WARM_COUNT = 50
const PATIENCE_MS = 30_000

export const DESTINATION_SCRIPTS: readonly string[] = [
  ...ENDINGS.map(({ one }) => one),
  ...ENDINGS.map(({ other }) => other),
  `middle()`,
  ...SHORT.map(({ destination }) => `s.sendall(stream(100)); ${destination}`),
]

const CHANGES = ['nothing changes', 'the carrier is moved', 'the carrier is lost'] as const

/** By code: what an application is told whose connection was accepted before anybody knew, and by a proxy. */
const TOLD: Partial<Record<WireCode, Readonly<Record<'SOCKS5' | 'HTTP CONNECT', string>>>> = {
  REFUSED: { SOCKS5: 'reply 5', 'HTTP CONNECT': '502 connection_refused' },
  TIMED_OUT: { SOCKS5: 'reply 6', 'HTTP CONNECT': '504 connection_timeout' },
  UNREACHABLE: { SOCKS5: 'reply 3', 'HTTP CONNECT': '502 destination_ip_unroutable' },
  NOT_ALLOWED: { SOCKS5: 'reply 2', 'HTTP CONNECT': '403 http_request_denied' },
}

export function showManners(t: Test, way: Way, skip: string | false, create: (t: Test) => Promise<MannersStage>): void {
  t.test(`${way}: the manners of TCP`, { skip, timeout: 300_000 }, async t => {
    const stage = await create(t)
    for (const change of CHANGES) await t.test(`how connections end when ${change}`, t => showEndings(t, stage, change))
    await t.test('applications are told why they have no connection', t => showFailures(t, stage))
    await t.test('sockets are probed, do not wait, and are reset when the sidecar dies', t => showOptions(t, stage))
  })
}

export function showShortConnections(
  t: Test,
  way: Way,
  skip: string | false,
  create: (t: Test) => Promise<MannersStage>,
): void {
  t.test(`${way}: short connections`, { skip, timeout: 300_000 }, async t => {
    const stage = await create(t)
    for (const short of SHORT) {
      const title = `${SHORT_COUNT} short connections that the ${short.first} ends first leave nothing`
      await t.test(title, t => showShort(t, stage, short))
    }
  })
}

async function showEndings(t: Test, stage: MannersStage, change: (typeof CHANGES)[number]): Promise<void> {
  const scripts = Object.fromEntries([
    ...ENDINGS.map(({ other }, index) => [ONES[index]!, other]),
    ...ENDINGS.map(({ one }, index) => [OTHERS[index]!, one]),
  ])
  const count = Object.keys(scripts).length
  const peers = [startScenes(stage, stage.destination.place, scripts), stage.destination.peer] as const
  const [application] = peers
  t.teardown(() => application.kill())
  for (const peer of peers) {
    const words = await wordsOf(peer, count)
    const amiss = [...words].filter(([, word]) => word !== 'middle')
    if (amiss.length > 0) throw new Error(`before the middle: ${JSON.stringify(amiss)}`)
  }
  await carryOut(stage, change)
  for (const number of Object.keys(scripts)) for (const peer of peers) peer.tell(number)
  const [ofApplication, ofDestination] = [
    await wordsOf(application, count),
    await wordsOf(stage.destination.peer, count),
  ]
  for (const [index, { title, said }] of ENDINGS.entries()) {
    const [one, other] = [ONES[index]!, OTHERS[index]!]
    t.same([ofDestination.get(one), ofApplication.get(one)], said, `${title}: by the destination`)
    t.same([ofApplication.get(other), ofDestination.get(other)], said, `${title}: by the application`)
  }
  await untilIdle(stage)
}

async function carryOut(stage: MannersStage, change: (typeof CHANGES)[number]): Promise<void> {
  if (change === 'nothing changes') return
  const before = (await stage.near.status()).peers[0]!.migrations.length
  if (change === 'the carrier is moved') await requestMigrate(stage.near.socket, undefined)
  else await stage.loseCarrier()
  await stage.near.untilMigrations(before + 1)
}

async function showFailures(t: Test, stage: MannersStage): Promise<void> {
  const { way, failures } = stage
  const told = await askFor(
    stage,
    failures.map(({ to }) => to),
  )
  for (const [index, { what, code }] of failures.entries()) {
    // Accepted before anybody knew: a reset, before any byte, and at times before connect() has returned.
    const expected = way === 'SOCKS5' || way === 'HTTP CONNECT' ? `${TOLD[code]![way]}, then FIN` : '0 RST'
    t.equal(told[index], expected, what)
  }
  const counts = await stage.near.metrics()
  for (const code of new Set(failures.map(one => one.code))) {
    const count = failures.filter(one => one.code === code).length
    t.match(counts, `holdfast_session_resets_total{code="${code}"} ${count}\n`, 'the operator is told, too')
  }
}

async function showOptions(t: Test, stage: MannersStage): Promise<void> {
  const { destination, capturedAt } = stage
  const application = startScenes(stage, destination.place, { [IDLE]: 'middle()' })
  t.teardown(() => application.kill())
  await wordsOf(application, 1)
  await wordsOf(destination.peer, 1)
  const ends = [
    { host: stage.near, isEnd: ({ local }: KernelSocket) => local === capturedAt },
    { host: stage.far, isEnd: ({ remote }: KernelSocket) => remote === formatHostPort(destination.place) },
  ]
  for (const { host, isEnd } of ends) {
    const { pid } = await host.status()
    const sockets = connectionsOf(pid).filter(isEnd)
    t.equal(sockets.length, 1, 'its one connection')
    const options = readOptions(pid, sockets[0]!.descriptor)
    if (options === undefined) {
      t.pass('options', { skip: 'the kernel does not let us look at sockets of another process' })
      break
    }
    const { linger, keepAliveIdleSeconds, ...isOn } = options
    t.same(linger, [1, 0], 'a close is a reset, unless it is known to be none')
    t.same(keepAliveIdleSeconds, [LIMITS.keepAliveIdleMs / 1_000], 'when it is probed')
    for (const [option, [value]] of Object.entries(isOn)) t.not(value, 0, option)
  }
  for (const peer of [application, destination.peer]) peer.tell(IDLE)
  await untilIdle(stage)
}

async function showShort(t: Test, stage: MannersStage, short: (typeof SHORT)[number]): Promise<void> {
  const { number, application: script, first } = short
  const application = startMany(stage, stage.destination.place, { number, script, count: WARM_COUNT })
  t.teardown(() => application.kill())
  const pids = [(await stage.near.status()).pid, (await stage.far.status()).pid]
  const played = async () => {
    t.equal(await application.heard(), 'played', 'each connection had its bytes')
    await untilIdle(stage)
    // What nobody has open any more may be on its way for a moment.
    while (
      endsOf(stage, application, pids)
        .flat()
        .some(({ state }) => state !== 'TIME_WAIT')
    );
  }
  await played()
  const open = pids.map(openKinds)
  const waiting = endsOf(stage, application, pids).map(timeWaits)
  application.tell(SHORT_COUNT)
  await played()
  // A carrier that was in doubt on a busy machine has another beside it for a while.
  const patienceEndsAt = performance.now() + PATIENCE_MS
  const leaks = () => pids.map((pid, index) => without(openKinds(pid), open[index]!))
  while (leaks().flat().length > 0 && performance.now() < patienceEndsAt) await stage.near.status()
  t.same(leaks(), [[], []], 'neither sidecar has more open than before')
  const [ofApplication, ofNear, ofFar, ofDestination] = endsOf(stage, application, pids)
    .map(timeWaits)
    .map((now, index) => [...now].filter(one => !waiting[index]!.has(one)).length)
  // Whoever ends first waits, and a sidecar does what the end does that it stands for.
  const [waits, others] =
    first === 'application'
      ? [
          [ofApplication, ofFar],
          [ofNear, ofDestination],
        ]
      : [
          [ofNear, ofDestination],
          [ofApplication, ofFar],
        ]
  t.ok(
    waits.every(count => count! > 0),
    `TIME_WAIT at those who ended first: ${waits}`,
  )
  t.same(others, [0, 0], 'none at the others')
}

/** What is in `now`, less what was in `before`, each as often as it is there. */
function without(now: readonly string[], before: readonly string[]): readonly string[] {
  const left = [...before]
  return now.filter(kind => {
    const index = left.indexOf(kind)
    if (index >= 0) left.splice(index, 1)
    return index < 0
  })
}

/** Sockets of the application, of both sidecars, and of the destination. */
function endsOf(
  stage: MannersStage,
  application: PythonPeer,
  [near, far]: readonly number[],
): readonly KernelSocket[][] {
  const { destination, at, capturedAt } = stage
  const [entrance, place] = [formatHostPort(at(destination.place)), formatHostPort(destination.place)]
  const ends = [
    kernelSockets(application.pid).filter(({ remote }) => remote === entrance),
    kernelSockets(near!).filter(({ local }) => local === capturedAt),
    kernelSockets(far!).filter(({ remote }) => remote === place),
    kernelSockets(destination.peer.pid).filter(({ local }) => local === place),
  ]
  return ends.map(sockets => sockets.filter(({ state }) => state !== 'LISTEN'))
}

function timeWaits(sockets: readonly KernelSocket[]): ReadonlySet<string> {
  return new Set(sockets.filter(({ state }) => state === 'TIME_WAIT').map(({ local, remote }) => `${local} ${remote}`))
}

/** No session is left, and each sidecar has nothing open but its carrier. */
async function untilIdle({ near, far }: MannersStage): Promise<void> {
  for (const host of [near, far]) {
    for (;;) {
      const { pid, peers } = await host.status()
      const sessions = peers.reduce((sum, peer) => sum + peer.sessions.length, 0)
      if (sessions === 0 && connectionsOf(pid).length === 1) break
    }
  }
}
