/** How connections end, on every way in that needs no root, told by peers that are not Node; and what many short ones leave. */
import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { runCli } from '../support/cli.ts'
import type { CliHost } from '../support/cli-host.ts'
import { proxyStage } from '../support/proxy-stage.ts'
import { PythonPeer, withoutPython } from '../support/python-peer.ts'

/** Connects through `way` to `to`, where the proxy or the forward is at `at`. */
const DIAL = `
def through(way, at, to):
    s = dial(at)
    s.settimeout(60)
    if way == 'SOCKS5':
        s.sendall(bytes([5, 1, 0])); assert s.recv(2) == bytes([5, 0])
        s.sendall(bytes([5, 1, 0, 1, 127, 0, 0, 1]) + struct.pack('>H', to))
        answer = b''
        while len(answer) < 10: answer += s.recv(10 - len(answer))
        assert answer[1] == 0, answer
    if way == 'HTTP CONNECT':
        s.sendall(('CONNECT 127.0.0.1:%d HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' % to).encode())
        answer = b''
        while not answer.endswith(b'\\r\\n\\r\\n'): answer += s.recv(1)
        assert b' 200 ' in answer, answer
    return s
way, at, to = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
`
const WAYS = ['forward', 'SOCKS5', 'HTTP CONNECT'] as const
const SHORT = { forward: 10_000, SOCKS5: 2_000 } as const

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

async function entrance(laptop: CliHost, way: string): Promise<number> {
  return way === 'forward' ? laptop.forwardPort() : Number((await laptop.proxy()).split(':').at(-1))
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

for (const way of ['forward', 'SOCKS5'] as const) {
  t.test(`${way}: ${SHORT[way]} short connections leave nothing`, { skip: withoutPython }, async t => {
    const far = new PythonPeer(`
server = socket.create_server(('127.0.0.1', 0), backlog=1024); say(server.getsockname()[1])
while True:
    c = server.accept()[0]; c.sendall(c.recv(100)); c.recv(1); c.close()`)
    const to = Number(await far.heard())
    const { laptop, office, cli } = await proxyStage(t, [`127.0.0.1:${to}`], {
      proxy: [{ listen: '127.0.0.1:0', peer: 'office' }],
      forward: [{ listen: '127.0.0.1:0', peer: 'office', to: `127.0.0.1:${to}` }],
    })
    // The application ends first each time.
    const near = new PythonPeer(
      `${DIAL}
def play(count):
    for i in range(count):
        s = through(way, at, to); s.sendall(b'%d' % i); s.shutdown(1)
        answer = b''
        while True:
            part = s.recv(100)
            if not part: break
            answer += part
        assert answer == b'%d' % i, (i, answer)
        s.close()
play(50); say('warm'); ask(); play(${SHORT[way]}); say('done'); ask()
ends = [line.split() for line in open('/proc/net/tcp')][1:]
waits = [(e[1], e[2]) for e in ends if e[3] == '06']
port = lambda p: ':%04X' % p
say(len([1 for l, r in waits if r.endswith(port(at))])); say(len([1 for l, r in waits if l.endswith(port(at))]))`,
      way,
      await entrance(laptop, way),
      to,
    )
    t.teardown(() => [near.kill(), far.kill()])
    const pids = [(await office.status()).pid, cli.child.pid!]
    t.equal(await near.heard(), 'warm')
    await noSessions(laptop, office)
    const before = pids.map(descriptors)
    near.tell()
    t.equal(await near.heard(), 'done')
    await noSessions(laptop, office)
    t.same(pids.map(descriptors), before, 'descriptors of both sidecars')
    near.tell()
    const [ofApplication, ofSidecar] = [Number(await near.heard()), Number(await near.heard())]
    t.ok(ofApplication > 0, `${ofApplication} in TIME_WAIT at the application, who ended first`)
    t.equal(ofSidecar, 0, 'none at the port of the sidecar')
  })
}

async function noSessions(...hosts: readonly CliHost[]): Promise<void> {
  for (const host of hosts) {
    while ((await host.status()).peers.some(({ sessions }) => sessions.length > 0));
  }
}

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
