/** What all peers of one sidecar share. */
import type { Endpoint, HostPort } from '../base/endpoint.ts'
import type { Carrier } from '../carrier/carrier.ts'
import type { Clock } from '../carrier/clock.ts'
import type { DialOptions } from '../carrier/dial.ts'
import type { Resolver } from '../carrier/resolver.ts'
import type { PeerConfig } from '../config/config.ts'
import type { Identity } from '../secure/identity.ts'
import type { Keyring } from '../secure/keyring.ts'
import type { Budget } from '../session/budget.ts'
import type { DialFar } from './applications.ts'
import type { Connections } from './connections.ts'
import type { Pump } from './pump.ts'
import type { Log } from './sidecar-api.ts'
import type { TotalsCounter } from './totals.ts'

export interface Shared {
  readonly identity: Identity
  readonly keyring: Keyring<Pump>
  readonly budget: Budget
  readonly totals: TotalsCounter
  readonly resolver: Resolver
  readonly clock: Clock
  readonly connections: Connections
  readonly log: Log
  readonly holdMs: number
  readonly dial: (endpoint: Endpoint, options: DialOptions) => Promise<Carrier>
  /** Endpoints this sidecar can be dialed at now. */
  readonly advertised: () => readonly string[]
  /** This host's addresses that others could see as its own. */
  readonly localAddresses: () => readonly string[]
  /** Dials a destination for `peer`, if its rules allow it. */
  readonly dialFar: (peer: PeerConfig, ...asked: Parameters<DialFar>) => ReturnType<DialFar>
  /** Whether this sidecar listens there itself. */
  readonly isOwn: (place: HostPort) => boolean
  nextPathId(): number
  /** This association has lost its active carrier, and has none in its place until `onResumed`. */
  onSuspended(pump: Pump, carrier: Carrier): void
  onResumed(pump: Pump): void
  /** A peer has its first path. */
  onPeerConnected(name: string): void
  /** The process of a peer has ended in order. */
  onPeerStopped(name: string): void
}
