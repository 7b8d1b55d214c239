/** Faults of the path that no host announces: cut carriers, resets from the middle, and a path MTU that shrinks. */
import assert from 'node:assert/strict'
import { CarrierWatch, cutCarriers } from '../lab/carriers.ts'
import { COLD, SILENT } from '../scenarios/bounds.ts'
import { PORT } from '../scenarios/places.ts'
import type { Bound, Scenario } from '../scenarios/scenario.ts'
import type { Stand } from '../scenarios/stand.ts'
import { lasting, until } from '../wait.ts'
import { faultOf, lasts, type Side } from './fault.ts'

const DEADLINE_MS = 10_000
const RESET_MS = 500
const SMALL_MTU = 1_280
const SHRUNK_MS = 6_000
const PROBING_MS_MAX = 30_000

export const cutNear = cut('near')
export const cutFar = cut('far')
export const resetNear = reset('near')
export const resetFar = reset('far')

export const shrunkPath = faultOf(
  'mtu',
  `path MTU of ${SMALL_MTU} for ${SHRUNK_MS / 1_000} s, without a word of ICMP`,
  async stand => {
    const { router } = stand.lab
    const before = await router.silenced()
    await stand.fault({ what: 'the shrunk path', bound: lasts(SHRUNK_MS, SILENT.extraMs) }, async () => {
      await router.shrink(SMALL_MTU)
      await lasting(SHRUNK_MS)
      const dropped = (await router.silenced()).packets - before.packets
      await router.unshrink()
      assert.ok(dropped > 0, 'no packet was too big')
      stand.notes.push(`the router dropped packets as too big, and did not send its ${dropped} answers`)
    })
  },
)

/** The path stays as it is: the hosts' kernels find out what it takes (RFC 4821), as Holdfast does not. */
export const probedPath = faultOf(
  'mtu-probing',
  `path MTU of ${SMALL_MTU} that stays, without a word of ICMP, between hosts with \`tcp_mtu_probing\``,
  async stand => {
    const { near, far, router } = stand.lab
    for (const host of [near, far]) await host.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/tcp_mtu_probing'])
    await stand.fault(
      { what: 'the shrunk path', bound: lasts(PROBING_MS_MAX) },
      () => router.shrink(SMALL_MTU),
      PROBING_MS_MAX,
    )
    const { packets } = await router.silenced()
    assert.ok(packets > 0, 'no packet was too big')
    stand.notes.push(`the router dropped packets as too big, and did not send its ${packets} answers`)
  },
  { isLong: true },
)

function cut(side: Side): Scenario {
  return faultOf(`cut-${side}`, `\`ss -K\` of all carriers on the ${side} host`, async stand => {
    await moving(stand, COLD, 'the cut', async () => {
      const count = await cutCarriers(stand.lab[side].name, PORT.tcp)
      assert.ok(count > 0, 'ss -K cut no carrier: does this kernel have CONFIG_INET_DIAG_DESTROY?')
      stand.notes.push(`the kernel cut ${count}`)
    })
  })
}

function reset(towards: Side): Scenario {
  return faultOf(`rst-${towards}`, `RST from the router to the ${towards} host for ${RESET_MS} ms`, async stand => {
    const { router } = stand.lab
    await moving(stand, lasts(RESET_MS), 'the resets', async () => {
      await router.injectResets(towards, PORT.tcp)
      await lasting(RESET_MS)
      await router.heal()
      const { packets } = await router.injected()
      assert.ok(packets > 0, 'the router has reset nothing')
      stand.notes.push(`the router answered ${packets} packets with a reset`)
    })
  })
}

/** Proves besides that another carrier carries afterwards. */
async function moving(stand: Stand, bound: Bound, what: string, happen: () => Promise<void>) {
  const watch = new CarrierWatch(stand.lab.far.name, [PORT.tcp])
  await watch.look()
  const before = await until('a carrier', { deadlineMs: DEADLINE_MS, everyMs: 50 }, () => watch.look())
  await stand.fault({ what, bound }, happen)
  const after = await watch.movedFrom(before, what, DEADLINE_MS)
  stand.notes.push(`carrier ${before.key}, then ${after.key}`)
}
