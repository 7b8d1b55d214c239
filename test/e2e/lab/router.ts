/**
 * The router between the two hosts: what it saw of each address (the proof of a fault from outside), and the faults
 * that happen in a network: a silent blackhole, and a translator that forgets.
 */
import type { Namespace } from './namespace.ts'

/** What the router forwarded, in packets and IP bytes. */
export interface Traffic {
  readonly packets: number
  readonly bytes: number
}

const TABLE = `
table inet lab {
  chain account {
    type filter hook forward priority -20; policy accept;
    iifname != "wan" meta nfproto ipv4 update @sources { ip saddr }
    iifname != "wan" meta nfproto ipv6 update @sources6 { ip6 saddr }
  }
  chain faults { type filter hook forward priority -10; policy accept; }
  counter swallowed { }
  counter injected { }
  counter silenced { }
  set sources { type ipv4_addr; flags dynamic; size 4096; counter; }
  set sources6 { type ipv6_addr; flags dynamic; size 4096; counter; }
}
`

interface NftListing {
  readonly nftables: readonly {
    readonly counter?: { readonly name: string; readonly packets: number; readonly bytes: number }
  }[]
}

export class Router {
  readonly namespace: Namespace
  readonly #counted = new Map<string, string>()

  constructor(namespace: Namespace) {
    this.namespace = namespace
  }

  async install(): Promise<void> {
    await this.namespace.nft(TABLE)
  }

  /** Counts from now on what comes from and goes to these addresses. */
  async count(...addresses: readonly string[]): Promise<void> {
    const lines = addresses
      .filter(address => !this.#counted.has(address))
      .flatMap(address => {
        const id = `c${this.#counted.size}`
        this.#counted.set(address, id)
        const family = address.includes(':') ? 'ip6' : 'ip'
        return [
          `add counter inet lab ${id}_from`,
          `add counter inet lab ${id}_to`,
          `add rule inet lab account ${family} saddr ${address} counter name ${id}_from`,
          `add rule inet lab account ${family} daddr ${address} counter name ${id}_to`,
        ]
      })
    if (lines.length > 0) await this.namespace.nft(lines.join('\n'))
  }

  /** What came from these addresses since `count`. */
  async from(...addresses: readonly string[]): Promise<Traffic> {
    return this.#sum(addresses.map(address => `${this.#idOf(address)}_from`))
  }

  /** What went to these addresses since `count`. */
  async to(...addresses: readonly string[]): Promise<Traffic> {
    return this.#sum(addresses.map(address => `${this.#idOf(address)}_to`))
  }

  /** Every address of the near side that was ever forwarded, with what came from it. */
  async sources(): Promise<ReadonlyMap<string, Traffic>> {
    const listing = await this.namespace.run(['nft', 'list', 'sets', 'table', 'inet', 'lab'])
    const entries = listing.matchAll(/([0-9a-f.:]+) counter packets (\d+) bytes (\d+)/g)
    return new Map(
      [...entries].map(([, address, packets, bytes]) => [
        address ?? '',
        { packets: Number(packets), bytes: Number(bytes) },
      ]),
    )
  }

  /** Drops everything that would be forwarded, in both directions, and tells nobody. */
  async blackhole(): Promise<void> {
    await this.#swallow('')
  }

  /** The same for what goes to this IPv4 address. */
  async blackholeTo(address: string): Promise<void> {
    await this.#swallow(`ip daddr ${address} `)
  }

  /** The same for what comes from this IPv4 address. */
  async blackholeFrom(address: string): Promise<void> {
    await this.#swallow(`ip saddr ${address} `)
  }

  async heal(): Promise<void> {
    await this.namespace.nft('flush chain inet lab faults')
  }

  /** What blackholes have swallowed. */
  async swallowed(): Promise<Traffic> {
    return this.#sum(['swallowed'])
  }

  /** Answers what one side sends to or from this port with a reset, as some firewalls do. The other side hears nothing. */
  async injectResets(towards: 'near' | 'far', port: number): Promise<void> {
    const match = towards === 'near' ? `iifname != "wan" tcp dport ${port}` : `iifname "wan" tcp sport ${port}`
    await this.namespace.nft(`add rule inet lab faults ${match} counter name injected reject with tcp reset`)
  }

  /** Resets injected so far. */
  async injected(): Promise<Traffic> {
    return this.#sum(['injected'])
  }

  /** From now on only smaller packets are forwarded, and nobody is told why: a black hole of path MTU discovery. */
  async shrink(mtu: number): Promise<void> {
    await this.namespace.nft(`
      table inet lab {
        chain silence {
          type filter hook output priority 0; policy accept;
          icmp type destination-unreachable counter name silenced drop
          icmpv6 type packet-too-big counter name silenced drop
        }
      }
    `)
    await this.#setMtu(mtu)
  }

  async unshrink(): Promise<void> {
    await this.#setMtu(1_500)
    await this.namespace.nft('delete chain inet lab silence')
  }

  /** Answers "too big" that were not sent, each for a packet that was dropped. */
  async silenced(): Promise<Traffic> {
    return this.#sum(['silenced'])
  }

  async #setMtu(mtu: number): Promise<void> {
    await this.namespace.ip(...['a', 'b', 'wan'].map(device => `link set dev ${device} mtu ${mtu}`))
  }

  /** From now on the far host sees the router's address, and a random port for each new connection. */
  async translate(): Promise<void> {
    await this.namespace.nft(`
      table ip nat {
        chain out { type nat hook postrouting priority srcnat; oifname "wan" masquerade random; }
      }
      table ip6 nat {
        chain out { type nat hook postrouting priority srcnat; oifname "wan" masquerade random; }
      }
    `)
  }

  /** Forgets every translation: what goes on gets another source port, what comes back has nowhere to go. */
  async forgetTranslations(): Promise<void> {
    await this.namespace.run(['conntrack', '-F'])
  }

  async #swallow(match: string): Promise<void> {
    await this.namespace.nft(`add rule inet lab faults ${match}counter name swallowed drop`)
  }

  #idOf(address: string): string {
    const id = this.#counted.get(address)
    if (id === undefined) throw new Error(`${address} is not counted`)
    return id
  }

  async #sum(names: readonly string[]): Promise<Traffic> {
    const listing = JSON.parse(
      await this.namespace.run(['nft', '-j', 'list', 'counters', 'table', 'inet', 'lab']),
    ) as NftListing
    const found = listing.nftables.flatMap(({ counter }) => (names.includes(counter?.name ?? '') ? [counter] : []))
    const total = (what: 'packets' | 'bytes') => found.reduce((sum, counter) => sum + (counter?.[what] ?? 0), 0)
    return { packets: total('packets'), bytes: total('bytes') }
  }
}
