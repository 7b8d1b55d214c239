import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { loadNetlink, type Netlink, type NetlinkHandlers } from '../../src/platform/netlink.ts'
import type { Interfaces } from '../../src/watch/poll.ts'
import type { Clocks } from '../../src/watch/sleep-detector.ts'
import { type AddressChange, type AddressWatch, watchAddresses } from '../../src/watch/watch.ts'

const DONE = '1400000003000200 0000000000000000 00000000'
const FAILED = '1400000002000000 0000000000000000 ffffffff'
const LINK = '2800000010000000 0000000000000000 0000010003000000 4310010000000000 0800030077746100'
const LINK_DOWN = '2800000010000000 0000000000000000 0000010003000000 0210000000000000 0800030077746100'

function address(last: number, isGone = false): string {
  const type = isGone ? '15' : '14'
  return `28000000${type}000000 0000000000000000 02180000 03000000 080001000a0100${hex(last)} 080002000a0100${hex(last)}`
}

function route(destination: string, bits: number): string {
  return `2400000018000000 0000000000000000 02${hex(bits)}0000fe02fd01 00000000 08000100${destination}`
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'))
}

/** A kernel that says what the test wants. */
class FakeNetlink implements Netlink {
  /** What is told when everything is asked for: links, then addresses. */
  state: [string, string] = [LINK, address(2)]
  readonly asked: number[] = []
  /** Answers that are spoilt before one is sound; -1 for ever. */
  spoilt = 0
  isRefusing = false
  subscribed: NetlinkHandlers | undefined

  subscribe(_groups: number, handlers: NetlinkHandlers) {
    if (this.isRefusing) return undefined
    this.subscribed = handlers
    return { close: () => (this.subscribed = undefined) }
  }

  ask(request: Uint8Array, isLast: (datagram: Uint8Array) => boolean) {
    this.asked.push(request[4]!)
    const body = request[4] === 0x12 ? this.state[0] : this.state[1]
    const answer = [bytes(body), bytes(this.spoilt === 0 ? DONE : FAILED)]
    if (this.spoilt > 0) this.spoilt--
    return answer.slice(0, answer.findIndex(isLast) + 1)
  }

  tell(...messages: string[]): void {
    for (const message of messages) this.subscribed?.onDatagram(bytes(message))
  }
}

interface Scene {
  readonly netlink: FakeNetlink
  readonly watch: AddressWatch
  readonly changes: AddressChange[]
  readonly wakes: number[]
  interfaces: Interfaces
  clocks: Clocks
  /** The next change, without its time. */
  change(): Promise<Omit<AddressChange, 'atMs'>>
  /** Lets one tick pass. */
  tick(): void
}

async function setUp(t: Test, { isPolling = false, netlink = new FakeNetlink() } = {}): Promise<Scene> {
  const timers = t.capture(globalThis, 'setInterval', ((run: () => void) => {
    scene.tick = run
    return { unref: () => undefined }
  }) as unknown as typeof setInterval)
  let heard = () => {}
  const changes: AddressChange[] = []
  const wakes: number[] = []
  const scene = {
    netlink,
    changes,
    wakes,
    interfaces: { eth0: [{ address: '192.0.2.1' }] } as Interfaces,
    clocks: { uptimeMs: 0, monotonicMs: 0, cpuMs: 0 },
    tick: () => {},
    change: async () => {
      while (changes.length === 0) await new Promise<void>(resolve => (heard = resolve))
      const { atMs, ...change } = changes.shift()!
      t.ok(atMs > 0 && atMs <= performance.now())
      return change
    },
  }
  const handlers = {
    onChange: (change: AddressChange) => {
      changes.push(change)
      heard()
    },
    onWake: (sleptMs: number) => void wakes.push(sleptMs),
  }
  const watch = await watchAddresses(handlers, {
    netlink: isPolling ? undefined : netlink,
    interfaces: () => scene.interfaces,
    clocks: () => scene.clocks,
  })
  t.equal(timers().length, 1)
  timers.restore()
  t.teardown(() => watch.stop())
  return Object.assign(scene, { watch })
}

t.test('begins with what the kernel says', async t => {
  const { watch, netlink } = await setUp(t)
  t.equal(watch.source, 'netlink')
  t.same(watch.addresses(), ['10.1.0.2'])
  t.same(netlink.asked, [0x12, 0x16])
})

t.test('tells a burst of events as one change', async t => {
  const { watch, netlink, change } = await setUp(t)
  netlink.tell(address(2, true), address(3), route('0a010000', 24), address(4), address(4, true))
  t.same(await change(), { gone: ['10.1.0.2'], added: ['10.1.0.3'], isLinkEvent: true })
  t.same(watch.addresses(), ['10.1.0.3'])
  netlink.tell(address(3, true))
  t.same(await change(), { gone: ['10.1.0.3'], added: [], isLinkEvent: false })
})

t.test('tells a link event when an address goes and comes back the same', async t => {
  const { netlink, change } = await setUp(t)
  netlink.tell(address(2, true), address(2))
  t.same(await change(), { gone: [], added: [], isLinkEvent: true })
})

t.test('tells the addresses of a link that goes down as gone', async t => {
  const { netlink, change } = await setUp(t)
  netlink.tell(LINK_DOWN)
  t.same(await change(), { gone: ['10.1.0.2'], added: [], isLinkEvent: true })
  netlink.tell(LINK)
  t.same(await change(), { gone: [], added: ['10.1.0.2'], isLinkEvent: true })
})

t.test('tells a route to one host as no more than a reason to look', async t => {
  const { netlink, change, changes } = await setUp(t)
  netlink.tell(LINK, address(2), route('0a010009', 32))
  t.same(await change(), { gone: [], added: [], isLinkEvent: false })
  t.equal(changes.length, 0)
})

t.test('reads everything anew when the kernel has lost events', async t => {
  const { watch, netlink, change } = await setUp(t)
  netlink.state[1] = address(7)
  netlink.spoilt = 2
  netlink.subscribed?.onLost()
  t.same(await change(), { gone: ['10.1.0.2'], added: ['10.1.0.7'], isLinkEvent: true })
  t.equal(watch.source, 'netlink')
})

t.test('polls when the kernel tells nothing any more', async t => {
  const { watch, netlink, change, changes } = await setUp(t)
  netlink.spoilt = -1
  netlink.tell(address(3))
  netlink.subscribed?.onLost()
  t.same(await change(), { gone: ['10.1.0.2'], added: ['192.0.2.1'], isLinkEvent: true })
  t.equal(watch.source, 'poll')
  t.equal(netlink.subscribed, undefined)
  await new Promise(resolve => setTimeout(resolve, LIMITS.watchCoalesceMs + 1))
  t.same(changes, [], 'the burst that was under way is not told')
})

t.test('polls when the kernel refuses events or the first answer', async t => {
  for (const change of [{ isRefusing: true }, { spoilt: -1 }]) {
    const { watch, netlink } = await setUp(t, { netlink: Object.assign(new FakeNetlink(), change) })
    t.equal(watch.source, 'poll')
    t.same(watch.addresses(), ['192.0.2.1'])
    t.equal(netlink.subscribed, undefined)
  }
})

t.test('polling tells what came and went since the last look', async t => {
  const scene = await setUp(t, { isPolling: true })
  t.equal(scene.watch.source, 'poll')
  scene.tick()
  t.same(scene.changes, [])
  scene.interfaces = { eth0: [{ address: '192.0.2.2' }] }
  scene.tick()
  t.same(await scene.change(), { gone: ['192.0.2.1'], added: ['192.0.2.2'], isLinkEvent: false })
})

t.test('tells when the host slept, whatever the source', async t => {
  for (const isPolling of [true, false]) {
    const scene = await setUp(t, { isPolling })
    scene.clocks = { uptimeMs: 61_000, monotonicMs: 1_000, cpuMs: 0 }
    scene.tick()
    scene.clocks = { uptimeMs: 62_000, monotonicMs: 2_000, cpuMs: 0 }
    scene.tick()
    t.same(scene.wakes, [60_000])
    t.same(scene.changes, [])
  }
})

t.test('calls nobody after stop, and stops twice without harm', async t => {
  const { watch, netlink, changes } = await setUp(t)
  netlink.tell(address(3))
  await watch.stop()
  await watch.stop()
  t.equal(netlink.subscribed, undefined)
  await new Promise(resolve => setTimeout(resolve, LIMITS.watchCoalesceMs + 1))
  t.same(changes, [])
})

const unwatched = loadNetlink() === undefined && 'the kernel cannot be asked through netlink here'

t.test('the real kernel answers with the addresses that polling finds', { skip: unwatched }, async t => {
  const handlers = { onChange: () => {}, onWake: () => {} }
  const watch = await watchAddresses(handlers)
  t.teardown(() => watch.stop())
  const polling = await watchAddresses(handlers, {})
  t.teardown(() => polling.stop())
  t.equal(watch.source, 'netlink')
  t.equal(polling.source, 'poll')
  t.same(new Set(watch.addresses()), new Set(polling.addresses()))
})

t.test('neither source keeps a process alive', async t => {
  const module = JSON.stringify(new URL('../../src/watch/watch.js', import.meta.url).href)
  const program = `
    import { watchAddresses } from ${module}
    const handlers = { onChange() {}, onWake() {} }
    const sources = [await watchAddresses(handlers), await watchAddresses(handlers, {})].map(watch => watch.source)
    console.log(sources.join())
  `
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', text => (output += text))
  t.same(await once(child, 'close'), [0, null])
  t.equal(output, unwatched === false ? 'netlink,poll\n' : 'poll,poll\n')
})
