import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createIdentity, createSidecar } from '../../src/index.ts'
import { temporaryDirectory } from '../support/cli.ts'

t.test('a program makes a sidecar from keys or from a file, starts and stops it', async t => {
  const directory = temporaryDirectory(t)
  const identity = join(directory, 'identity.pem')
  writeFileSync(identity, await createIdentity(), { mode: 0o600 })
  const config = { identity, listen: ['tcp://127.0.0.1:0'] }
  const file = join(directory, 'holdfast.yaml')
  writeFileSync(file, JSON.stringify(config))
  for (const given of [config, file]) {
    const sidecar = createSidecar(given)
    t.match(sidecar.peerId, /^hf1/)
    t.same(sidecar.listening, [], 'nothing listens before start')
    await sidecar.start()
    t.match(sidecar.status(), { peerId: sidecar.peerId, listening: [/^tcp:\/\/127\.0\.0\.1:\d+$/], peers: [] })
    t.match(sidecar.totals(), { sentBytes: 0, receivedBytes: 0 })
    t.match(await sidecar.migrate('nobody'), [{ code: 'PEER_UNKNOWN_HERE' }])
    await sidecar.stop()
    await sidecar.stop()
  }
})

t.test('a program is told every fault, and that its own key is no peer', async t => {
  const directory = temporaryDirectory(t)
  const identity = join(directory, 'identity.pem')
  t.throws(() => createSidecar({ identity, hold: 'soon' }), { code: 'CONFIG_INVALID', message: /hold: "soon" is no/ })
  t.throws(() => createSidecar({ identity }), { code: 'FILE_UNREADABLE' })
  writeFileSync(identity, await createIdentity(), { mode: 0o600 })
  const id = createSidecar({ identity }).peerId
  t.throws(() => createSidecar({ identity, peers: [{ name: 'me', id }] }), {
    code: 'CONFIG_INVALID',
    message: /peers\[0\]\.id: this is the peer ID of this host itself/,
  })
})
