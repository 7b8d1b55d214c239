/** How connections end, on every way in that needs no root, told by peers that are not Node. */
import t, { type Test } from 'tap'
import { runCli } from '../support/cli.ts'
import type { CliHost } from '../support/cli-host.ts'
import { DIAL, entrance } from '../support/entrance.ts'
import { proxyStage } from '../support/proxy-stage.ts'
import { PythonPeer, withoutPython } from '../support/python-peer.ts'

const WAYS = ['forward', 'SOCKS5', 'HTTP CONNECT'] as const

/** Sends without end, reads all that comes, and says how the connection has ended: either may be told first. */
const POUR = `
import threading
ends = []
def pour():
    try:
        while True: s.sendall(b'x' * 65536)
    except ConnectionResetError: ends.append('RST')
    except OSError: pass
sender = threading.Thread(target=pour, daemon=True); sender.start()
count = 0
while count < 2000000: count += len(s.recv(1 << 16))
say('flows'); ends.append(drain(s).split()[1]); sender.join()
say('RST' if 'RST' in ends else 'FIN')
`
const END_DEADLINE_MS = 30_000

interface Meeting {
  readonly near: PythonPeer
  readonly far: PythonPeer
  readonly laptop: CliHost
  readonly office: CliHost
  move(): Promise<void>
}

/** One application and one destination, connected as `s` in the scripts of both. */
async function meet(t: Test, way: string, nearScript: string, farScript: string): Promise<Meeting> {
  const far = new PythonPeer(`s = listen()\n${farScript}`)
  const to = Number(await far.heard())
  const { laptop, office } = await proxyStage(t, [`127.0.0.1:${to}`], {
    proxy: [{ listen: '127.0.0.1:0', peer: 'office' }],
    forward: [{ listen: '127.0.0.1:0', peer: 'office', to: `127.0.0.1:${to}` }],
  })
  const near = new PythonPeer(`${DIAL}s = through(way, at, to)\n${nearScript}`, way, await entrance(laptop, way), to)
  t.teardown(() => [near.kill(), far.kill()])
  return {
    near,
    far,
    laptop,
    office,
    move: async () => {
      const before = (await laptop.status()).peers[0]!.migrations.length
      t.equal((await runCli(['migrate', '--config', laptop.configFile])).code, 0)
      await laptop.untilMigrations(before + 1)
    },
  }
}

for (const way of WAYS) {
  t.test(`${way}: each direction ends by itself, and a move comes between`, { skip: withoutPython }, async t => {
    const { near, far, move } = await meet(
      t,
      way,
      `s.sendall(b'x' * 70000); s.shutdown(1); say('ended'); say(drain(s))`,
      `say(drain(s)); ask(); s.sendall(b'y' * 90000); s.close()`,
    )
    t.equal(await near.heard(), 'ended')
    t.equal(await far.heard(), '70000 FIN')
    await move()
    far.tell()
    t.equal(await near.heard(), '90000 FIN')
  })

  t.test(`${way}: the other end first, and a move comes between`, { skip: withoutPython }, async t => {
    const { near, far, move } = await meet(
      t,
      way,
      `say(drain(s)); ask(); s.sendall(b'x' * 70000); s.close()`,
      `s.sendall(b'y' * 90000); s.shutdown(1); say(drain(s))`,
    )
    t.equal(await near.heard(), '90000 FIN')
    await move()
    near.tell()
    t.equal(await far.heard(), '70000 FIN')
  })

  t.test(
    `${way}: a reset is a reset at the other end, after a move, from either side`,
    { skip: withoutPython },
    async t => {
      const resets = `s.sendall(b'x'); say(s.recv(1).decode()); ask(); abort(s)`
      const hears = `s.sendall(b'x'); say(s.recv(1).decode()); say(drain(s))`
      for (const isNear of [true, false]) {
        const { near, far, move } = await meet(t, way, isNear ? resets : hears, isNear ? hears : resets)
        t.same([await near.heard(), await far.heard()], ['x', 'x'])
        await move()
        const [one, other] = isNear ? [near, far] : [far, near]
        one.tell()
        t.equal(await other.heard(), '0 RST')
      }
    },
  )
}

for (const side of ['near', 'far'] as const) {
  t.test(
    `SIGTERM of the ${side} sidecar under load both ways resets the applications of both`,
    { skip: withoutPython },
    async t => {
      const { near, far, laptop, office } = await meet(t, 'forward', POUR, POUR)
      t.same([await near.heard(), await far.heard()], ['flows', 'flows'])
      process.kill((await (side === 'near' ? laptop : office).status()).pid, 'SIGTERM')
      const deadline = new Promise(resolve => setTimeout(resolve, END_DEADLINE_MS, ['not in time']).unref())
      t.same(await Promise.race([Promise.all([near.heard(), far.heard()]), deadline]), ['RST', 'RST'])
    },
  )
}
