/**
 * Who is captured, and what a capture needs: users, cgroups, sockets that systemd made, forwarded connections.
 *
 *     node build/test/netns/capture-privileges.js
 */
import t, { type Test } from 'tap'
import { asUser, CaptureStage, NOBODY, namespacesUnavailable, PORT, withoutPrograms } from '../support/capture-stage.ts'

const ROUTES = ['10.20.0.0/16', 'fd20::/16']
const CAPTURED = 'at 127.0.0.1 from 10.20.0.5'
const skip = namespacesUnavailable()

async function said(stage: CaptureStage, wrap: readonly string[], host = '10.20.0.5'): Promise<string> {
  const { running, said } = await stage.client(host, PORT, wrap)
  await running.stop()
  return said
}

t.test('only the connections of the chosen users are captured', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'u')
  await stage.far.ip('route add 10.78.1.2 dev far0 src 10.20.0.5')
  await stage.near.ip('route add 10.20.0.0/16 via 10.78.1.1')
  await stage.up(ROUTES, { users: ['nobody'] })
  t.equal(await said(stage, asUser(NOBODY)), CAPTURED)
  t.equal(await said(stage, []), 'at 10.78.1.2 from 10.78.1.2', 'root passes, as if there were no sidecar')
  t.equal(await stage.counted('passed'), 1)
})

t.test('a sidecar without privileges runs under rules that root has applied', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'p')
  const capture = { applyRules: false, except: { users: [NOBODY] } }
  stage.configure(['0.0.0.0/0', '::/0'], capture)
  stage.nearHost.giveTo(NOBODY)
  await stage.holdfast('firewall', 'apply', '--config', stage.nearHost.configFile)
  const sidecar = stage.startNear(asUser(NOBODY))
  await sidecar.line()
  t.equal(await said(stage, []), CAPTURED)
  t.ok((await stage.counted('own')) > 0, 'its user is left out: there is no loop')
  t.equal(await sidecar.stop(), 0)
  t.match(await stage.holdfast('firewall', 'show'), 'table inet holdfast', 'the rules are root’s to remove')
  await stage.holdfast('firewall', 'remove')
  t.equal(await stage.holdfast('firewall', 'show'), 'no rules of Holdfast are applied\n')
})

const NET_ADMIN = '-all,+net_admin'

t.test('CAP_NET_ADMIN is all that a capture needs', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'n')
  const before = await stage.rules()
  stage.configure(['0.0.0.0/0', '::/0'])
  const asContainer = ['setpriv', `--bounding-set=${NET_ADMIN}`, `--inh-caps=${NET_ADMIN}`]
  const asService = [...asUser(NOBODY), `--inh-caps=${NET_ADMIN}`, '--ambient-caps=+net_admin']
  for (const [wrap, id] of [
    [asContainer, 0],
    [asService, NOBODY],
  ] as const) {
    stage.nearHost.giveTo(id)
    const sidecar = stage.startNear(wrap)
    await sidecar.line()
    t.equal(await said(stage, []), CAPTURED)
    t.equal(await said(stage, asUser(NOBODY)), CAPTURED, 'the sidecar’s own user may be captured')
    t.equal(await sidecar.stop(), 0)
    t.equal(await stage.rules(), before)
  }
})

t.test('a sidecar that would capture itself does not start', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'l')
  stage.configure(['0.0.0.0/0'], { applyRules: false })
  stage.nearHost.giveTo(NOBODY)
  const sidecar = stage.startNear(asUser(NOBODY))
  await t.rejects(sidecar.line(), {
    message: /the sidecar would capture itself: .*; grant CAP_NET_ADMIN, or run it as/,
  })
})

t.test('a host without privileges or programs is told in one sentence', { skip }, async t => {
  const stage = await CaptureStage.create(t, 's')
  const before = await stage.rules()
  stage.configure(ROUTES, { except: { users: [NOBODY] } })
  stage.nearHost.giveTo(NOBODY)
  await refused(t, stage, asUser(NOBODY), 'this user may not change rules; run as root, or grant CAP_NET_ADMIN')
  await refused(t, stage, withoutPrograms, 'there is no program `nft`; install nftables')
  stage.configure(ROUTES, { users: ['no-such-user'] })
  await refused(t, stage, [], 'no user is named "no-such-user" on this host; write another, or a number')
  t.equal(await stage.rules(), before)
})

async function refused(t: Test, stage: CaptureStage, wrap: readonly string[], sentence: string): Promise<void> {
  const sidecar = stage.startNear(wrap)
  await t.rejects(sidecar.line())
  const lines = sidecar.stderr.split('\n').filter(line => line.startsWith('holdfast: '))
  t.equal(lines.length, 1, sidecar.stderr)
  t.match(sidecar.stderr, sentence)
}

t.test('cgroups are chosen and left out', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'g')
  // `ip netns exec` mounts a /sys without it.
  const name = `holdfast-test-${process.pid}`
  const mount = 'mount -t cgroup2 none /sys/fs/cgroup'
  const inside = ['sh', '-c', `${mount} && echo $$ > /sys/fs/cgroup/${name}/cgroup.procs && exec "$0" "$@"`]
  await stage.near.run(['sh', '-c', `${mount} && mkdir -p /sys/fs/cgroup/${name}`])
  t.teardown(() => stage.near.run(['sh', '-c', `${mount} && rmdir /sys/fs/cgroup/${name}`]))
  const withCgroups = ['sh', '-c', `${mount} && exec "$0" "$@"`]
  await stage.near.ip('route add default via 10.78.1.1')
  const chosen = await stage.up(ROUTES, { cgroups: [name] }, withCgroups)
  t.equal(await said(stage, inside), 'at 10.78.1.2 from 10.20.0.5', 'captured, with the source it had')
  t.equal(await said(stage, []), 'at 10.78.1.2 from 10.78.1.2')
  await chosen.stop()
  await stage.up(ROUTES, { except: { cgroups: [name] } }, withCgroups)
  t.equal(await said(stage, inside), 'at 10.78.1.2 from 10.78.1.2')
  t.equal(await said(stage, []), 'at 10.78.1.2 from 10.20.0.5')
})

/** A destination of each family, and the client that connects to it. */
const FORWARDED = [
  ['10.20.0.5', '10.79.1.2'],
  ['fd20::5', 'fd79:1::2'],
] as const

/** As systemd starts a service with sockets: it makes them with its privileges, and the service has none. */
const ACTIVATE = `
import os, socket, sys
for at, (family, host, level, option) in enumerate(
    ((socket.AF_INET, '127.0.0.1', 0, 19), (socket.AF_INET6, '::1', 41, 75))):
    one = socket.socket(family)
    one.setsockopt(level, option, 1)
    one.bind((host, 15001))
    one.listen()
    os.dup2(one.fileno(), 10 + at, inheritable=True)
    one.close()
for at in range(2):
    os.dup2(10 + at, 3 + at, inheritable=True)
    os.close(10 + at)
os.environ.update(LISTEN_FDS='2', LISTEN_PID=str(os.getpid()))
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
os.execvp(sys.argv[1], sys.argv[1:])
`

t.test('sockets that systemd has made need no privileges', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'i')
  const client = await stage.clientBehind()
  stage.configure(ROUTES, { mode: 'tproxy', applyRules: false })
  stage.nearHost.giveTo(NOBODY)
  await stage.holdfast('firewall', 'apply', '--config', stage.nearHost.configFile)
  const alone = stage.startNear(asUser(NOBODY))
  await t.rejects(alone.line(), { message: /cannot listen transparently on 127.0.0.1:15001: .*CAP_NET_ADMIN/ })
  const activated = stage.startNear(['python3', '-c', ACTIVATE])
  await activated.line()
  for (const [host, address] of FORWARDED) {
    const { running, said } = await stage.client(host, PORT, [], client)
    t.equal(said, `at ${address} from ${host}`)
    await running.stop()
  }
  t.equal(await activated.stop(), 0)
})

t.test('forwarded connections go past a peer without a sidecar with the address of this host', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'x')
  const client = await stage.clientBehind()
  stage.configureWithoutSidecar(ROUTES, { mode: 'tproxy' })
  await stage.startNear().line()
  const { said } = await stage.client('10.20.0.5', PORT, [], client)
  t.equal(said, 'at 10.79.1.2 from 10.78.1.2')
  t.equal(await stage.counted('captured'), 1)
})

t.test('forwarded connections are captured with the address of their client', { skip }, async t => {
  const stage = await CaptureStage.create(t, 't')
  const client = await stage.clientBehind()
  const before = await stage.rules()
  const sidecar = await stage.up(ROUTES, { mode: 'tproxy' })
  for (const [host, address] of FORWARDED) {
    const { running, said } = await stage.client(host, PORT, [], client)
    t.equal(said, `at ${address} from ${host}`)
    const [peer] = (await stage.nearHost.status()).peers
    t.ok(
      peer!.sessions.some(session => session.client.includes(address) && session.to.includes(host)),
      JSON.stringify(peer!.sessions),
    )
    await stage.near.ip('addr del 10.78.1.2/24 dev near0', 'addr add 10.78.1.2/24 dev near0')
    t.equal(await running.ask('after'), 'after')
    await running.stop()
    await stage.near.ip('route replace default via 10.78.1.1')
  }
  t.equal(await stage.counted('captured'), 2)
  const passing = await stage.client('10.78.1.1', PORT, [], client)
  t.equal(passing.said, 'at 10.79.1.2 from 10.79.1.2', 'untouched')
  t.equal(await stage.counted('passed'), 1)
  await sidecar.stop()
  t.equal(await stage.rules(), before)
})
