import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

t.test('a moment without file descriptors is the end neither of ws dialing nor of metrics', async t => {
  const fixture = join(import.meta.dirname, '../support/descriptors-fixture.js')
  const { NODE_OPTIONS: _, ...env } = process.env
  const { stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -n 60; exec "$0" "$1"', process.execPath, fixture], {
    encoding: 'utf8',
    timeout: 20_000,
    env,
  })
  // What answers is no WebSocket: so far it comes when `ws` is loaded.
  t.same({ stdout, stderr }, { stdout: 'none left UNREACHABLE 500\nenough FRAME_MALFORMED 200\n', stderr: '' })
})
