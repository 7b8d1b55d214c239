/**
 * Which addresses of clients are refused, and what becomes of the rules that bring back what is for them. Needs root, `ip`, `nft`,
 * python3.
 *
 *     node build/test/netns/source-rules.js
 */
import t from 'tap'
import { CLIENTS_TABLE } from '../../src/firewall/client-addresses.ts'
import { asUser, CaptureStage, NOBODY, namespacesUnavailable, PORT, withoutPrograms } from '../support/capture-stage.ts'
import { CliHost } from '../support/cli-host.ts'
import { connect, forward, hosts, PRESERVE, ROUTES } from '../support/source-stage.ts'

const FOREIGN = `
table inet theirs {
	chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		tcp dport 9 meta mark set 0x00000001
	}
}
`
const skip = namespacesUnavailable()

t.test('an address that may not or cannot be kept is refused, and nobody is dialed', { skip }, async t => {
  const all = await hosts(t, 'r')
  const { stage, listener } = all
  await forward(stage, `10.80.1.2:${PORT}`, `[fd80:1::2]:${PORT}`)
  const from = (address: string) => `PROXY TCP${address.includes(':') ? 6 : 4} ${address} ${address} 4000 80\r\n`
  for (const [port, address, why] of [
    [8001, '192.0.2.9', 'no `clients` of the rule hold the client’s address 192.0.2.9'],
    [8001, '10.80.1.1', 'the client’s address 10.80.1.1 is one of this host'],
    [8001, '10.80.1.255', 'the client’s address 10.80.1.255 is one of this host'],
    [8001, '10.80.1.2', 'the client’s address 10.80.1.2 is that of the destination'],
    [8001, '127.0.0.1', 'the client’s address 127.0.0.1 means something else on this host'],
    [8001, 'fd79:1::2', 'the client’s address fd79:1::2 is IPv6, and the destination 10.80.1.2 is not'],
    [8002, '10.79.1.2', 'the client’s address 10.79.1.2 is IPv4, and the destination fd80:1::2 is not'],
  ] as const) {
    const { running } = await connect(all, '10.79.1.1', port, from(address))
    t.equal(await running.line(), 'reset')
    const advice = 'add the client to `clients` of the rule on the far side, or leave `source: preserve` out there'
    await stage.farSidecar.untilSaid(`a session was reset: ${why}; ${advice}`)
  }
  await connect(all, '10.79.1.1', 7001)
  t.match(await listener.line(), /^10\.79\.1\.2 /, 'the first that the server hears of')
})

t.test('the rules go with the sidecar, or with the start after it was killed, and others stay', { skip }, async t => {
  const all = await hosts(t, 'd')
  const { stage, listener } = all
  const { far } = stage
  await stage.up(ROUTES, { mode: 'tproxy' })
  await stage.farSidecar.stop()
  await far.nft(FOREIGN)
  const before = await stage.rules(far)
  const first = await stage.upFar()
  const applied = await stage.rules(far)
  t.match(applied, `table ${CLIENTS_TABLE} {`)
  t.ok(applied.includes(await far.run(['nft', '--stateless', 'list', 'table', 'inet', 'theirs'])))
  t.match(await stage.holdfastAt(far, 'firewall', 'show'), /lookup 7243/)
  const other = await CliHost.create(t)
  stage.configureFar({ allow: PRESERVE, listen: ['tcp://[::]:7701'] }, other)
  await t.rejects(stage.startFar([], other).line(), { message: /another sidecar does so here already; stop it, or/ })
  t.equal(await stage.rules(far), applied, 'a second one takes nothing away')
  await first.stop('SIGKILL')
  t.equal(await stage.rules(far), applied, 'they are still there')
  stage.configureFar({ allow: PRESERVE.map(rule => ({ ...rule, clients: ['10.79.1.0/24'] })) })
  const second = await stage.upFar()
  t.match(await stage.rules(far), 'elements = { 10.79.1.0/24 }')
  t.notMatch(await far.run(['ip', '-6', 'rule']), '7243')
  t.notMatch(await far.run(['ip', 'route', 'show', 'table', '7243']), '10.79.0.0/16')
  await connect(all, '10.80.1.2')
  t.match(await listener.line(), /^10\.79\.1\.2 /)
  // The second signal ends it at once.
  second.child.kill('SIGINT')
  await second.stop('SIGTERM')
  t.equal(await stage.rules(far), before)
  await stage.upFar()
  const again = await stage.rules(far)
  await stage.holdfastAt(far, 'firewall', 'remove')
  t.equal(await stage.rules(far), before, 'also by hand')
  await stage.holdfastAt(far, 'firewall', 'apply', '--config', stage.farHost.configFile)
  t.equal(await stage.rules(far), again, 'which brings them back, too')
  await connect(all, '10.80.1.2')
  t.match(await listener.line(), /^10\.79\.1\.2 /)
})

t.test('a host that cannot keep addresses says so in one sentence, and CAP_NET_ADMIN is enough', { skip }, async t => {
  const stage = await CaptureStage.create(t, 's')
  const before = await stage.rules(stage.far)
  const host = await CliHost.create(t)
  stage.configureFar({ allow: PRESERVE, listen: ['tcp://[::]:7701'] }, host)
  host.giveTo(NOBODY)
  const missing = 'this process may not use the addresses of others; run it as root, or grant CAP_NET_ADMIN'
  for (const [wrap, why] of [
    [asUser(NOBODY), missing],
    [withoutPrograms, 'there is no program `nft`; install nftables'],
  ] as const) {
    const sidecar = stage.startFar(wrap, host)
    await t.rejects(sidecar.line())
    t.match(sidecar.stderr, `holdfast: addresses of clients cannot be kept: ${why} (SOURCE_UNAVAILABLE)\n`)
  }
  t.equal(await stage.rules(stage.far), before)
  const service = [...asUser(NOBODY), '--inh-caps=-all,+net_admin', '--ambient-caps=+net_admin']
  const sidecar = stage.startFar(service, host)
  await sidecar.line()
  t.match(await stage.rules(stage.far), CLIENTS_TABLE)
  t.equal(await sidecar.stop(), 0)
  t.equal(await stage.rules(stage.far), before)
})
