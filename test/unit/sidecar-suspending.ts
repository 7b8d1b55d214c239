import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { SUSPENSION_REMOVAL, suspensionChange, suspensionTable, type Tuple } from '../../src/firewall/suspension.ts'
import { Suspending } from '../../src/sidecar/suspending.ts'
import { TotalsCounter } from '../../src/sidecar/totals.ts'

function tuple(n: number): Tuple {
  return { local: { host: '10.0.0.2', port: 10_000 + n }, remote: { host: '10.0.0.1', port: 7700 } }
}

/** A kernel that answers when it is told to. */
class Kernel {
  readonly scripts: string[] = []
  readonly warnings: string[] = []
  readonly totals = { suspensions: 0 }
  readonly suspending: Suspending
  answer: (script: string) => Promise<void> = async () => {}

  constructor() {
    const log = { debug() {}, info() {}, warn: (text: string) => this.warnings.push(text), error() {} }
    this.suspending = new Suspending({
      log,
      totals: this.totals,
      apply: script => {
        this.scripts.push(script)
        return this.answer(script)
      },
      close() {},
    })
  }
}

t.test('a suspension is told when it begins and when it ends', async t => {
  const { suspending, scripts, totals } = new Kernel()
  const owner = {}
  suspending.begin(owner, tuple(1))
  t.same(scripts, [], 'nobody waits for it')
  await suspending.settled()
  t.equal(totals.suspensions, 1)
  t.same(scripts, [suspensionChange([tuple(1)], [])])
  suspending.end(owner)
  suspending.end(owner)
  await suspending.settled()
  t.same(scripts.slice(1), [suspensionChange([], [tuple(1)])])
})

t.test('one that is over before the kernel was told costs nothing', async t => {
  const { suspending, scripts } = new Kernel()
  const owner = {}
  suspending.begin(owner, tuple(1))
  suspending.end(owner)
  await suspending.settled()
  t.same(scripts, [])
})

t.test('one transaction at a time; what comes meanwhile is the next one', async t => {
  const kernel = new Kernel()
  const { suspending, scripts } = kernel
  const owners = [{}, {}, {}] as const
  kernel.answer = async () => {
    kernel.answer = async () => {}
    suspending.begin(owners[1], tuple(1))
    suspending.begin(owners[2], tuple(2))
    suspending.end(owners[0])
    t.equal(scripts.length, 1)
  }
  suspending.begin(owners[0], tuple(0))
  await suspending.settled()
  t.same(scripts, [suspensionChange([tuple(0)], []), suspensionChange([tuple(1), tuple(2)], [tuple(0)])])
})

t.test('a table that somebody has removed is made again, with all that should be in it', async t => {
  const kernel = new Kernel()
  const { suspending, scripts, warnings } = kernel
  suspending.begin({}, tuple(1))
  await suspending.settled()
  kernel.answer = async script => {
    if (!script.startsWith(SUSPENSION_REMOVAL)) throw new Error('No such file or directory')
  }
  suspending.begin({}, tuple(2))
  await suspending.settled()
  t.equal(scripts.at(-1), suspensionTable() + suspensionChange([tuple(1), tuple(2)], []))
  t.same(warnings, [])
})

t.test('a kernel that refuses is told of once, and not asked again for the same', async t => {
  const kernel = new Kernel()
  const { suspending, scripts, warnings } = kernel
  kernel.answer = async () => {
    throw new Error('this user may not change rules; run as root, or grant CAP_NET_ADMIN')
  }
  suspending.begin({}, tuple(1))
  await suspending.settled()
  suspending.begin({}, tuple(2))
  await suspending.settled()
  t.equal(scripts.length, 4)
  t.same(warnings, [
    'packets of lost carriers cannot be dropped: this user may not change rules; run as root, or grant CAP_NET_ADMIN',
  ])
})

t.test('as many as the limit are dropped, and no more', async t => {
  const { suspending, scripts } = new Kernel()
  for (let n = 0; n <= LIMITS.suspensionsMax; n++) suspending.begin({}, tuple(n))
  await suspending.settled()
  t.equal(scripts[0]!.trim().split('\n').length, LIMITS.suspensionsMax)
})

t.test('without the key nothing is done', async t => {
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const config = { identity: '', listen: [], advertise: [], peers: [], forward: [], routes: [], proxy: [], holdMs: 1 }
  t.equal(
    Suspending.start({ ...config, admin: { socket: undefined }, ca: undefined }, log, new TotalsCounter()),
    undefined,
  )
})
