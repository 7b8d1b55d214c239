import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Refusals } from '../../src/carrier/listen.ts'

t.test('refused connections linger in bounded number; one more is just cut', async t => {
  const refusals = new Refusals()
  t.teardown(() => refusals.drop())
  const refused = () => {
    const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
    refusals.refuse(socket as Socket, 'no')
    return socket
  }
  const told = Array.from({ length: LIMITS.refusedLingerMax }, refused)
  t.notOk(told.some(({ destroyed }) => destroyed))
  t.ok(refused().destroyed)
  await EventEmitter.once(told[0]!.destroy(), 'close')
  t.notOk(refused().destroyed, 'there is room again')
})
