/**
 * The kernel's events, gathered into bursts: one action (a link going down) makes many messages within microseconds.
 *
 *     datagram -> AddressTable -- first with an effect --> LIMITS.watchCoalesceMs --> onBurst
 *     events lost -> subscribe anew -> read everything anew -> onBurst
 *
 * Subscribing comes before reading everything, so nothing falls between. Events that were under way meanwhile are
 * older than what was read, and are applied to it again; the last one on each address or link is the truth either way.
 */

import { LIMITS } from '../base/limits.ts'
import type { Netlink, Subscription } from '../platform/netlink.ts'
import { DUMP_REQUESTS, parseNetlink, ROUTE_GROUPS } from './rtnetlink.ts'
import { AddressTable, type Snapshot } from './snapshot.ts'

/** Readings in a row that the kernel may spoil by changing meanwhile. */
const READINGS_MAX = 3

export interface Burst {
  readonly snapshot: Snapshot
  /** Some path may be cut; false: at most another address is preferred. */
  readonly isLinkEvent: boolean
  /** Of the first event, on the clock of performance.now(). */
  readonly atMs: number
}

export interface NetlinkWatchHandlers {
  onBurst(burst: Burst): void
  /** The kernel tells nothing any more; the watch is closed. */
  onLost(): void
}

export class NetlinkWatch {
  readonly #netlink: Netlink
  readonly #handlers: NetlinkWatchHandlers
  readonly #table = new AddressTable()
  #subscription: Subscription | undefined
  #timer: NodeJS.Timeout | undefined
  #isLinkEvent = false

  /** @returns undefined when the kernel refuses */
  static open(netlink: Netlink, handlers: NetlinkWatchHandlers): NetlinkWatch | undefined {
    const watch = new NetlinkWatch(netlink, handlers)
    return watch.#open() ? watch : undefined
  }

  private constructor(netlink: Netlink, handlers: NetlinkWatchHandlers) {
    this.#netlink = netlink
    this.#handlers = handlers
  }

  takeSnapshot(): Snapshot {
    return this.#table.takeSnapshot()
  }

  close(): void {
    this.#subscription?.close()
    this.#subscription = undefined
    clearTimeout(this.#timer)
  }

  #open(): boolean {
    this.#subscription = this.#netlink.subscribe(ROUTE_GROUPS, {
      onDatagram: bytes => this.#handleDatagram(bytes),
      onLost: () => this.#handleLost(),
    })
    if (this.#subscription === undefined) return false
    for (let reading = 0; reading < READINGS_MAX; reading++) if (this.#readAll()) return true
    this.close()
    return false
  }

  /** @returns false when the kernel refused, or something changed while it told */
  #readAll(): boolean {
    this.#table.clear()
    return DUMP_REQUESTS.every(request => {
      const answer = this.#netlink.ask(request, datagram => parseNetlink(datagram).some(isLast))
      const messages = answer?.flatMap(parseNetlink) ?? [{ type: 'failed' } as const]
      for (const message of messages) this.#table.handle(message)
      return messages.every(({ type }) => type !== 'failed')
    })
  }

  #handleDatagram(bytes: Uint8Array): void {
    for (const message of parseNetlink(bytes)) {
      const effect = this.#table.handle(message)
      if (effect !== 'nothing') this.#begin(effect === 'link')
    }
  }

  #handleLost(): void {
    if (this.#open()) return this.#begin(true)
    this.close()
    this.#handlers.onLost()
  }

  #begin(isLinkEvent: boolean): void {
    this.#isLinkEvent ||= isLinkEvent
    if (this.#timer !== undefined) return
    const atMs = performance.now()
    this.#timer = setTimeout(() => this.#finish(atMs), LIMITS.watchCoalesceMs)
  }

  #finish(atMs: number): void {
    const burst = { snapshot: this.#table.takeSnapshot(), isLinkEvent: this.#isLinkEvent, atMs }
    this.#timer = undefined
    this.#isLinkEvent = false
    this.#handlers.onBurst(burst)
  }
}

function isLast({ type }: { readonly type: string }): boolean {
  return type === 'done' || type === 'failed'
}
