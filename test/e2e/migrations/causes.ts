/** What makes a connection move, on a host that keeps account of its own addresses. */
import { setTimeout as pause } from 'node:timers/promises'
import { cutCarriers } from '../lab/carriers.ts'
import { ADDRESS, type Uplink } from '../lab/lab.ts'
import { PORT } from '../scenarios/places.ts'
import type { Stand } from '../scenarios/stand.ts'
import { until } from '../wait.ts'

export const CAUSES = ['renumbering', 'uplink', 'link', 'command', 'far', 'both', 'cut', 'rebinding'] as const
export type Cause = (typeof CAUSES)[number]

export const WORDS: Readonly<Record<Cause, string>> = {
  renumbering: 'new address on the same interface',
  uplink: 'other uplink',
  link: 'link down, then up with a new address',
  command: 'planned, by `migrate`',
  far: 'new address of the listening side',
  both: 'new addresses of both sides at once',
  cut: 'the kernel cuts the carriers (`ss -K`)',
  rebinding: 'NAT rebinding',
}

/** How often each is drawn. Behind a translator the far side cannot dial, so only the near side moves. */
export const WEIGHTS: Readonly<Record<'open' | 'translated', Partial<Record<Cause, number>>>> = {
  open: { renumbering: 30, uplink: 20, link: 10, command: 20, far: 10, both: 5, cut: 5 },
  translated: { renumbering: 30, uplink: 20, link: 10, command: 20, rebinding: 20 },
}

const LINK_DOWN_MS = 40
const COMMAND_DEADLINE_MS = 5_000
const UPLINK_HOSTS = { a: ['10.1', 'fd01'], b: ['10.2', 'fd02'], far: ['10.9', 'fd09'] } as const

/** The addresses both hosts have, of which each is used once. */
export class Hosts {
  readonly #stand: Stand
  #uplink: Uplink = 'a'
  #near: readonly string[] = Object.values(ADDRESS.a)
  #far: readonly string[] = Object.values(ADDRESS.far)
  #count = 0

  constructor(stand: Stand) {
    this.#stand = stand
  }

  get near(): readonly string[] {
    return this.#near
  }

  get far(): readonly string[] {
    return this.#far
  }

  /** Only one uplink is up, so that a move never has another reason than its cause. */
  async begin(): Promise<void> {
    await this.#stand.lab.uplinkDown('b')
    await this.#stand.lab.removeAddress('b', ADDRESS.b.v4)
  }

  /** Lets it happen. In force when this has returned. */
  async cause(cause: Cause): Promise<void> {
    const { lab, near } = this.#stand
    const [oldNear, oldFar, from] = [this.#near, this.#far, this.#uplink]
    switch (cause) {
      case 'renumbering':
        this.#near = this.#fresh(from)
        this.#name()
        return lab.renumber(from, oldNear, this.#near)
      case 'uplink':
        this.#uplink = from === 'a' ? 'b' : 'a'
        this.#near = this.#fresh(this.#uplink)
        this.#name()
        return lab.changeUplink(from, oldNear, this.#uplink, this.#near)
      case 'link':
        this.#near = this.#fresh(from)
        this.#name()
        await lab.uplinkDown(from)
        await pause(LINK_DOWN_MS)
        // Its IPv6 addresses went with the link.
        for (const address of oldNear.filter(one => !one.includes(':'))) await lab.removeAddress(from, address)
        return lab.uplinkUp(from, this.#near)
      case 'far':
        this.#far = this.#fresh('far')
        this.#name()
        return lab.renumber('far', oldFar, this.#far)
      case 'both':
        this.#near = this.#fresh(from)
        this.#far = this.#fresh('far')
        this.#name()
        await Promise.all([lab.renumber('far', oldFar, this.#far), lab.renumber(from, oldNear, this.#near)])
        return
      case 'command':
        // Refused while the last move still ends.
        await until('a move by migrate', { deadlineMs: COMMAND_DEADLINE_MS }, async () => {
          const [answer] = await near.migrate()
          return answer?.code === 'moved' ? true : undefined
        })
        return
      case 'cut': {
        const count = await cutCarriers(lab.near.name, this.#stand.carrier === 'tcp' ? PORT.tcp : PORT.ws)
        if (count === 0) throw new Error('ss -K cut no carrier')
        return
      }
      case 'rebinding':
        return lab.router.forgetTranslations()
    }
  }

  #name(): void {
    this.#stand.setNames({ 'near.lab': this.#near[0] ?? '', 'far.lab': this.#far[0] ?? '' })
  }

  /** One of each family, never used before in this lab. */
  #fresh(where: Uplink | 'far'): readonly string[] {
    const number = ++this.#count
    const [v4, v6] = UPLINK_HOSTS[where]
    const third = 1 + Math.floor(number / 200)
    const host = 10 + (number % 200)
    return [`${v4}.${third}.${host}`, `${v6}::${third}:${host}`]
  }
}
