import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { TicketConnection } from '../../src/cli/ticket-connection.ts'
import { MIGRATION, PEER } from '../support/fake-sidecar.ts'

const BEFORE = { ...PEER, state: 'announcing' as const, epoch: 0, migrations: [] }
const CONNECTED = { ...PEER, state: 'stable' as const, epoch: 1, migrations: [MIGRATION] }
const SUSPENDED = { ...CONNECTED, state: 'suspended' as const }
/** Nobody knows the epoch any more. */
const FORGOTTEN = { ...CONNECTED, state: 'idle' as const, epoch: 0 }

t.test('is ready once, when it is connected', async t => {
  const connection = new TicketConnection(0)
  t.equal(connection.look(BEFORE, 0), undefined)
  t.equal(connection.look(CONNECTED, 100), 'ready')
  for (const peer of [CONNECTED, SUSPENDED, CONNECTED]) t.equal(connection.look(peer, 200), undefined)
})

t.test('says that it goes on trying, ever more seldom', async t => {
  const connection = new TicketConnection(0)
  const said: number[] = []
  for (let now = 0; now <= 90_000; now += 100) if (connection.look(BEFORE, now) === 'trying') said.push(now)
  t.same(said, [5_000, 10_000, 20_000, 40_000, 80_000])
})

t.test('is over when the other side has said goodbye, also when that came right after the beginning', async t => {
  const connection = new TicketConnection(0)
  t.equal(connection.look(CONNECTED, 0), 'ready')
  t.equal(connection.look(SUSPENDED, 100), undefined)
  t.equal(connection.look(FORGOTTEN, 200), 'over')
  const quick = new TicketConnection(0)
  t.same([quick.look(FORGOTTEN, 0), quick.look(FORGOTTEN, 100)], ['ready', 'over'])
})

t.test('is not over when there was no path within the hold time, and says again that it tries', async t => {
  const connection = new TicketConnection(0)
  connection.look(CONNECTED, 0)
  connection.look(SUSPENDED, 100)
  t.equal(connection.look(FORGOTTEN, LIMITS.holdMs), undefined)
  t.equal(connection.look(FORGOTTEN, LIMITS.holdMs + 5_000), 'trying')
  t.equal(connection.look(CONNECTED, LIMITS.holdMs + 6_000), undefined, 'it has said already that it is ready')
  t.equal(connection.look(FORGOTTEN, LIMITS.holdMs + 7_000), 'over')
})
