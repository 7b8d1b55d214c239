/**
 * Two hosts and what is between them, for tests and benches; Linux, root.
 *
 *   near ── a ──┐                                 a, b: veth pairs, the near host's two uplinks; a is preferred
 *               router ── wan ══ TUN link ══ wan ── far
 *   near ── b ──┘                                 the TUN link: 10 ms each way and 100 Mbit/s
 *
 *   uplink a 10.1.0.0/16 fd01::/64 · uplink b 10.2.0.0/16 fd02::/64 · far 10.9.0.0/16 fd09::/64; the router is .1 in each
 *
 * Packets take the uplink their source address belongs to, as with two providers of which each drops the other's
 * addresses; those without one take the preferred uplink that is up.
 */
import { attachGuest } from './guest.ts'
import { Namespace } from './namespace.ts'
import { Router } from './router.ts'
import { run } from './shell.ts'
import { TunLinks } from './tun-link.ts'

export interface LabOptions {
  /** Round trip without load, in milliseconds. @default 20 */
  readonly rttMs?: number
  /** Rate in each direction. @default 100 */
  readonly mbits?: number
  /** How deep the bottleneck's buffer is. @default 20, one bandwidth-delay product */
  readonly bufferMs?: number
  /** Is there a guest behind the near host. @default false */
  readonly hasGuest?: boolean
  /** Of the names of its namespaces. @default hflab */
  readonly prefix?: 'hflab' | 'relab'
}

export type Uplink = 'a' | 'b'
export type Addresses = string | readonly string[]

/** First addresses; any other host number of the same prefixes may be used. */
export const ADDRESS = {
  a: { v4: '10.1.0.2', v6: 'fd01::2' },
  b: { v4: '10.2.0.2', v6: 'fd02::2' },
  far: { v4: '10.9.0.2', v6: 'fd09::2' },
} as const

const PREFIX = { a: ['10.1.0', 'fd01:'], b: ['10.2.0', 'fd02:'], far: ['10.9.0', 'fd09:'] } as const
const TABLE = { a: 101, b: 102 } as const
const METRIC = { a: 100, b: 200 } as const

export class Lab {
  readonly near: Namespace
  readonly far: Namespace
  readonly router: Router
  readonly guest: Namespace | undefined
  readonly #link: TunLinks

  private constructor(near: Namespace, far: Namespace, router: Router, link: TunLinks, guest?: Namespace) {
    this.near = near
    this.far = far
    this.router = router
    this.#link = link
    this.guest = guest
  }

  /** `number` tells the labs of one process apart. @throws Error with the failed command; nothing is left behind */
  static async create(number: number, options: LabOptions = {}): Promise<Lab> {
    const made: Namespace[] = []
    let link: TunLinks | undefined
    const make = async (host: string) => {
      const namespace = await Namespace.create(`${options.prefix ?? 'hflab'}-${process.pid}-${number}-${host}`)
      made.push(namespace)
      return namespace
    }
    try {
      const [near, middle, far] = await Promise.all([make('near'), make('router'), make('far')])
      link = await TunLinks.start([
        {
          name: 'wan',
          ends: [
            { namespace: middle.name, device: 'wan' },
            { namespace: far.name, device: 'wan' },
          ],
          delayMs: (options.rttMs ?? 20) / 2,
          mbitPerSecond: options.mbits ?? 100,
          queueMs: options.bufferMs ?? 20,
        },
      ])
      const guest = options.hasGuest === true ? await make('guest') : undefined
      const lab = new Lab(near, far, new Router(middle), link, guest)
      await lab.#wire(middle)
      if (guest !== undefined) await attachGuest(guest, near)
      return lab
    } catch (error) {
      await link?.end()
      for (const namespace of made) await namespace.remove()
      throw error
    }
  }

  /** Gives the far or near host other addresses on the same interface; the new ones are there before the old ones go. */
  async renumber(where: Uplink | 'far', from: Addresses, to: Addresses): Promise<void> {
    const host = where === 'far' ? this.far : this.near
    await host.ip(...renumberLines(where, from, to))
  }

  /**
   * Gives it one address after the other, a program's start apart, so that each change is one by itself.
   * @returns milliseconds from the first change to the last
   */
  async renumberRapidly(uplink: Uplink, addresses: readonly Addresses[]): Promise<number> {
    const changes = addresses.slice(1).map((to, index) => {
      const lines = renumberLines(uplink, addresses[index] as Addresses, to)
      return `printf '${lines.join('\\n')}\\n' | ip -batch -`
    })
    const clock = 'date +%s%N'
    const printed = await this.near.run(['sh', '-c', [clock, changes.join('; '), clock].join('\n')])
    const [firstNs, lastNs] = printed.trim().split('\n')
    return Number(BigInt(lastNs ?? 0) - BigInt(firstNs ?? 0)) / 1e6
  }

  /** The other uplink comes up with these addresses, and in the same batch this one loses its own and goes down. */
  async changeUplink(from: Uplink, old: readonly string[], to: Uplink, fresh: readonly string[]): Promise<void> {
    await this.near.ip(
      `link set dev ${to} up`,
      ...fresh.flatMap(address => addressLines('add', to, address)),
      ...routeLines(to, fresh),
      ...old.flatMap(address => addressLines('del', from, address)),
      `link set dev ${from} down`,
    )
    await this.#announce(to)
  }

  async addAddress(where: Uplink | 'far', address: string): Promise<void> {
    const host = where === 'far' ? this.far : this.near
    await host.ip(...addressLines('add', where, address), ...routeLines(where, [address]))
    await this.#announce(where)
  }

  async removeAddress(where: Uplink | 'far', address: string): Promise<void> {
    const host = where === 'far' ? this.far : this.near
    await host.ip(...addressLines('del', where, address))
  }

  /** Takes an uplink of the near host down: its routes go, IPv6 addresses too. */
  async uplinkDown(uplink: Uplink): Promise<void> {
    await this.near.ip(`link set dev ${uplink} down`)
  }

  /** Brings it up again with these addresses, besides those it kept, and its routes. */
  async uplinkUp(uplink: Uplink, addresses: readonly string[] = Object.values(ADDRESS[uplink])): Promise<void> {
    const lines = [
      ...addresses.flatMap(address => addressLines('replace', uplink, address)),
      ...routeLines(uplink, addresses),
    ]
    await this.near.ip(`link set dev ${uplink} up`, ...lines)
    await this.#announce(uplink)
  }

  /** Removes everything; harmless when repeated. */
  async close(): Promise<void> {
    await this.#link.end()
    await Promise.all([this.near, this.far, this.router.namespace, this.guest].map(namespace => namespace?.remove()))
  }

  /**
   * A host announces a new address (RFC 5227), which `ip` does not: the router, asking in vain for one that was away,
   * would ask again only after a second.
   */
  async #announce(where: Uplink | 'far'): Promise<void> {
    if (where !== 'far') await this.router.namespace.ip(`neigh flush dev ${where}`)
  }

  async #wire(middle: Namespace): Promise<void> {
    await this.near.ip(
      `link add name a type veth peer name a netns ${middle.name}`,
      `link add name b type veth peer name b netns ${middle.name}`,
    )
    await middle.run([
      'sh',
      '-c',
      'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding',
    ])
    const routerLines = (['a', 'b', 'wan'] as const).flatMap(device => {
      const [v4, v6] = PREFIX[device === 'wan' ? 'far' : device]
      return [
        `link set dev ${device} up`,
        `address add ${v4}.1/16 dev ${device}`,
        `address add ${v6}:1/64 dev ${device} nodad`,
      ]
    })
    const nearLines = (['a', 'b'] as const).flatMap(uplink => [
      `link set dev ${uplink} up`,
      ...addressLines('add', uplink, ADDRESS[uplink].v4),
      ...addressLines('add', uplink, ADDRESS[uplink].v6),
      ...routeLines(uplink, [ADDRESS[uplink].v4, ADDRESS[uplink].v6]),
    ])
    await middle.ip(...routerLines)
    await this.near.ip(...nearLines, ...sourceRules(0))
    // In a batch `rule` knows IPv4 only, unless the whole batch is IPv6.
    await run(['ip', '-6', '-n', this.near.name, '-batch', '-'], { input: `${sourceRules(1).join('\n')}\n` })
    await this.far.ip(
      'link set wan up',
      ...addressLines('add', 'far', ADDRESS.far.v4),
      ...addressLines('add', 'far', ADDRESS.far.v6),
      ...routeLines('far', [ADDRESS.far.v4, ADDRESS.far.v6]),
    )
    await this.router.install()
  }
}

function renumberLines(where: Uplink | 'far', from: Addresses, to: Addresses): readonly string[] {
  const lines = (verb: 'add' | 'del', addresses: Addresses) =>
    [addresses].flat().flatMap(address => addressLines(verb, where, address))
  return [...lines('add', to), ...lines('del', from)]
}

function addressLines(verb: 'add' | 'del' | 'replace', where: Uplink | 'far', address: string): readonly string[] {
  const isV6 = address.includes(':')
  const device = where === 'far' ? 'wan' : where
  return [`address ${verb} ${address}/${isV6 ? '64' : '16'} dev ${device}${isV6 && verb !== 'del' ? ' nodad' : ''}`]
}

/** The host's routes through one of its interfaces, of the families of `addresses`. */
function routeLines(where: Uplink | 'far', addresses: readonly string[]): readonly string[] {
  const [v4, v6] = PREFIX[where]
  return [
    ...new Set(addresses.map(address => (address.includes(':') ? `::/0 via ${v6}:1` : `0.0.0.0/0 via ${v4}.1`))),
  ].flatMap(route => {
    if (where === 'far') return [`route replace ${route} dev wan`]
    return [
      `route replace ${route} dev ${where} metric ${METRIC[where]}`,
      `route replace ${route} dev ${where} table ${TABLE[where]}`,
    ]
  })
}

/** Family 0 is IPv4, 1 is IPv6. */
function sourceRules(family: 0 | 1): readonly string[] {
  return (['a', 'b'] as const).map(uplink => {
    const prefix = PREFIX[uplink][family]
    return `rule add from ${prefix}${family === 0 ? '.0/16' : ':/64'} lookup ${TABLE[uplink]}`
  })
}
