import t from 'tap'
import { followTicket } from '../../src/cli/ticket-connection.ts'

t.test('is ready once, however often it connects, and over when the other side has ended', async t => {
  let ready = 0
  const { events, over } = followTicket(
    () => ready++,
    () => t.fail('it need not try'),
  )
  events.onPeerConnected('ticket')
  events.onPeerConnected('ticket')
  t.equal(ready, 1)
  events.onPeerStopped('ticket')
  await t.rejects(over, { code: 'GOODBYE', message: /ask for a new ticket/ })
})
