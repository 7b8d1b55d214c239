/** The manners of TCP on every way in that needs no root, told by peers that are not Node. */
import t from 'tap'
import { createLoopbackStage } from '../support/loopback-stage.ts'
import { showManners } from '../support/manners-suite.ts'
import { withoutPython } from '../support/python-peer.ts'

const skip = withoutPython || (process.platform !== 'linux' && 'what is open is read from /proc')

for (const way of ['forward', 'SOCKS5', 'HTTP CONNECT'] as const) {
  showManners(t, way, skip, t => createLoopbackStage(t, way))
}
