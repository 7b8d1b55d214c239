import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Budget } from '../../src/session/budget.ts'
import { Link } from '../../src/session/link.ts'
import { Migration } from '../../src/session/migration.ts'
import { Rekey } from '../../src/session/rekey.ts'
import { Sessions } from '../../src/session/sessions.ts'

const emit = () => undefined

/** A migration machine with an active carrier of ours that had a full handshake at 0. */
function active(isDialed = true) {
  const sessions = new Sessions({
    parity: 0,
    budget: new Budget(),
    sessionsMax: 1,
    rttMs: () => 0,
    isTentative: () => false,
    emit,
  })
  const migration = new Migration({ isGreaterPeer: false, sessions, emit, endpoints: () => [] }, 0)
  const link = new Link({ id: 1, isDialed, isResumed: false, handshakeFrom: 0, rttMs: 10 }, 0)
  link.isHelloReceived = true
  migration.handleReady(link, 0)
  migration.handleMigrate(link, { type: 'migrate', epoch: 1, reason: 'first', endpoints: [] }, 0)
  return { migration, link, rekey: new Rekey(migration) }
}

t.test('keys are renewed after an hour', async t => {
  const { migration, rekey } = active()
  t.equal(rekey.nextTimeout, LIMITS.rekeyMs)
  rekey.handleTimeout(LIMITS.rekeyMs - 1)
  t.equal(migration.wantsPath, undefined)
  rekey.handleTimeout(LIMITS.rekeyMs)
  t.equal(migration.wantsPath, 'rekey')
  t.equal(rekey.nextTimeout, LIMITS.rekeyMs + LIMITS.rekeyRetryMs)
})

t.test('keys are renewed when half of what one may seal was sealed', async t => {
  const { migration, link, rekey } = active()
  link.sentBytes = LIMITS.keyBytesMax / 2 - 1
  t.equal(rekey.nextTimeout, LIMITS.rekeyMs)
  link.sentBytes++
  rekey.handleTimeout(5)
  t.equal(migration.wantsPath, 'rekey')
})

t.test('the side that did not dial leaves it to the other', async t => {
  t.equal(active(false).rekey.nextTimeout, Number.POSITIVE_INFINITY)
})
