/** A sidecar as other systems have it: on Linux, with everything of Linux switched off. `.ci/run` plays more tests so. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import t from 'tap'
import { runCli } from '../support/cli.ts'
import { CliHost, runningCli } from '../support/cli-host.ts'
import { startEcho } from '../support/echo-service.ts'

process.env['HOLDFAST_PLATFORM'] = 'portable'
const notLinux = process.platform !== 'linux' && 'what a process has loaded is looked up in /proc'

t.test('sessions are carried and moved without libc, and the log says how addresses are watched', async t => {
  const [office, laptop] = [await CliHost.create(t), await CliHost.create(t)]
  const echo = await startEcho(t)
  const service = `127.0.0.1:${echo.port}`
  await office.up({ listen: ['tcp://127.0.0.1:0'], peers: [{ name: 'laptop', id: laptop.peerId, allow: [service] }] })
  const config = {
    peers: [{ name: 'office', id: office.peerId, endpoints: [await office.endpoint()] }],
    forward: [{ listen: '127.0.0.1:0', peer: 'office', to: service }],
  }
  const { cli } = await laptop.up(config, '--log-level', 'debug')
  const application = connect(await laptop.forwardPort(), '127.0.0.1')
  application.write('before')
  t.equal(String((await once(application, 'data'))[0]), 'before')
  t.equal((await runCli(['migrate', '--config', laptop.configFile])).code, 0)
  await laptop.untilMigrations(2)
  application.end('after')
  t.equal(String((await once(application, 'data'))[0]), 'after')
  await once(application.resume(), 'end')
  t.match(cli.stderr, 'this system does not tell of address changes: looking every 1 s')
  t.test('nothing of koffi is loaded', { skip: notLinux }, async t => {
    t.notMatch(readFileSync(`/proc/${cli.child.pid}/maps`, 'utf8'), 'koffi')
  })
})

t.test('what only Linux has is refused in one sentence, before anything is started', async t => {
  const host = await CliHost.create(t)
  host.configure({
    peers: [{ name: 'office', id: (await CliHost.create(t)).peerId }],
    routes: [{ to: '10.20.0.0/16', peer: 'office' }],
    capture: {},
    firewall: { suspend: true },
  })
  for (const more of [[], ['--check']]) {
    const { code, stderr } = await runCli(['up', '--config', host.configFile, ...more])
    t.equal(code, 2)
    t.match(stderr, 'capture: connections can be captured on Linux only; leave it out, and use a forward or a proxy')
    t.match(stderr, 'firewall.suspend: packets of lost carriers can be dropped on Linux only; leave it out')
  }
  for (const action of ['show', 'apply', 'remove', 'show --planned']) {
    const { code, stdout, stderr } = await runCli(['firewall', ...action.split(' '), '--config', host.configFile])
    t.equal(code, 2)
    t.equal(stdout, '')
    t.equal(
      stderr,
      'holdfast: Holdfast has rules in the firewall of Linux only: there are none here to see to (USAGE)\n',
    )
  }
  const connect = await runCli(['connect', '--capture', 'hft1'])
  t.equal(connect.code, 2)
  t.match(connect.stderr, 'holdfast: --capture works on Linux only: leave it out, and use the local ports or --socks')
  const demo = await runCli(['demo', '--mode', 'namespace'])
  t.equal(demo.code, 1)
  t.match(demo.stderr, 'try --mode loopback')
})

t.test('a switch that is none is told', async t => {
  const host = await CliHost.create(t)
  host.configure({})
  const cli = runningCli(t, ['up', '--config', host.configFile], { env: { HOLDFAST_PLATFORM: 'windows' } })
  await cli.said(/HOLDFAST_PLATFORM is "windows": write portable, or leave it out \(USAGE\)/)
  await once(cli.child, 'close')
  t.equal(cli.child.exitCode, 2)
})
