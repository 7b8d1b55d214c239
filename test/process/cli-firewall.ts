import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { runCli } from '../support/cli.ts'
import { CliHost } from '../support/cli-host.ts'
import { standIn, withoutShell } from '../support/stand-in.ts'

const notLinux = process.platform !== 'linux' && 'there is no transparent capture here'

async function hostWith(t: Parameters<typeof CliHost.create>[0], capture: object, networks = 1): Promise<CliHost> {
  const [host, office] = [await CliHost.create(t), await CliHost.create(t)]
  const routes = Array.from({ length: networks }, (_, n) => ({
    to: `10.${20 + (n >> 8)}.${n & 255}.0/24`,
    ports: [5432],
    peer: 'office',
  }))
  host.configure({ peers: [{ name: 'office', id: office.peerId }], routes, ...capture })
  return host
}

t.test('what would be applied can be read before, by anybody', { skip: notLinux }, async t => {
  const host = await hostWith(t, { capture: { users: [1000] } })
  const { code, stdout, stderr } = await runCli(['firewall', 'show', '--planned', '--config', host.configFile])
  t.equal(code, 0, stderr)
  t.match(stdout, 'add table inet holdfast\ndelete table inet holdfast\ntable inet holdfast {')
  t.match(stdout, 'ip daddr @ip4_5432_5432 tcp dport 5432 counter name captured redirect to :15001')
  t.match(stdout, '# ip -4 route replace 10.20.0.0/24 dev lo src 127.0.0.1 table 7242 protocol 72\n')
})

t.test('so many rules as the limit are planned, more are refused', { skip: notLinux }, async t => {
  const planned = async (users: number, networks: number) => {
    const host = await hostWith(t, { capture: { users: Array.from({ length: users }, (_, n) => n) } }, networks)
    return runCli(['firewall', 'show', '--planned', '--config', host.configFile])
  }
  // Two rules for each user, and a route for each network.
  const most = await planned(64, LIMITS.captureRulesMax - 2 * 64)
  t.equal(most.stdout.match(/^# ip -4 /gm)?.length, LIMITS.captureRulesMax)
  const { code, stderr } = await planned(64, LIMITS.captureRulesMax - 2 * 64 + 1)
  t.equal(code, 1)
  t.match(stderr, 'the routes and users need 1025 rules and routes, and 1024 are the most; join networks or ranges')
})

t.test('the table of suspensions can be read before, too', async t => {
  const host = await hostWith(t, { firewall: { suspend: true } })
  const { code, stdout, stderr } = await runCli(['firewall', 'show', '--planned', '--config', host.configFile])
  t.equal(code, 0, stderr)
  t.match(
    stdout,
    /^add table inet holdfast_suspension\ndelete table inet holdfast_suspension\ntable inet .*counter name dropped_out drop/s,
  )
})

t.test('the rules for addresses of clients can be read before, too', { skip: notLinux }, async t => {
  const [host, office] = [await CliHost.create(t), await CliHost.create(t)]
  const rule = { to: '10.30.0.0/16:*', source: 'preserve' as const, clients: ['10.79.0.0/16'] }
  host.configure({ peers: [{ name: 'office', id: office.peerId, allow: [rule] }], firewall: { suspend: true } })
  const { code, stdout, stderr } = await runCli(['firewall', 'show', '--planned', '--config', host.configFile])
  t.equal(code, 0, stderr)
  t.match(
    stdout,
    /^add table inet holdfast_clients\ndelete table inet holdfast_clients\ntable inet holdfast_clients \{/,
  )
  t.match(stdout, '# ip -4 route replace local 10.79.0.0/16 dev lo table 7243 protocol 72\n')
  t.match(stdout, 'table inet holdfast_suspension {')
})

t.test('what is planned is applied, whatever of it is configured', { skip: notLinux || withoutShell }, async t => {
  const [host, office] = [await CliHost.create(t), await CliHost.create(t)]
  const rule = { to: '10.30.0.0/16:*', source: 'preserve' as const, clients: ['10.79.0.0/16'] }
  const peers = [{ name: 'office', id: office.peerId, allow: [rule] }]
  const routes = [{ to: '10.20.0.0/16', peer: 'office' }]
  // What only looks is not told.
  const nft = standIn(
    t,
    'nft',
    `input=$(sed -n 's/^table //p'); if [ "$*" = '-f -' ]; then echo "$input" >> applied; fi`,
  )
  standIn(t, 'ip', `input=$(cat); if [ "$2" = -batch ]; then echo "$input" >> ${nft}/applied; fi`)
  const apply = async (more: object) => {
    host.configure({ peers, ...more })
    const { code, stdout, stderr } = await runCli(['firewall', 'apply', '--config', host.configFile])
    const file = join(nft, 'applied')
    const applied = existsSync(file) ? readFileSync(file, 'utf8') : ''
    rmSync(file, { force: true })
    return { code, said: stdout + stderr, applied: applied.replace(/^r.* (?:table|lookup) (\d+) .*$/gm, '$1') }
  }
  const clients = '7243\n7243\n7243\ninet holdfast_clients {\n'
  t.same(await apply({}), { code: 0, said: '', applied: clients })
  const capture = '7242\n7242\n7242\ninet holdfast {\n'
  t.same(await apply({ routes, capture: {}, firewall: { suspend: true } }), {
    code: 0,
    said: '',
    applied: clients + capture,
  })
  const faulty = await apply({ routes, capture: { users: ['nobody-here'] } })
  t.match(faulty, { code: 1, said: /no user is named "nobody-here"/, applied: '' }, 'a fault of either changes nothing')
})

t.test('a configuration without capture has no rules', async t => {
  const host = await hostWith(t, {})
  const { code, stderr } = await runCli(['firewall', 'apply', '--config', host.configFile])
  t.equal(code, 1)
  t.equal(stderr, 'holdfast: the configuration has no `capture`; write it first (CAPTURE_UNAVAILABLE)\n')
})

t.test('a configuration that is not there is told, also where it is not needed', { skip: notLinux }, async t => {
  for (const action of ['show', 'show --planned', 'apply', 'remove']) {
    const { code, stdout, stderr } = await runCli(['firewall', ...action.split(' '), '--config', '/absent/x.yaml'])
    t.same([code, stdout], [2, ''], action)
    const todo = 'run `holdfast init`, or name a file with --config'
    t.equal(stderr, `holdfast: there is no configuration at /absent/x.yaml: ${todo} (CONFIG_MISSING)\n`)
  }
})

t.test('an action that is none is told', async t => {
  const { code, stderr } = await runCli(['firewall', 'flush'])
  t.not(code, 0)
  t.match(stderr, 'Allowed choices are show, apply, remove')
})
