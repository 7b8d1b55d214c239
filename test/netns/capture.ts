/**
 * Transparent capture against a real kernel: nftables, routing, conntrack. Needs root, `ip` and `nft`.
 *
 *     node build/test/netns/capture.js
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { watch } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { CaptureStage, DESTINATIONS, namespacesUnavailable, PORT } from '../support/capture-stage.ts'
import { CliHost } from '../support/cli-host.ts'
import { metric } from '../support/curl.ts'

const FOREIGN = `
table ip theirs {
	counter seen {
		packets 0 bytes 0
	}
	chain output {
		type nat hook output priority -100; policy accept;
		ip daddr 192.0.2.1 tcp dport 9 redirect to :9
	}
}
`
const ROUTES = ['10.20.0.0/16', 'fd20::/16']
const skip = namespacesUnavailable()

/** Captured, an application is at a loopback address; its destination sees the far sidecar. */
async function talks(t: Test, stage: CaptureStage, host: string, wrap: readonly string[] = []): Promise<void> {
  const { running, said } = await stage.client(host, PORT, wrap)
  const [loopback] = host.includes(':') ? ['::1'] : ['127.0.0.1']
  t.equal(said, `at ${loopback} from ${host}`)
  t.equal(await running.ask('hello'), 'hello')
  await running.stop()
}

t.test('captures what the routes name, in IPv4 and IPv6, and nothing else', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'a')
  await stage.near.nft(FOREIGN)
  const before = await stage.rules()
  const sidecar = await stage.up(ROUTES)
  for (const host of DESTINATIONS) await talks(t, stage, host)
  t.equal(await stage.counted('captured'), 2)
  const passing = await stage.client('10.78.1.1')
  t.equal(passing.said, 'at 10.78.1.2 from 10.78.1.2', 'untouched')
  t.equal(await stage.counted('passed'), 1)
  t.match(await stage.holdfast('firewall', 'show'), /counter captured \{\s+packets 2 /)
  for (const [labels, count] of [
    ['captured_connections_total{mode="redirect",family="ipv4"}', 1],
    ['captured_connections_total{mode="redirect",family="ipv6"}', 1],
    ['firewall_connections_total{verdict="captured"}', 2],
    ['firewall_connections_total{verdict="passed"}', 1],
  ] as const) {
    t.equal(await metric(stage.nearHost, `holdfast_${labels}`), count, labels)
  }
  t.equal((await stage.client('127.0.0.1', 15_001)).said, 'ECONNRESET', 'nobody was led to the listener')
  const withUs = await stage.rules()
  t.ok(withUs.includes(await stage.near.run(['nft', '--stateless', 'list', 'table', 'ip', 'theirs'])))
  t.equal(await sidecar.stop(), 0)
  t.equal(await stage.rules(), before, 'nothing of ours is left, and all of theirs')
})

t.test(
  'a captured connection lives on when its interface is renumbered, and while there is none',
  { skip },
  async t => {
    const stage = await CaptureStage.create(t, 'b')
    await stage.up(ROUTES)
    for (const host of DESTINATIONS) {
      const { running, said } = await stage.client(host)
      t.match(said, `from ${host}`)
      t.equal(await running.ask('before'), 'before')
      await stage.near.ip('addr del 10.78.1.2/24 dev near0', 'addr del fd78:1::2/64 dev near0', 'link set near0 down')
      running.child.stdin.write('while there is no network\n')
      await stage.near.ip(
        'link set near0 up',
        'addr add 10.78.1.7/24 dev near0',
        'addr add fd78:1::7/64 dev near0 nodad',
      )
      t.equal(await running.line(), 'while there is no network')
      t.equal(await running.ask('after'), 'after')
      const [peer] = (await stage.nearHost.status()).peers
      t.ok(
        peer!.paths.every(({ local }) => !local.includes('::2') && !local.includes('.1.2:')),
        'it has moved',
      )
      await stage.near.ip('addr del 10.78.1.7/24 dev near0', 'addr add 10.78.1.2/24 dev near0')
      await stage.near.ip('addr del fd78:1::7/64 dev near0', 'addr add fd78:1::2/64 dev near0 nodad')
      await running.stop()
    }
  },
)

t.test('the sidecar does not capture itself when everything is captured', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'c')
  // A strict reverse path filter asks the routing, and ours must not be the answer.
  await stage.near.run(['sh', '-c', 'echo 1 | tee /proc/sys/net/ipv4/conf/*/rp_filter'])
  await stage.up(['0.0.0.0/0', '::/0'])
  for (const host of DESTINATIONS) await talks(t, stage, host)
  t.ok((await stage.counted('own')) > 0, 'its dial met the rules')
  t.equal(await stage.counted('captured'), 2, 'and only the applications were captured')
  for (const own of ['127.0.0.1', '::1', '10.78.1.2', 'fd78:1::2']) {
    t.equal((await stage.client(own)).said, 'ECONNREFUSED', `${own} is this host`)
  }
  await stage.start(stage.near, stage.server).line()
  t.equal((await stage.client('10.78.1.2', PORT, [], stage.far)).said, 'at 10.78.1.1 from 10.78.1.1', 'and is reached')
  t.equal(await stage.counted('captured'), 2)
})

t.test('what goes past a peer without a sidecar is not captured again', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'x')
  await stage.near.ip('route add 10.20.0.0/16 via 10.78.1.1', 'route add fd20::/16 via fd78:1::1')
  stage.configureWithoutSidecar(ROUTES)
  await stage.startNear().line()
  for (const [host, said] of [
    [DESTINATIONS[0], 'at 127.0.0.1 from 10.78.1.2'],
    [DESTINATIONS[1], 'at ::1 from fd78:1::2'],
  ] as const) {
    const client = await stage.client(host)
    t.equal(client.said, said)
    t.equal(await client.running.ask('hello'), 'hello')
  }
  t.equal(await stage.counted('captured'), 2)
})

t.test('a host without IPv6 captures IPv4', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'v')
  await stage.near.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6'])
  await stage.up(['0.0.0.0/0', '::/0'])
  await talks(t, stage, '10.20.0.5')
})

t.test('connect --capture makes the services of a ticket answer at their own addresses', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'k')
  const before = await stage.rules()
  const services = [`10.20.0.5:${PORT}`, `[fd20::5]:${PORT}`, `localhost:${PORT}`]
  const server = stage.startHoldfast(stage.far, 'serve', ...services, '--listen', 'tcp://10.78.1.1:0')
  const connection = stage.startHoldfast(stage.near, 'connect', await server.line(), '127.0.0.1:0', '--capture')
  for (const _ of services) t.match(await connection.line(), / -> /)
  for (const service of services.slice(0, 2)) t.equal(await connection.line(), `${service} -> captured`)
  t.equal(await connection.line(), 'ready')
  for (const host of DESTINATIONS) await talks(t, stage, host)
  t.equal(await connection.stop(), 0)
  t.equal(await stage.rules(), before)
})

const DOWNLOAD_BYTES = 16 * 1024 * 1024

t.test('curl gets what a web server sends, while its host is renumbered', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'w')
  const bytes = randomBytes(DOWNLOAD_BYTES)
  writeFileSync(join(stage.farHost.directory, 'file'), bytes)
  const web = ['python3', '-u', '-m', 'http.server', '8080', '--bind', '::', '--directory', stage.farHost.directory]
  await stage.start(stage.far, web).line()
  await stage.up(ROUTES)
  for (const [at, host] of ['10.20.0.5', '[fd20::5]'].entries()) {
    const file = join(stage.nearHost.directory, 'file')
    const curl = stage.near.run(['curl', '-sS', '--limit-rate', '8M', '-o', file, `http://${host}:8080/file`])
    await sizeOf(file)
    const [before, after] = [`10.78.1.${2 + at}`, `10.78.1.${3 + at}`]
    await stage.near.ip(`addr del ${before}/24 dev near0`, 'addr flush dev near0 scope global')
    await stage.near.ip(`addr add ${after}/24 dev near0`)
    t.ok(statSync(file).size < DOWNLOAD_BYTES, 'it was under way')
    await curl
    t.ok(readFileSync(file).equals(bytes))
    rmSync(file)
  }
})

/** Settles when a file has bytes. */
async function sizeOf(file: string): Promise<void> {
  for await (const _ of watch(dirname(file))) {
    if (existsSync(file) && statSync(file).size > 0) return
  }
}

t.test('rules that a killed sidecar left are replaced at the next start', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'd')
  const before = await stage.rules()
  const first = await stage.up(ROUTES)
  const applied = await stage.rules()
  await first.stop('SIGKILL')
  t.equal(await stage.rules(), applied, 'they are still there')
  t.match(await stage.holdfast('firewall', 'show'), 'redirect to :15001')
  t.equal((await stage.client('10.20.0.5')).said, 'ECONNREFUSED')
  // As an earlier version left them: a rule for each network, and one route for all.
  await stage.near.ip(
    'rule add priority 7242 fwmark 0/0x10000000 iif lo to 10.20.0.0/16 ipproto tcp lookup 7242 protocol 72',
    'route replace default dev lo src 127.0.0.1 table 7242 protocol 72',
  )
  const second = await stage.up(ROUTES)
  t.equal(await stage.rules(), applied, 'once, and not twice')
  await talks(t, stage, '10.20.0.5')
  const other = { port: 15_002 }
  stage.configure(ROUTES, other)
  await second.stop('SIGKILL')
  const third = await stage.up(ROUTES, other)
  t.match(await stage.rules(), 'redirect to :15002', 'also those of another port')
  // The second signal ends it at once.
  third.child.kill('SIGINT')
  await third.stop('SIGTERM')
  t.equal(await stage.rules(), before)
})

t.test('a second sidecar does not take the rules of the first away', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'e')
  await stage.up(ROUTES)
  const applied = await stage.rules()
  const second = await CliHost.create(t)
  stage.configure(ROUTES, { port: 15_002 }, second)
  const running = stage.startNear([], second)
  await t.rejects(running.line(), { message: /another sidecar captures here already, on port 15001; stop it, or/ })
  t.equal(await stage.rules(), applied)
  await talks(t, stage, '10.20.0.5')
})
