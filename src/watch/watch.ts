/**
 * What happens to this host's addresses, as soon as it can be known: from the kernel's events where there are any
 * (Linux), else by looking every LIMITS.watchTickMs. Sleep is found by the same tick. Neither keeps the process alive.
 */
import { uptime } from 'node:os'
import { LIMITS } from '../base/limits.ts'
import { loadNetlink, type Netlink } from '../platform/netlink.ts'
import { NetlinkWatch } from './netlink.ts'
import { type Interfaces, pollSnapshot } from './poll.ts'
import { type Clocks, SleepDetector } from './sleep-detector.ts'
import { advertisable, difference, type Snapshot } from './snapshot.ts'

export interface AddressChange {
  /** Nothing can be sent from these any more. */
  readonly gone: readonly string[]
  readonly added: readonly string[]
  /** A link or a route changed, or an address went and came back the same: what runs over it may be cut. */
  readonly isLinkEvent: boolean
  /** When it was noticed, on the clock of performance.now(). */
  readonly atMs: number
}

export interface AddressWatchHandlers {
  /** Also with nothing gone, nothing added and no link event: then another source address may be preferred. */
  onChange(change: AddressChange): void
  /** The host slept, or this process was stopped. @param sleptMs what performance.now() did not count of it */
  onWake(sleptMs: number): void
}

export interface AddressWatch {
  readonly source: 'netlink' | 'poll'
  /** What others may be told to dial, most useful first. Neither 127.0.0.1, ::1 nor link-local addresses. */
  addresses(): readonly string[]
  /** No handler is called afterwards. Harmless when repeated. */
  stop(): Promise<void>
}

/** What a test puts in the system's place. */
export interface WatchSources {
  /** @default the kernel's, where it can be had */
  readonly netlink?: Netlink | undefined
  /** @default os.networkInterfaces */
  readonly interfaces?: () => Interfaces
  /** @default the system's */
  readonly clocks?: () => Clocks
}

export async function watchAddresses(
  handlers: AddressWatchHandlers,
  sources: WatchSources = { netlink: loadNetlink() },
): Promise<AddressWatch> {
  return new RunningWatch(handlers, sources)
}

class RunningWatch implements AddressWatch {
  readonly #handlers: AddressWatchHandlers
  readonly #sources: WatchSources
  readonly #sleep: SleepDetector
  readonly #timer: NodeJS.Timeout
  #netlink: NetlinkWatch | undefined
  #current: Snapshot

  constructor(handlers: AddressWatchHandlers, sources: WatchSources) {
    this.#handlers = handlers
    this.#sources = sources
    this.#netlink = this.#openNetlink()
    this.#current = this.#netlink?.takeSnapshot() ?? this.#poll()
    this.#sleep = new SleepDetector(this.#clocks())
    this.#timer = setInterval(() => this.#handleTick(), LIMITS.watchTickMs)
    this.#timer.unref()
  }

  get source(): 'netlink' | 'poll' {
    return this.#netlink === undefined ? 'poll' : 'netlink'
  }

  addresses(): readonly string[] {
    return advertisable(this.#current)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#netlink?.close()
  }

  #openNetlink(): NetlinkWatch | undefined {
    if (this.#sources.netlink === undefined) return undefined
    return NetlinkWatch.open(this.#sources.netlink, {
      onBurst: ({ snapshot, isLinkEvent, atMs }) => this.#update(snapshot, isLinkEvent, atMs),
      onLost: () => {
        this.#netlink = undefined
        this.#update(this.#poll(), true, performance.now())
      },
    })
  }

  #handleTick(): void {
    const sleptMs = this.#sleep.handleTick(this.#clocks())
    if (this.#netlink === undefined) {
      const next = this.#poll()
      const { gone, added } = difference(this.#current, next)
      if (gone.length + added.length > 0) this.#update(next, false, performance.now())
    }
    if (sleptMs !== undefined) this.#handlers.onWake(sleptMs)
  }

  #update(next: Snapshot, isLinkEvent: boolean, atMs: number): void {
    const { gone, added } = difference(this.#current, next)
    this.#current = next
    this.#handlers.onChange({ gone, added, isLinkEvent, atMs })
  }

  #poll(): Snapshot {
    return pollSnapshot(this.#sources.interfaces?.())
  }

  #clocks(): Clocks {
    return this.#sources.clocks?.() ?? systemClocks()
  }
}

function systemClocks(): Clocks {
  const { user, system } = process.cpuUsage()
  return { uptimeMs: uptime() * 1_000, monotonicMs: performance.now(), cpuMs: (user + system) / 1_000 }
}
