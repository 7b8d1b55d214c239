import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { CliHost, runningCli } from '../support/cli-host.ts'

/** Modules are loaded many at a time. */
const ENOUGH_TO_START = 250

t.test('a moment without file descriptors is the end neither of ws dialing nor of metrics', async t => {
  const fixture = join(import.meta.dirname, '../support/descriptors-fixture.js')
  const { NODE_OPTIONS: _, ...env } = process.env
  const { stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -n 60; exec "$0" "$1"', process.execPath, fixture], {
    encoding: 'utf8',
    timeout: 20_000,
    env,
  })
  // What answers is no WebSocket: so far it comes when `ws` is loaded.
  // When it cannot be loaded, the code depends on what this version of Node could not read.
  t.match(stdout, /^none left (OVERLOADED|UNREACHABLE) 500\nenough FRAME_MALFORMED 200\n$/)
  t.equal(stderr, '')
})

t.test('a sidecar says when no file descriptors are left, and when there are again', async t => {
  const host = await CliHost.create(t)
  // Nobody is there: what connects is held.
  const peer = { name: 'office', id: (await CliHost.create(t)).peerId, endpoints: ['tcp://127.0.0.1:1'] }
  host.configure({ peers: [peer], forward: [{ listen: '127.0.0.1:0', peer: 'office', to: '127.0.0.1:80' }] })
  const cli = runningCli(t, ['up', '--config', host.configFile], { descriptors: ENOUGH_TO_START })
  await cli.line()
  const port = await host.forwardPort()
  if (process.platform === 'linux')
    t.match(await host.metrics(), new RegExp(`^process_max_fds ${ENOUGH_TO_START}$`, 'm'))
  const programs = Array.from({ length: ENOUGH_TO_START }, () => connect(port, '127.0.0.1').on('error', () => {}))
  await cli.said(/error no file descriptors are left: .+ \(LimitNOFILE, ulimit -n\).* code=OVERLOADED\n/)
  t.notMatch(cli.stderr, /descriptors again/)
  for (const program of programs) program.resetAndDestroy()
  await cli.said(/info {2}there are file descriptors again\n/)
  const [, count] = /^process_open_fds (\d+)$/m.exec(await host.metrics()) ?? []
  if (process.platform === 'linux') t.ok(Number(count) < ENOUGH_TO_START, `${count} are in use`)
  const program = connect(port, '127.0.0.1')
  await once(program, 'connect')
  program.resetAndDestroy()
})
