import t from 'tap'
import { MIGRATION_STATES, type MigrationEvent, transition } from '../../src/session/migration-table.ts'

const EVENTS: readonly MigrationEvent[] = [
  'active lost',
  'candidate ready',
  'greater MIGRATE',
  'smaller MIGRATE',
  'accepted',
  'failed, active lives',
  'failed, active lost',
  'hold over',
]

/** The table of docs and design, row by row; '-' for an unlisted pair, which changes nothing. */
const EXPECTED = {
  stable: ['suspended: suspend', 'announcing: propose', 'stable: accept', 'stable: refuse', '-', '-', '-', '-'],
  suspended: ['-', 'announcing: propose', 'stable: accept', 'suspended: refuse', '-', '-', '-', 'expired: expire'],
  announcing: [
    'announcing: suspend',
    '-',
    'stable: accept',
    'announcing: refuse',
    'stable: resume',
    'stable: return',
    'suspended: suspend',
    '-',
  ],
} as const

t.test('every pair of state and event does what the table says, and an unlisted one nothing', async t => {
  t.same(MIGRATION_STATES, ['stable', 'suspended', 'announcing'])
  for (const state of MIGRATION_STATES) {
    for (const [i, event] of EVENTS.entries()) {
      const row = transition(state, event)
      t.equal(row === undefined ? '-' : `${row.to}: ${row.action}`, EXPECTED[state][i], `${state} x ${event}`)
    }
  }
})
