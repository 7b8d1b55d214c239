/** Faults of addresses and uplinks that the host itself sees. */
import { ADDRESS } from '../lab/lab.ts'
import { lasting } from '../wait.ts'
import { COLD, PLANNED } from './bounds.ts'
import type { Scenario } from './scenario.ts'
import type { Stand } from './stand.ts'

export const TOGETHER = [['upload', 'download']] as const

export const renumbering: Scenario = {
  name: '1-renumbering',
  title: 'renumbering on the same interface',
  runs: TOGETHER,
  async play(stand) {
    const addresses = [ADDRESS.a.v4, '10.1.0.3', '10.1.0.4']
    for (const [index, to] of addresses.slice(1).entries()) {
      const from = addresses[index] as string
      await stand.fault({ what: `renumbering to ${to}`, bound: COLD }, () => stand.lab.renumber('a', from, to))
      await stand.proveMoved([from], [to])
    }
  },
}

export const uplinks: Scenario = {
  name: '2-uplinks',
  title: 'uplink A goes down, B takes over, and back',
  runs: TOGETHER,
  async play(stand) {
    const { lab } = stand
    const [a, b] = [Object.values(ADDRESS.a), Object.values(ADDRESS.b)]
    await stand.fault({ what: 'uplink a going down', bound: COLD }, () => lab.uplinkDown('a'))
    await stand.proveMoved(a, b)
    // Back: a is preferred again, and b still lives.
    await stand.fault({ what: 'uplink a coming back', bound: PLANNED }, () => lab.uplinkUp('a'))
    await stand.proveMoved(b, a)
    await stand.fault({ what: 'the unused uplink b going down', bound: COLD }, () => lab.uplinkDown('b'))
    await stand.proveMoved(b, a)
  },
}

export const outage: Scenario = {
  name: '5-outage',
  title: 'no path at all for 60 s, then a new address',
  isLong: true,
  runs: TOGETHER,
  play: stand => playOutage(stand, () => stand.aside(60_000)),
}

export const shortOutage: Scenario = {
  name: '5-outage',
  title: 'no path at all for 3 s, then a new address',
  runs: TOGETHER,
  play: stand => playOutage(stand, () => lasting(3_000)),
}

export const families: Scenario = {
  name: '8-families',
  title: 'IPv4 to IPv6 and back',
  runs: TOGETHER,
  stand: () => ({ farEndpoints: [ADDRESS.far.v4, ADDRESS.far.v6] }),
  async play(stand) {
    const { lab } = stand
    const { v4, v6 } = ADDRESS.a
    await lab.uplinkDown('b')
    await lab.removeAddress('a', v6)
    await stand.proveMoved([v6], [v4])
    await stand.fault({ what: 'IPv4 giving way to IPv6', bound: COLD }, async () => {
      await lab.addAddress('a', v6)
      await lab.removeAddress('a', v4)
    })
    await stand.proveMoved([v4], [v6])
    await stand.fault({ what: 'IPv6 giving way to IPv4', bound: COLD }, async () => {
      await lab.addAddress('a', v4)
      await lab.removeAddress('a', v6)
    })
    await stand.proveMoved([v6], [v4])
  },
}

async function playOutage(stand: Stand, wait: () => Promise<void>): Promise<void> {
  const { lab } = stand
  const fresh = ['10.1.0.7', 'fd01::7']
  const old = [ADDRESS.a, ADDRESS.b].flatMap(host => Object.values(host))
  const fault = { what: 'a new address after a time without any', bound: COLD, countsFrom: 'path' } as const
  await stand.fault(fault, async () => {
    await lab.uplinkDown('b')
    await lab.removeAddress('a', ADDRESS.a.v4)
    await lab.uplinkDown('a')
    await lab.router.count(...old)
    await wait()
    for (const address of old) {
      const { packets } = await lab.router.from(address)
      if (packets > 0) throw new Error(`${packets} packets from ${address} while there was no path`)
    }
    await lab.uplinkUp('a', fresh)
  })
  await stand.proveMoved(old, fresh)
}
