/**
 * The address watch against a real kernel: a veth pair in a network namespace of its own. Needs root, and `ip`.
 *
 *     node build/test/netns/watch-netlink.js
 *
 * The test runs `watcher` (below) inside the namespace: it prints each change with the time of day, and its CPU time
 * on request. Commands run there too, so that an event's delay is the time from the start of the command.
 */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type AddressChange, watchAddresses } from '../../src/watch/watch.ts'

const NAMESPACE = `hfw${process.pid}`
/** From the start of `ip` to the report: well below the tick of polling, on the busiest machine. */
const DELAY_MAX_MS = 1_000
const IDLE_MS = 3_000

type Report = Omit<AddressChange, 'atMs'> & { readonly at: number }

class Watcher {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string>

  constructor() {
    const { NODE_OPTIONS: _, ...env } = process.env
    const file = fileURLToPath(import.meta.url)
    this.#child = spawn('ip', ['netns', 'exec', NAMESPACE, process.execPath, file, 'watcher'], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async line<T>(): Promise<T> {
    return JSON.parse((await this.#lines.next()).value)
  }

  /** Runs `ip` in the namespace, and gathers reports until one satisfies `isLast`. */
  async after(t: Test, command: string, isLast: (report: Report) => boolean): Promise<Report[]> {
    const startedAt = Date.now()
    inNamespace(command)
    const reports: Report[] = []
    do reports.push(await this.line<Report>())
    while (!isLast(reports.at(-1)!))
    const delayMs = reports.at(-1)!.at - startedAt
    t.ok(delayMs <= DELAY_MAX_MS, `${command}: told after ${delayMs} ms`)
    return reports
  }

  async cpuMs(): Promise<number> {
    this.#child.stdin.write('cpu\n')
    // Late reports may come first.
    for (;;) {
      const line = await this.line<number | Report>()
      if (typeof line === 'number') return line
    }
  }

  /** @returns milliseconds from asking to the end of the process */
  async stop(): Promise<number> {
    const askedAt = performance.now()
    this.#child.stdin.write('stop\n')
    await once(this.#child, 'close')
    return performance.now() - askedAt
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

/** Each line of `command` is one call of `ip -batch`: all within one process. */
function inNamespace(command: string): void {
  execFileSync('ip', ['-n', NAMESPACE, '-batch', '-'], { input: command })
}

async function watcher(): Promise<void> {
  const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)
  const watch = await watchAddresses({
    onChange: ({ gone, added, isLinkEvent }) => say({ gone, added, isLinkEvent, at: Date.now() }),
    onWake: () => {},
  })
  say({ source: watch.source, addresses: watch.addresses() })
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'cpu') say(Object.values(process.cpuUsage()).reduce((a, b) => a + b) / 1_000)
    else break
  }
  await watch.stop()
  process.stdin.destroy()
}

function unavailable(): string | false {
  if (process.getuid?.() !== 0) return 'namespaces need root'
  try {
    execFileSync('ip', ['netns', 'add', NAMESPACE], { stdio: 'ignore' })
    return false
  } catch {
    return 'no network namespace can be made here'
  }
}

function test(): void {
  const skip = unavailable()
  t.teardown(() => skip === false && execFileSync('ip', ['netns', 'delete', NAMESPACE]))
  t.test('tells what happens to the addresses of a namespace at once', { skip }, async t => {
    // Else deleting a primary address deletes its secondaries, on hosts whose default is so.
    const promote = 'echo 1 > /proc/sys/net/ipv4/conf/all/promote_secondaries'
    execFileSync('ip', ['netns', 'exec', NAMESPACE, 'sh', '-c', promote])
    inNamespace('link set lo up\nlink add near type veth peer name far\nlink set far up\nlink set near up')
    inNamespace('addr add 10.77.0.2/24 dev near\naddr add 2001:db8:77::2/64 dev near nodad')
    const watcher = new Watcher()
    t.teardown(() => watcher.kill())
    t.same(await watcher.line(), { source: 'netlink', addresses: ['10.77.0.2', '2001:db8:77::2'] })
    await followAddresses(t, watcher)
    await followLinks(t, watcher)
    await t.test('does not spin at rest, and stops', async t => {
      const before = await watcher.cpuMs()
      await new Promise(resolve => setTimeout(resolve, IDLE_MS))
      const usedMs = (await watcher.cpuMs()) - before
      t.ok(usedMs < IDLE_MS * 0.1, `${usedMs} ms of CPU in ${IDLE_MS} ms`)
      const stopMs = await watcher.stop()
      t.ok(stopMs < IDLE_MS, `ended after ${Math.round(stopMs)} ms`)
    })
  })
}

const adds = (address: string) => (report: Report) => report.added.includes(address)
const loses = (address: string) => (report: Report) => report.gone.includes(address)

async function followAddresses(t: Test, watcher: Watcher): Promise<void> {
  await t.test('addresses that come and go', async t => {
    await watcher.after(t, 'addr add 10.77.0.3/24 dev near', adds('10.77.0.3'))
    await watcher.after(t, 'addr del 10.77.0.2/24 dev near', loses('10.77.0.2'))
    await watcher.after(t, 'addr add 127.0.0.2/8 dev lo', adds('127.0.0.2'))
    await watcher.after(t, 'addr del 127.0.0.2/8 dev lo', loses('127.0.0.2'))
    await watcher.after(t, 'addr del 2001:db8:77::2/64 dev near', loses('2001:db8:77::2'))
  })
  await t.test('an address that comes back the same at once', async t => {
    const reports = await watcher.after(
      t,
      'addr add 10.77.0.2/24 dev near\naddr del 10.77.0.2/24 dev near\naddr add 10.77.0.2/24 dev near',
      adds('10.77.0.2'),
    )
    t.same(reports.at(-1)?.gone, [])
    const again = 'addr del 10.77.0.2/24 dev near\naddr add 10.77.0.2/24 dev near'
    const [report] = await watcher.after(t, again, ({ isLinkEvent }) => isLinkEvent)
    t.match(report, { gone: [], added: [], isLinkEvent: true })
  })
}

async function followLinks(t: Test, watcher: Watcher): Promise<void> {
  await t.test('links that go down and up, here and at the other end', async t => {
    for (const link of ['near', 'far']) {
      const down = await watcher.after(t, `link set ${link} down`, loses('10.77.0.3'))
      t.ok(down.some(({ isLinkEvent }) => isLinkEvent))
      const up = await watcher.after(t, `link set ${link} up`, adds('10.77.0.3'))
      t.ok(up.some(({ isLinkEvent }) => isLinkEvent))
    }
  })
  await t.test('a default route', async t => {
    await watcher.after(t, 'route add default via 10.77.0.1', ({ isLinkEvent }) => isLinkEvent)
  })
  await t.test('a link that is removed, after more events than the kernel keeps', async t => {
    const flood = Array.from({ length: 3_000 }, (_, n) => `addr add 10.${n >> 8}.${n & 255}.9/32 dev near`)
    const last = '10.11.183.9'
    const reports = [...flood, 'route flush table 254', 'link del near'].join('\n')
    inNamespace(reports)
    let isGone = false
    let isAdded = false
    while (!isGone) {
      const report = await watcher.line<Report>()
      isAdded ||= adds(last)(report)
      isGone = isAdded ? loses(last)(report) : loses('10.77.0.3')(report)
    }
    t.pass('told')
  })
}

if (process.argv[2] === 'watcher') await watcher()
else test()
