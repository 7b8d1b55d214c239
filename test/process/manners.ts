/** How connections end, on every way in that needs no root, told by peers that are not Node. */
import t, { type Test } from 'tap'
import { runCli } from '../support/cli.ts'
import { DIAL, entrance } from '../support/entrance.ts'
import { proxyStage } from '../support/proxy-stage.ts'
import { PythonPeer, withoutPython } from '../support/python-peer.ts'

const WAYS = ['forward', 'SOCKS5', 'HTTP CONNECT'] as const

interface Meeting {
  readonly near: PythonPeer
  readonly far: PythonPeer
  move(): Promise<void>
}

/** One application and one destination, connected as `s` in the scripts of both. */
async function meet(t: Test, way: string, nearScript: string, farScript: string): Promise<Meeting> {
  const far = new PythonPeer(`s = listen()\n${farScript}`)
  const to = Number(await far.heard())
  const { laptop } = await proxyStage(t, [`127.0.0.1:${to}`], {
    proxy: [{ listen: '127.0.0.1:0', peer: 'office' }],
    forward: [{ listen: '127.0.0.1:0', peer: 'office', to: `127.0.0.1:${to}` }],
  })
  const near = new PythonPeer(`${DIAL}s = through(way, at, to)\n${nearScript}`, way, await entrance(laptop, way), to)
  t.teardown(() => [near.kill(), far.kill()])
  return {
    near,
    far,
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
