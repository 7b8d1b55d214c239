/** What the blackout benchmark strikes: a pair of sidecars, and the kernel's multipath TCP, each on its own path. */
import { readFile } from 'node:fs/promises'
import { wait } from './bounds.ts'
import { type Children, run } from './children.ts'
import { startSidecars } from './holdfast.ts'
import { Probe } from './probe.ts'
import { established, FLOW_BYTES_MIN, type PathPlan, TwoUplinks, type Uplink } from './two-uplinks.ts'

export interface StrikeEvent {
  readonly name: string
  /** What must be so before the clock starts. */
  prepare?(): Promise<void>
  /** Makes the fault. @returns how to prove afterwards, from outside, that the connection really moved */
  strike(): Promise<() => Promise<boolean>>
  /** Heals the path and waits until the next event may come. */
  settle(): Promise<void>
}

export interface Subject {
  readonly name: string
  readonly version: string
  readonly near: Probe
  readonly far: Probe
  readonly events: readonly StrikeEvent[]
  /** One TCP connect beside the stream. */
  roundTripMs(): Promise<number>
}

export interface SubjectPlan {
  readonly path: PathPlan
  readonly directory: string
  readonly tickMs: number
}

const SETTLE_MS_MAX = 15_000
const POLL_MS = 50
/** After the unused uplink went down: what that stirs up is over. */
const CALM_MS = 300

export const SUBJECTS: Readonly<Record<string, (children: Children, plan: SubjectPlan) => Promise<Subject>>> = {
  holdfast: startHoldfast,
  mptcp: startMptcp,
}

/** What the A/A noise is measured with. */
const NOTHING: StrikeEvent = {
  name: 'none (A/A)',
  strike: async () => async () => true,
  settle: async () => {},
}

async function startHoldfast(children: Children, plan: SubjectPlan): Promise<Subject> {
  const path = await TwoUplinks.start(children, plan.path)
  const probe = { kind: 'tcp', host: '127.0.0.1', tickMs: plan.tickMs } as const
  const far = await Probe.start(children, path.farPrefix, { ...probe, role: 'listen', port: 0 })
  const pair = await startSidecars(children, plan.directory, {
    farAddress: TwoUplinks.farAddress,
    destination: `127.0.0.1:${far.port}`,
    nearPrefix: path.nearPrefix,
    farPrefix: path.farPrefix,
  })
  const near = await Probe.start(children, path.nearPrefix, { ...probe, role: 'connect', port: pair.entry })
  const { pid } = near.child
  const active = async (): Promise<Uplink> => ((await path.flowing(pid))[1] ? 1 : 0)
  const arrivesFrom = (uplink: Uplink) => async () =>
    (await established(far.child.pid, 'local', pair.carrierPort)).includes(path.address(uplink))
  // One carrier, so that the next path is a cold one.
  const isCold = async () => (await established(pid, 'remote', pair.carrierPort)).length === 1
  const settled = () => until('the sidecars to settle on one carrier', isCold)
  return {
    ...{ name: 'Holdfast', version: `Holdfast ${pair.version}`, near, far },
    roundTripMs: () => near.roundTripMs(TwoUplinks.farAddress, far.reachPort),
    events: [
      renumbering(path, active, arrivesFrom, settled),
      change('uplink change', active, arrivesFrom, settled, {
        fault: uplink => path.takeDown(uplink),
        heal: uplink => path.bringUp(uplink, false),
      }),
      change('silent blackhole', active, arrivesFrom, settled, {
        fault: uplink => path.setDead(uplink, true),
        heal: uplink => path.setDead(uplink, false),
      }),
      NOTHING,
    ],
  }
}

/** A host with one interface gets another address on it; the second uplink is down for the time. */
function renumbering(
  path: TwoUplinks,
  active: () => Promise<Uplink>,
  proof: (uplink: Uplink) => () => Promise<boolean>,
  settled: () => Promise<void>,
): StrikeEvent {
  let struck: Uplink = 0
  return {
    name: 'renumbering',
    prepare: async () => {
      struck = await active()
      await path.takeDown(other(struck))
      await wait(CALM_MS)
    },
    strike: async () => {
      await path.renumber(struck)
      return proof(struck)
    },
    settle: async () => {
      await path.bringUp(other(struck), false)
      await settled()
    },
  }
}

function other(uplink: Uplink): Uplink {
  return uplink === 0 ? 1 : 0
}

/** An event that makes the uplink in use useless: the connection must arrive by the other one. */
function change(
  name: string,
  active: () => Promise<Uplink>,
  proof: (uplink: Uplink) => () => Promise<boolean>,
  settled: () => Promise<void>,
  act: { readonly fault: (uplink: Uplink) => Promise<void>; readonly heal: (uplink: Uplink) => Promise<void> },
): StrikeEvent {
  let struck: Uplink = 0
  return {
    name,
    strike: async () => {
      struck = await active()
      await act.fault(struck)
      return proof(other(struck))
    },
    settle: async () => {
      await act.heal(struck)
      await settled()
    },
  }
}

async function startMptcp(children: Children, plan: SubjectPlan): Promise<Subject> {
  const path = await TwoUplinks.start(children, plan.path)
  for (const namespace of [path.nearNamespace, path.farNamespace]) {
    await run('ip', '-n', namespace, 'mptcp', 'limits', 'set', 'subflows', '2', 'add_addr_accepted', '2')
  }
  const backup = [path.address(1), 'dev', 'up1', 'subflow', 'backup']
  await run('ip', '-n', path.nearNamespace, 'mptcp', 'endpoint', 'add', ...backup)
  const probe = { kind: 'mptcp', host: TwoUplinks.farAddress, tickMs: plan.tickMs } as const
  const far = await Probe.start(children, path.farPrefix, { ...probe, role: 'listen', port: 0 })
  const near = await Probe.start(children, path.nearPrefix, { ...probe, role: 'connect', port: far.port })
  const { pid } = near.child
  await until('the backup subflow to join', () => hasJoined(far.child.pid))
  const onFirst = async () => {
    const [first, second] = await path.flowing(pid)
    return first && !second
  }
  const settled = () => until('multipath TCP to return to its first subflow', onFirst)
  const strikeWith = (fault: () => Promise<void>) => async () => {
    const [, before] = await path.carried(pid)
    await fault()
    return async () => (await path.carried(pid))[1] - before >= FLOW_BYTES_MIN
  }
  const heal = (act: () => Promise<void>) => async () => {
    await act()
    await settled()
  }
  const kernel = (await run('uname', '-r')).trim()
  return {
    ...{ name: 'MPTCP', version: `kernel multipath TCP of Linux ${kernel}, second subflow as backup`, near, far },
    roundTripMs: () => near.roundTripMs(TwoUplinks.farAddress, far.reachPort),
    events: [
      {
        name: 'interface down',
        strike: strikeWith(() => path.takeDown(0)),
        settle: heal(() => path.bringUp(0, true)),
      },
      {
        name: 'silent blackhole',
        strike: strikeWith(() => path.setDead(0, true)),
        settle: heal(() => path.setDead(0, false)),
      },
      NOTHING,
    ],
  }
}

/** Whether a second subflow has joined: else the connection fell back to plain TCP and proves nothing. */
async function hasJoined(insider: number): Promise<boolean> {
  const [names = '', values = ''] = (await readFile(`/proc/${insider}/net/netstat`, 'utf8'))
    .split('\n')
    .filter(line => line.startsWith('MPTcpExt:'))
  const index = names.split(' ').indexOf('MPJoinAckRx')
  return index > 0 && Number(values.split(' ')[index]) > 0
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + SETTLE_MS_MAX; performance.now() < deadline; await wait(POLL_MS)) {
    if (await isSo()) return
  }
  throw new Error(`waited ${SETTLE_MS_MAX} ms for ${what}`)
}
