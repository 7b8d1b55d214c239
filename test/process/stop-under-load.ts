/** What a stop means for the applications of both sides while they speak, told by peers that are not Node. */
import t from 'tap'
import { proxyStage } from '../support/proxy-stage.ts'
import { PythonPeer, withoutPython } from '../support/python-peer.ts'

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

for (const side of ['near', 'far'] as const) {
  t.test(
    `SIGTERM of the ${side} sidecar under load both ways resets the applications of both`,
    { skip: withoutPython },
    async t => {
      const far = new PythonPeer(`s = listen()\n${POUR}`)
      const to = Number(await far.heard())
      const { laptop, office } = await proxyStage(t, [`127.0.0.1:${to}`], {
        proxy: [{ listen: '127.0.0.1:0', peer: 'office' }],
        forward: [{ listen: '127.0.0.1:0', peer: 'office', to: `127.0.0.1:${to}` }],
      })
      const near = new PythonPeer(`s = dial(${await laptop.forwardPort()})\n${POUR}`)
      t.teardown(() => [near.kill(), far.kill()])
      t.same([await near.heard(), await far.heard()], ['flows', 'flows'])
      process.kill((await (side === 'near' ? laptop : office).status()).pid, 'SIGTERM')
      const deadline = new Promise(resolve => setTimeout(resolve, END_DEADLINE_MS, ['not in time']).unref())
      t.same(await Promise.race([Promise.all([near.heard(), far.heard()]), deadline]), ['RST', 'RST'])
    },
  )
}
