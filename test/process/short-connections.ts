/** What many short connections leave, on every way in that needs no root. */
import t from 'tap'
import { createLoopbackStage } from '../support/loopback-stage.ts'
import { showShortConnections } from '../support/manners-suite.ts'
import { withoutPython } from '../support/python-peer.ts'

const skip = withoutPython || (process.platform !== 'linux' && 'what is open is read from /proc')

for (const way of ['forward', 'SOCKS5', 'HTTP CONNECT'] as const) {
  showShortConnections(t, way, skip, t => createLoopbackStage(t, way))
}
