/** Which rules of the kernel a capture may replace, with programs in the place of `nft` and `ip`. */
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { checkConfig } from '../../src/config/load.ts'
import { Capturing } from '../../src/sidecar/capturing.ts'
import { ID } from '../support/config-faults.ts'
import { standIn } from '../support/stand-in.ts'

const skip = process.platform !== 'linux' && 'there is no transparent capture here'
const LOG = { debug() {}, info() {}, warn() {}, error() {} }

t.test('a sidecar of the other family, on the same port, keeps its rules while it runs', { skip }, async t => {
  const first = createServer()
  await once(first.listen(0, '127.0.0.1'), 'listening')
  const { port } = first.address() as AddressInfo
  standIn(t, 'ip', 'cat > unread')
  const nft = `input=$(cat); case "$*" in
    'list tables') echo table inet holdfast;;
    list*) echo 'tcp dport 1-65535 counter name captured redirect to :${port}';;
    '-f -') echo "$input" >> applied;;
  esac`
  const directory = standIn(t, 'nft', nft)
  const config = checkConfig(
    {
      peers: [{ name: 'office', id: ID }],
      routes: [{ to: 'fd20::/16', peer: 'office' }],
      capture: { port, except: { users: [process.getuid!()] } },
    },
    '/etc/holdfast',
  )
  const start = () => Capturing.start({ config, log: LOG, take() {} })
  await t.rejects(start(), {
    code: 'CAPTURE_UNAVAILABLE',
    message: `another sidecar captures here already, on port ${port}; stop it, or`,
  })
  t.notOk(existsSync(join(directory, 'applied')))
  first.close()
  await once(first, 'close')
  const capturing = await start()
  t.match(readFileSync(join(directory, 'applied'), 'utf8'), 'elements = { fd20::/16 }', 'what is left over is replaced')
  await capturing?.close()
  capturing?.removeRules()
  t.match(readFileSync(join(directory, 'applied'), 'utf8'), /\nadd table inet holdfast\ndelete table inet holdfast\n$/)
})
