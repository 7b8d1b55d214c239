/**
 * Transparent capture of one sidecar: the listeners, then the rules that lead connections to them. What the sidecar itself sends is never captured: its sockets carry a mark, or where it may not mark them, its user
 * or its cgroup is left out (docs/decisions/0008-captured-connections-have-a-loopback-source.md).
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import type { Capture, CapturedConnection } from '../capture/capture.ts'
import { inheritedSockets } from '../capture/inherited.ts'
import { listenTransparent } from '../capture/transparent.ts'
import type { CaptureConfig, Config } from '../config/config.ts'
import { type CapturePlan, familiesOf, networksOf, OWN_MARK } from '../firewall/capture-plan.ts'
import { appliedPort, applyFirewall, removeFirewall } from '../firewall/firewall.ts'
import { routing } from '../firewall/routing.ts'
import { canMark } from '../platform/own-socket.ts'
import { isLinux } from '../platform/system.ts'
import { OwnRules } from './own-rules.ts'
import type { Log } from './sidecar-api.ts'

export interface CapturingOptions {
  readonly config: Config
  readonly log: Log
  readonly take: (connection: CapturedConnection) => void
}

export class Capturing {
  readonly captures: readonly Capture[]
  readonly #log: Log
  /** Undefined when the rules are somebody else's. */
  readonly #rules: OwnRules | undefined

  private constructor(captures: readonly Capture[], log: Log, rules: OwnRules | undefined) {
    this.captures = captures
    this.#log = log
    this.#rules = rules
  }

  /**
   * @returns undefined when the configuration has no capture
   * @throws OperatorError CAPTURE_UNAVAILABLE, ADDRESS_IN_USE, ADDRESS_UNAVAILABLE; neither rules nor listeners are left then
   */
  static async start({ config, log, take }: CapturingOptions): Promise<Capturing | undefined> {
    if (config.capture === undefined) return undefined
    const { mode, port, applyRules } = config.capture
    const plan = capturePlan(config)
    if (mode === 'redirect') refuseLoop(config.capture, plan)
    const inherited = inheritedSockets(process.env, process.pid)
    const captures = await listenTransparent({ mode, port, families: familiesOf(plan), inherited }, take)
    try {
      if (applyRules) {
        await refuseSecond(captures)
        applyFirewall(plan)
      }
    } catch (error) {
      await Promise.all(captures.map(capture => capture.close()))
      throw error
    }
    log.info('capturing', { mode, port, networks: plan.networks.length })
    return new Capturing(captures, log, applyRules ? new OwnRules(removeFirewall) : undefined)
  }

  /** Nothing more is captured: until the rules are gone, what would be is refused. Connections go on. */
  async close(): Promise<void> {
    await Promise.all(this.captures.map(capture => capture.close()))
  }

  /** For when the connections have ended: they need the rules to the last. Harmless when repeated. */
  removeRules(): void {
    this.#rules?.remove(this.#log)
  }
}

/** Rules that nobody listens for are left over; those of a sidecar that runs are not ours to replace. */
async function refuseSecond(own: readonly Capture[]): Promise<void> {
  const applied = appliedPort()
  if (applied === undefined) return
  const others = ['127.0.0.1', '::1'].filter(
    host => !own.some(({ local }) => local.host === host && local.port === applied),
  )
  if (!(await isListening(others, applied))) return
  const todo = 'stop it, or give this sidecar a network namespace of its own'
  throw new OperatorError('CAPTURE_UNAVAILABLE', `another sidecar captures here already, on port ${applied}; ${todo}`)
}

async function isListening(hosts: readonly string[], port: number): Promise<boolean> {
  for (const host of hosts) {
    const socket = connect(port, host)
    const isOpen = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true))
      // A capture resets who comes by himself, at times before this side has seen that it is connected.
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNRESET'))
    })
    socket.destroy()
    if (isOpen) return true
  }
  return false
}

/** The mark that this sidecar's own sockets need, or undefined when they need none or may have none. */
export function ownMark({ capture }: Config): number | undefined {
  return capture?.mode === 'redirect' && canMark(OWN_MARK) ? OWN_MARK : undefined
}

/** @throws OperatorError CAPTURE_UNAVAILABLE */
export function capturePlan({ capture, routes }: Config): CapturePlan {
  if (capture === undefined) {
    throw new OperatorError('CAPTURE_UNAVAILABLE', 'the configuration has no `capture`; write it first')
  }
  if (!isLinux()) {
    throw new OperatorError('CAPTURE_UNAVAILABLE', 'connections can be captured on Linux only; use a forward')
  }
  const networks = networksOf(routes.flatMap(({ rules }) => rules)).filter(({ family }) => family === 4 || hasIpv6())
  const plan: CapturePlan = {
    mode: capture.mode,
    port: capture.port,
    networks,
    userIds: capture.users.map(userId),
    cgroups: capture.cgroups,
    exceptUserIds: capture.except.users.map(userId),
    exceptCgroups: capture.except.cgroups,
  }
  const rules = routing(plan).reduce((sum, { lines }) => sum + lines.length, 0)
  if (rules <= LIMITS.captureRulesMax) return plan
  const why = `the routes and users need ${rules} rules and routes, and ${LIMITS.captureRulesMax} are the most`
  throw new OperatorError('CAPTURE_UNAVAILABLE', `${why}; join networks or ranges of ports`)
}

/** Without it, the kernel would understand no rule about it. */
export function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some(list => list?.some(({ address }) => address === '::1'))
}

function userId(user: string | number): number {
  if (typeof user === 'number') return user
  const { status, stdout } = spawnSync('id', ['-u', user], { encoding: 'utf8' })
  if (status === 0) return Number(stdout)
  throw new OperatorError('CAPTURE_UNAVAILABLE', `no user is named "${user}" on this host; write another, or a number`)
}

/** What the sidecar sends must not come back to it. */
function refuseLoop({ except }: CaptureConfig, plan: CapturePlan): void {
  const uid = process.getuid?.() ?? 0
  const isChosen =
    plan.userIds.length + plan.cgroups.length === 0 || plan.userIds.includes(uid) || plan.cgroups.length > 0
  const isLeftOut = plan.exceptUserIds.includes(uid) || except.cgroups.some(isOwnCgroup)
  if (canMark(OWN_MARK) || isLeftOut || !isChosen) return
  const why = `this process may not mark its own connections, and its user ${uid} is not left out`
  const todo = 'grant CAP_NET_ADMIN, or run it as a user of its own and write that under capture.except.users'
  throw new OperatorError('CAPTURE_UNAVAILABLE', `the sidecar would capture itself: ${why}; ${todo}`)
}

function isOwnCgroup(path: string): boolean {
  try {
    const own = /^0::\/(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? ''
    return own === path || own.startsWith(`${path}/`)
  } catch {
    return false
  }
}
