import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { checkConfig } from '../../src/config/load.ts'
import type { Counts } from '../../src/firewall/counts.ts'
import { KernelCounts } from '../../src/sidecar/kernel-counts.ts'

const ID = 'hf1xnuvs7jm4l4fs3s2o2ag3m3lbbbddekncyz2df3jl25jnb34am7q'
const CAPTURE = {
  peers: [{ name: 'office', id: ID }],
  routes: [{ to: '10.0.0.0/8', peer: 'office' }],
  capture: {},
} as const

/** A kernel whose count is how often it was asked. */
function setUp(config: object) {
  const asked: (readonly string[])[] = []
  const clock = { nowMs: 0 }
  const kernel = { read: async (): Promise<Counts> => new Map([['own', asked.length]]) }
  const read = (tables: readonly string[]) => {
    asked.push(tables)
    return kernel.read()
  }
  const counts = new KernelCounts(checkConfig(config, '/etc/holdfast'), read, () => clock.nowMs)
  const own = async () => (await counts.latest()).get('own')
  return { asked, clock, kernel, own }
}

t.test('the kernel is asked at most each nftCountsEveryMs, and only for tables of this sidecar', async t => {
  const { asked, clock, own } = setUp({ ...CAPTURE, firewall: { suspend: true } })
  t.same(await Promise.all([own(), own()]), [1, 1])
  clock.nowMs += LIMITS.nftCountsEveryMs - 1
  t.equal(await own(), 1)
  clock.nowMs += 1
  t.equal(await own(), 2)
  t.same(asked[0], ['inet holdfast', 'inet holdfast_suspension'])
  const alone = setUp({ firewall: { suspend: true } })
  await alone.own()
  t.same(alone.asked, [['inet holdfast_suspension']])
})

t.test('without rules of the kernel, it is not asked', async t => {
  const { asked, own } = setUp({})
  t.equal(await own(), undefined)
  t.same(asked, [])
})

t.test('what cannot be read is left out, and read again later', async t => {
  const { clock, kernel, own } = setUp(CAPTURE)
  const { read } = kernel
  kernel.read = async () => {
    throw new Error('no such table')
  }
  t.equal(await own(), undefined)
  kernel.read = read
  t.equal(await own(), undefined, 'not at once')
  clock.nowMs += LIMITS.nftCountsEveryMs
  t.equal(await own(), 2)
})
