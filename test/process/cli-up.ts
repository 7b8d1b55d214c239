import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { runCli, temporaryDirectory } from '../support/cli.ts'
import { CliHost, runningCli } from '../support/cli-host.ts'
import { echoes, startEcho } from '../support/echo-service.ts'

/** A laptop with a forward to an echo service at the office, both running. */
async function pair(t: Test) {
  const [office, laptop] = [await CliHost.create(t), await CliHost.create(t)]
  const echo = await startEcho(t)
  const service = `127.0.0.1:${echo.port}`
  const far = await office.up({
    listen: ['tcp://127.0.0.1:0'],
    peers: [{ name: 'laptop', id: laptop.peerId, allow: [service] }],
  })
  const near = await laptop.up({
    peers: [{ name: 'office', id: office.peerId, endpoints: [await office.endpoint()] }],
    forward: [{ listen: '127.0.0.1:0', peer: 'office', to: service }],
  })
  return { office, laptop, far, near, port: await laptop.forwardPort() }
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  t.test(`up says one line when it is ready, and ends cleanly at ${signal}, also with a connection open`, async t => {
    const { office, laptop, far, near, port } = await pair(t)
    t.equal(
      far.ready,
      `ready: ${office.peerId} listening on ${await office.endpoint()}, 0 forwards, admin socket ${office.socket}`,
    )
    t.equal(
      near.ready,
      `ready: ${laptop.peerId} not listening (this host only dials), 1 forward, admin socket ${laptop.socket}`,
    )
    t.equal(statSync(laptop.socket).mode & 0o777, 0o600)
    const application = connect(port, '127.0.0.1').on('error', () => {})
    application.write('hello')
    await once(application, 'data')
    for (const [host, { cli }] of [
      [laptop, near],
      [office, far],
    ] as const) {
      const begin = performance.now()
      t.equal(await cli.stop(signal), 0)
      t.ok(performance.now() - begin < LIMITS.shutdownMs, 'within the deadline')
      t.match(cli.stderr, new RegExp(`stopping on ${signal}`))
      t.notOk(existsSync(host.socket), 'the socket is gone')
      await t.rejects(cli.line(), 'nothing more on stdout')
    }
    t.ok(application.destroyed || (await once(application, 'close')))
  })
}

t.test('a second sidecar with the same identity is told so, on both sides and in its status', async t => {
  const { office, laptop, far } = await pair(t)
  const copy = await CliHost.create(t)
  copyFileSync(join(laptop.directory, 'identity.pem'), join(copy.directory, 'identity.pem'))
  const second = await copy.up({
    peers: [{ name: 'office', id: office.peerId, endpoints: [await office.endpoint()] }],
  })
  await second.cli.said(/DUPLICATE_IDENTITY/)
  await far.cli.said(/DUPLICATE_IDENTITY/)
  t.equal((await copy.status()).peers[0]?.lastFailure?.code, 'DUPLICATE_IDENTITY')
})

t.test('neither the log nor the status has the query of an endpoint, which may be a token', async t => {
  const host = await CliHost.create(t)
  const peers = [{ name: 'office', id: `hf1${'b'.repeat(51)}q`, endpoints: ['ws://127.0.0.1:1/a?token=SECRET'] }]
  const { cli } = await host.up({ peers }, '--log-level', 'debug')
  await cli.said(/warn .*ws:\/\/127\.0\.0\.1:1\/a\?… refused the connection/)
  t.match((await host.status()).peers[0]?.lastFailure, { endpoint: 'ws://127.0.0.1:1/a?…', code: 'REFUSED' })
  t.notMatch(cli.stderr + JSON.stringify(await host.status()), 'SECRET')
})

t.test('with --log-format json the ready line is JSON, too', async t => {
  const host = await CliHost.create(t)
  const { ready } = await host.up({ listen: ['tcp://127.0.0.1:0'] }, '--log-format', 'json')
  t.match(JSON.parse(ready), {
    time: /Z$/,
    level: 'info',
    message: 'ready',
    peerId: host.peerId,
    listening: [await host.endpoint()],
    forwards: [],
    socket: host.socket,
  })
})

t.test('status shows peers, paths and sessions, as text and as JSON; migrate moves while bytes flow', async t => {
  const { laptop, office, port } = await pair(t)
  const ask = (...args: string[]) => runCli([...args, '--config', laptop.configFile])
  t.ok(await echoes(port, Buffer.alloc(2_000_000, 'holdfast')))
  const application = connect(port, '127.0.0.1')
  t.teardown(() => application.destroy())
  application.write('one')
  await once(application, 'data')

  const moved = 'office: a move was begun; see `holdfast status`\n'
  t.same(await ask('migrate'), { code: 0, stdout: moved, stderr: '' })
  await laptop.untilMigrations(2)
  t.same(await ask('migrate', '--peer', 'office'), { code: 0, stdout: moved, stderr: '' })
  await laptop.untilMigrations(3)
  application.write('two')
  t.equal(String((await once(application, 'data'))[0]), 'two', 'the same connection goes on')

  const { code, stdout, stderr } = await ask('status')
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(stdout, `identity   ${laptop.peerId}\n`)
  t.match(stdout, new RegExp(`forward +127\\.0\\.0\\.1:${port} -> office 127\\.0\\.0\\.1:\\d+\n`))
  t.match(stdout, new RegExp(`^office +stable +epoch 3 +${office.peerId}$`, 'm'))
  t.match(stdout, /^ +active +127\.0\.0\.1:\d+ +127\.0\.0\.1:\d+ +tcp +us +[\d.]+ ms$/m)
  t.match(stdout, /^ {2}sessions \(1\)$/m)
  t.match(stdout, /^ +[0-9a-f]{8} +near +open +127\.0\.0\.1:\d+ +127\.0\.0\.1:\d+ +6 B +6 B +0 B$/m)
  t.match(
    stdout,
    /^ +when +epoch +by +reason +detected +suspended +announced +acknowledged +resumed +replayed +blackout/m,
  )
  t.match(stdout, /^ +[-\d]+ [:\d]+ +3 +local +command +\+0 ms +- +\+\d+ ms +\+\d+ ms +\+\d+ ms +\d+ B +\d+ ms +tcp /m)

  t.match(stdout, /^ +[-\d]+ [:\d]+ +1 +local +first +.* 0 B +- +tcp /m, 'the first carrier ends no blackout')

  const report = JSON.parse((await ask('status', '--json')).stdout)
  t.match(report, { peerId: laptop.peerId, peers: [{ name: 'office', epoch: 3, migrations: { length: 3 } }] })
  t.same(report.peers, (await laptop.status()).peers)

  const unknown = await ask('migrate', '--peer', 'ofice')
  t.same(unknown, {
    code: 2,
    stdout: '',
    stderr: 'holdfast: no peer is named ofice; see `holdfast status` (PEER_UNKNOWN_HERE)\n',
  })
})

t.test('migrate fails where there is nothing to move', async t => {
  const laptop = await CliHost.create(t)
  await laptop.up({ peers: [{ name: 'office', id: `hf1${'b'.repeat(51)}q` }] })
  const { code, stdout, stderr } = await runCli(['migrate', '--config', laptop.configFile])
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /^holdfast: office: there is no path to move from, .* \(UNREACHABLE\)\n$/)
  const alone = await CliHost.create(t)
  await alone.up({})
  const todo = 'this sidecar has no peers; add them to its configuration and start it again (PEER_UNKNOWN_HERE)'
  t.match(await runCli(['migrate', '--config', alone.configFile]), {
    code: 2,
    stdout: '',
    stderr: `holdfast: ${todo}\n`,
  })
})

t.test('the sidecar is found by file, by working directory, by user and by socket', async t => {
  const home = temporaryDirectory(t)
  const host = await CliHost.create(t)
  await host.up({})
  const elsewhere = temporaryDirectory(t)
  const env = { HOME: home, XDG_CONFIG_HOME: '' }
  const ways: [string, string[], { cwd: string; env?: Record<string, string> }][] = [
    ['--config, from elsewhere', ['--config', host.configFile], { cwd: elsewhere, env }],
    [
      '--config, relative',
      ['--config', join(basename(host.directory), 'holdfast.yaml')],
      { cwd: join(host.directory, '..'), env },
    ],
    ['./holdfast.yaml', [], { cwd: host.directory, env }],
    ['the user’s directory', [], { cwd: elsewhere, env: { HOME: home, XDG_CONFIG_HOME: configHome(t, host) } }],
    ['--socket', ['--socket', 'holdfast.sock'], { cwd: host.directory, env }],
  ]
  for (const [way, args, options] of ways) {
    const { code, stdout, stderr } = await runCli(['status', '--json', ...args], options)
    t.same({ code, stderr }, { code: 0, stderr: '' }, way)
    t.match(JSON.parse(stdout || '{}'), { peerId: host.peerId }, way)
  }
  const { code, stderr } = await runCli(['status'], { cwd: elsewhere, env })
  t.equal(code, 2)
  t.equal(
    stderr,
    `holdfast: there is no configuration at ${elsewhere}/holdfast.yaml or ${home}/.config/holdfast/holdfast.yaml: run \`holdfast init\`, or name a file with --config (CONFIG_MISSING)\n`,
  )
})

t.test('paths of a configuration are relative to its file, wherever it is run from', async t => {
  const host = await CliHost.create(t)
  host.configure({ identity: './identity.pem', admin: { socket: 'run/hf.sock' } })
  mkdirSync(join(host.directory, 'run'))
  const cwd = join(host.directory, '..')
  const cli = runningCli(t, ['up', '--config', join(basename(host.directory), 'holdfast.yaml')], { cwd })
  t.match(await cli.line(), `ready: ${host.peerId} `)
  t.ok(existsSync(join(host.directory, 'run', 'hf.sock')))
  t.equal(await cli.stop(), 0)
})

t.test('a second sidecar of one configuration is refused; one that was killed leaves nothing in the way', async t => {
  const host = await CliHost.create(t)
  const { cli } = await host.up({})
  const second = await runCli(['up', '--config', host.configFile])
  t.same(second, {
    code: 1,
    stdout: '',
    stderr: `holdfast: a sidecar already answers on ${host.socket}: stop it first, or set another admin.socket (SIDECAR_RUNNING)\n`,
  })
  t.match(await host.status(), { pid: cli.child.pid }, 'the first still answers')
  await cli.stop('SIGKILL')
  t.ok(existsSync(host.socket), 'left behind')
  const { cli: third } = await host.up({})
  t.match(await host.status(), { pid: third.child.pid })
  t.equal(await third.stop(), 0)
})

t.test('a sidecar outlives the readers of its output and of its log; sessions go on', async t => {
  const { office, laptop, far, near, port } = await pair(t)
  const application = connect(port, '127.0.0.1')
  t.teardown(() => application.destroy())
  application.write('before')
  await once(application, 'data')
  for (const { cli } of [far, near]) cli.closeOutput()
  // A stranger's garbage is a line in the log.
  const stranger = connect(Number((await office.endpoint()).split(':').at(-1)), '127.0.0.1').on('error', () => {})
  stranger.resume().end('GET / HTTP/1.0\r\n\r\n')
  await once(stranger, 'close')
  application.write('after')
  t.equal(String((await once(application, 'data'))[0]), 'after')
  t.match([await office.status(), await laptop.status()], [{ pid: far.cli.child.pid }, { pid: near.cli.child.pid }])
  application.destroy()
  // Their last words cannot be written, either.
  t.same([await near.cli.stop(), await far.cli.stop()], [0, 0])
})

t.test('a command ends quietly when nobody reads what it prints', async t => {
  const host = await CliHost.create(t)
  await host.up({})
  const watch = runningCli(t, ['status', '--watch', '--config', host.configFile])
  await watch.line()
  watch.closeOutput()
  await once(watch.child, 'exit')
  t.equal(watch.child.exitCode, 0)
})

t.test('a port that is taken is told with its code in the words, and nothing stays behind', async t => {
  const host = await CliHost.create(t)
  const { port } = await startEcho(t)
  host.configure({ listen: [`tcp://127.0.0.1:${port}`] })
  const { code, stdout, stderr } = await runCli(['up', '--config', host.configFile])
  t.equal(code, 1)
  t.equal(stdout, '')
  t.equal(
    stderr,
    `holdfast: cannot listen on tcp://127.0.0.1:${port}: the port is taken; stop the other program or choose another port (ADDRESS_IN_USE)\n`,
  )
  t.notOk(existsSync(host.socket))
})

/** A user's configuration directory with the configuration of `host`, by absolute paths. */
function configHome(t: Test, host: CliHost): string {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'holdfast'))
  const config = { identity: join(host.directory, 'identity.pem'), admin: { socket: host.socket } }
  writeFileSync(join(directory, 'holdfast', 'holdfast.yaml'), JSON.stringify(config))
  return directory
}
