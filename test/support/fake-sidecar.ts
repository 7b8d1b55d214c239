/** A sidecar without a network, for those who only speak to one. */
import type { MigrateResult, Sidecar } from '../../src/sidecar/sidecar-api.ts'
import type { MigrationStatus, PeerStatus, StatusReport } from '../../src/sidecar/status.ts'
import { type Totals, TotalsCounter } from '../../src/sidecar/totals.ts'

export const PEER_ID = 'hf1xnuvs7jm4l4fs3s2o2ag3m3lbbbddekncyz2df3jl25jnb34am7q'

export class FakeSidecar implements Sidecar {
  readonly peerId = PEER_ID
  listening: readonly string[] = []
  readonly forwards = [{ listen: '127.0.0.1:15432', peer: 'office', to: '127.0.0.1:5432' }]
  readonly proxies = []
  readonly calls: string[] = []
  report: StatusReport = REPORT
  readonly counter = new TotalsCounter()
  /** Thrown by start(). */
  failure: Error | undefined

  async start(): Promise<void> {
    this.calls.push('start')
    if (this.failure !== undefined) throw this.failure
    this.listening = ['tcp://[::]:7700']
  }

  async stop(): Promise<void> {
    this.calls.push('stop')
  }

  status(): StatusReport {
    return this.report
  }

  totals(): Totals {
    return this.counter.read()
  }

  async kernelCounts(): Promise<ReadonlyMap<string, number>> {
    return new Map()
  }

  async migrate(peer?: string): Promise<readonly MigrateResult[]> {
    this.calls.push(`migrate ${peer ?? 'all'}`)
    return [{ peer: peer ?? 'office', code: 'moved', message: 'a move was begun' }]
  }
}

const at = (ms: number) => new Date(Date.UTC(2026, 4, 1, 12, 0, 0, ms)).toISOString()

export const MIGRATION: MigrationStatus = {
  epoch: 3,
  migrator: 'local',
  reason: 'gone',
  from: 'tcp 192.0.2.10:41000 -> 203.0.113.7:7700',
  to: 'tcp 198.51.100.4:51000 -> 203.0.113.7:7700',
  detectedAt: at(100),
  suspendedAt: at(101),
  announcedAt: at(143),
  acknowledgedAt: at(164),
  resumedAt: at(164),
  bytesReplayed: 65_536,
  blackoutMs: 63,
}

export const PEER: PeerStatus = {
  name: 'office',
  peerId: PEER_ID,
  state: 'stable',
  epoch: 4,
  paths: [
    {
      carrier: '2',
      local: '198.51.100.4:51000',
      remote: '203.0.113.7:7700',
      scheme: 'tcp',
      role: 'active',
      dialed: true,
      rttMs: 20.44,
    },
    {
      carrier: '3',
      local: '[2001:db8::4]:51002',
      remote: '[2001:db8::7]:7700',
      scheme: 'wss',
      role: 'standby',
      dialed: false,
      rttMs: null,
    },
  ],
  sessions: [
    {
      sessionId: '0123456789abcdef0123456789abcdef',
      side: 'near',
      state: 'open',
      client: '127.0.0.1:40312',
      to: '127.0.0.1:5432',
      sentBytes: 812,
      receivedBytes: 3_500_000_000,
      outboxBytes: 0,
    },
  ],
  migrations: [
    MIGRATION,
    {
      ...MIGRATION,
      epoch: 4,
      migrator: 'peer',
      reason: 'doubt',
      detectedAt: null,
      suspendedAt: null,
      announcedAt: at(20_000),
      acknowledgedAt: at(20_020),
      resumedAt: at(32_500),
      bytesReplayed: 0,
      blackoutMs: null,
    },
  ],
  lastFailure: { endpoint: 'tcp://203.0.113.7:7700', code: 'REFUSED', message: 'nobody listens', at: at(0) },
}

export const REPORT: StatusReport = {
  version: '0.1.0',
  peerId: PEER_ID,
  pid: 4242,
  uptimeSeconds: 11_530,
  listening: ['tcp://[::]:7700'],
  forwards: [{ listen: '127.0.0.1:15432', peer: 'office', to: '127.0.0.1:5432' }],
  proxies: [
    { listen: '127.0.0.1:1080', peer: 'office', optimistic: false, hasPassword: false },
    { listen: '[::]:1081', peer: null, optimistic: true, hasPassword: true },
  ],
  peers: [PEER],
}
