/**
 * The migration table. Both sides run this one machine; who proposes is the migrator.
 *
 * The active carrier is the one named by the greatest pair (epoch, proposer's peer ID) that a side has accepted or had
 * accepted. There is one epoch per association: a proposal takes the greatest epoch seen plus one, and equal epochs go by peer
 * ID. (An epoch per side was model-checked to leave both ends content on two different carriers, for ever.)
 *
 *     stable      the active carrier lives
 *     suspended   there is none: nothing of the applications leaves; all carriers are still read
 *     announcing  MIGRATE has left on a candidate, its answer is awaited
 *
 * Rules that the pair of states cannot show:
 *  - MIGRATE is sent once, and only on the carrier it makes active: it cannot be duplicated, and is lost only with its carrier.
 *  - Every MIGRATE is answered with the epoch it had; an answer to anything but the pending proposal is late, and ignored.
 *  - Only the migrator, once accepted, closes carriers of a smaller epoch. A proposal given up closes its carrier.
 *  - A refused side waits one announce time, since the greater proposal is on its way to it.
 *
 * docs/protocol.md draws the diagram from this table, and a test keeps the two equal.
 */
export const MIGRATION_STATES = ['stable', 'suspended', 'announcing'] as const
export type MigrationState = (typeof MIGRATION_STATES)[number]

export type MigrationEvent =
  /** The active carrier failed, or its address disappeared. */
  | 'active lost'
  /** A carrier can take a proposal, and one is wanted. */
  | 'candidate ready'
  /** A MIGRATE above the pair in force and above the own pending one. */
  | 'greater MIGRATE'
  | 'smaller MIGRATE'
  /** MIGRATE_ACK for the pending proposal. */
  | 'accepted'
  /** Refused, its carrier lost, or given up: while the active carrier lives... */
  | 'failed, active lives'
  /** ...or does not. */
  | 'failed, active lost'
  | 'hold over'

export interface Transition {
  readonly to: MigrationState | 'expired'
  /** What is done, in the words of docs/protocol.md. */
  readonly action: string
}

export const MIGRATION_TABLE: { readonly [S in MigrationState]: { readonly [E in MigrationEvent]?: Transition } } = {
  stable: {
    'active lost': { to: 'suspended', action: 'suspend' },
    'candidate ready': { to: 'announcing', action: 'propose' },
    'greater MIGRATE': { to: 'stable', action: 'accept' },
    'smaller MIGRATE': { to: 'stable', action: 'refuse' },
  },
  suspended: {
    'candidate ready': { to: 'announcing', action: 'propose' },
    'greater MIGRATE': { to: 'stable', action: 'accept' },
    'smaller MIGRATE': { to: 'suspended', action: 'refuse' },
    'hold over': { to: 'expired', action: 'expire' },
  },
  announcing: {
    'active lost': { to: 'announcing', action: 'suspend' },
    'greater MIGRATE': { to: 'stable', action: 'accept' },
    'smaller MIGRATE': { to: 'announcing', action: 'refuse' },
    accepted: { to: 'stable', action: 'resume' },
    'failed, active lives': { to: 'stable', action: 'return' },
    'failed, active lost': { to: 'suspended', action: 'suspend' },
  },
}

/** @returns undefined for a pair that is not listed: it changes nothing */
export function transition(state: MigrationState, event: MigrationEvent): Transition | undefined {
  return MIGRATION_TABLE[state][event]
}
