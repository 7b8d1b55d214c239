/**
 * The addresses this host can be spoken to at, and what became of them.
 *
 * - An address counts while its link is up and running, as in `os.networkInterfaces()`: IPv4 addresses stay on a link
 *   that is down, but nothing can be sent from them.
 * - A tentative IPv6 address (duplicate detection, about 2 s) does not count yet, one that failed never does. An
 *   optimistic one (RFC 4429) counts. A deprecated one still works, and comes last; a temporary one (RFC 8981) will
 *   be replaced soon, so stable ones go before it.
 * - Loopback: 127.0.0.1 and ::1 are on every host and never change. Others on `lo` come and go, and count.
 * - A link-local IPv6 address is written with its link, `fe80::1%eth0`, as Node does; it is of no use to others.
 */
import {
  ADDRESS_DAD_FAILED,
  ADDRESS_DEPRECATED,
  ADDRESS_OPTIMISTIC,
  ADDRESS_TEMPORARY,
  ADDRESS_TENTATIVE,
  type AddressMessage,
  LINK_LOWER_UP,
  LINK_RUNNING,
  LINK_UP,
  type LinkMessage,
  type NetlinkMessage,
  type RouteMessage,
} from './rtnetlink.ts'

/** From the most to the least useful for others to dial. */
const QUALITIES = ['stable', 'temporary', 'deprecated'] as const
export type Quality = (typeof QUALITIES)[number]

/** Addresses in the order in which they came. */
export type Snapshot = ReadonlyMap<string, Quality>

export interface Difference {
  readonly gone: readonly string[]
  readonly added: readonly string[]
}

export function difference(before: Snapshot, after: Snapshot): Difference {
  return {
    gone: [...before.keys()].filter(address => !after.has(address)),
    added: [...after.keys()].filter(address => !before.has(address)),
  }
}

/** What others may be told to dial, most useful first. */
export function advertisable(snapshot: Snapshot): readonly string[] {
  return QUALITIES.flatMap(quality => [...snapshot.keys()].filter(address => snapshot.get(address) === quality)).filter(
    address => !isLinkLocal(address),
  )
}

/** @param link the name of the link it is on */
export function addressOn(link: string, address: string): string {
  return isLinkLocal(address) && link !== '' ? `${address}%${link}` : address
}

export function isEverywhere(address: string): boolean {
  return address === '127.0.0.1' || address === '::1'
}

function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address)
}

/**
 * What one message of the kernel means. `link`: what runs over this host's links may be cut, so probe. `look`: nothing
 * is cut, but another source address may be preferred now. `nothing`: no news.
 */
export type Effect = 'nothing' | 'look' | 'link'

const STATE_FLAGS = LINK_UP | LINK_RUNNING | LINK_LOWER_UP
const LOCAL_TABLE = 255

/** The kernel's links and addresses, kept up to date by its messages. */
export class AddressTable {
  readonly #links = new Map<number, LinkMessage>()
  /** One row of the kernel each: a DHCP server that changes the prefix leaves two of one address for a moment. */
  readonly #addresses = new Map<string, AddressMessage>()
  /** Addresses and their links, of rows removed since the last snapshot: one that comes back the same has an event behind it. */
  readonly #removed = new Set<string>()

  handle(message: NetlinkMessage): Effect {
    switch (message.type) {
      case 'link':
        return this.#handleLink(message)
      case 'address':
        return this.#handleAddress(message)
      case 'route':
        return effectOf(message)
      default:
        return 'nothing'
    }
  }

  /** Forgets everything: it is about to be told anew. */
  clear(): void {
    this.#links.clear()
    this.#addresses.clear()
  }

  takeSnapshot(): Snapshot {
    this.#removed.clear()
    const snapshot = new Map<string, Quality>()
    for (const { index, address, flags } of this.#addresses.values()) {
      const link = this.#links.get(index)
      if (link === undefined || !isRunning(link) || !isUsable(flags) || isEverywhere(address)) continue
      const text = addressOn(link.name, address)
      snapshot.set(text, better(qualityOf(flags, address), snapshot.get(text)))
    }
    return snapshot
  }

  #handleLink(link: LinkMessage): Effect {
    const before = this.#links.get(link.index)
    const isUsed = [...this.#addresses.values()].some(({ index, address }) => index === link.index && isWide(address))
    if (link.isGone) {
      this.#links.delete(link.index)
      for (const [key, { index }] of this.#addresses) if (index === link.index) this.#addresses.delete(key)
    } else {
      this.#links.set(link.index, link)
    }
    const isChanged = link.isGone || ((before?.flags ?? 0) & STATE_FLAGS) !== (link.flags & STATE_FLAGS)
    return isUsed && isChanged ? 'link' : 'nothing'
  }

  #handleAddress(message: AddressMessage): Effect {
    const address = `${message.index} ${message.address}`
    const row = `${address} ${message.prefix}`
    const before = this.#addresses.get(row)
    if (message.isGone) {
      this.#addresses.delete(row)
      if (before !== undefined) this.#removed.add(address)
      return before === undefined ? 'nothing' : 'look'
    }
    this.#addresses.set(row, message)
    if (this.#removed.delete(address)) return isWide(message.address) ? 'link' : 'look'
    // Router advertisements renew lifetimes all the time; only the flags matter.
    return before?.flags === message.flags ? 'nothing' : 'look'
  }
}

/** A route to one host (a container, a VPN's server) may change which source is preferred, but cuts no other path. */
function effectOf({ family, table, prefixBits, destination, isClone }: RouteMessage): Effect {
  const isMulticast = family === 6 ? destination.startsWith('ff') : Number(destination.split('.')[0]) >= 224
  if (isClone || table === LOCAL_TABLE || isMulticast || isLinkLocal(destination)) return 'nothing'
  return prefixBits === (family === 6 ? 128 : 32) ? 'look' : 'link'
}

function isRunning({ flags }: LinkMessage): boolean {
  return (flags & LINK_UP) !== 0 && (flags & LINK_RUNNING) !== 0
}

function isUsable(flags: number): boolean {
  if ((flags & ADDRESS_DAD_FAILED) !== 0) return false
  return (flags & ADDRESS_TENTATIVE) === 0 || (flags & ADDRESS_OPTIMISTIC) !== 0
}

/** Used beyond its link. */
function isWide(address: string): boolean {
  return !isLinkLocal(address) && !isEverywhere(address)
}

/** On an IPv4 address the bit of `temporary` means a secondary one, which is as good as the first. */
function qualityOf(flags: number, address: string): Quality {
  if ((flags & ADDRESS_DEPRECATED) !== 0) return 'deprecated'
  return (flags & ADDRESS_TEMPORARY) !== 0 && address.includes(':') ? 'temporary' : 'stable'
}

function better(a: Quality, b: Quality | undefined): Quality {
  return b !== undefined && QUALITIES.indexOf(b) < QUALITIES.indexOf(a) ? b : a
}
