/** What many short connections leave, on two ways in. */
import { readdirSync } from 'node:fs'
import t from 'tap'
import type { CliHost } from '../support/cli-host.ts'
import { DIAL, entrance } from '../support/entrance.ts'
import { proxyStage } from '../support/proxy-stage.ts'
import { PythonPeer, withoutPython } from '../support/python-peer.ts'

const SHORT = { forward: 10_000, SOCKS5: 2_000 } as const

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
