import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Resolver } from '../../src/carrier/resolver.ts'
import { createIdentity, loadIdentity, peerIdFromSeed } from '../../src/secure/identity.ts'
import { Keyring } from '../../src/secure/keyring.ts'
import { Budget } from '../../src/session/budget.ts'
import { Connections } from '../../src/sidecar/connections.ts'
import type { Path } from '../../src/sidecar/path.ts'
import { Peer } from '../../src/sidecar/peer.ts'
import type { Pump } from '../../src/sidecar/pump.ts'
import type { Shared } from '../../src/sidecar/shared.ts'
import { TotalsCounter } from '../../src/sidecar/totals.ts'
import { type Control, INCARNATION_BYTES } from '../../src/wire/control.ts'
import { control } from '../support/frame-text.ts'
import { flushPromises, ManualClock } from '../support/manual-clock.ts'

const identity = loadIdentity(await createIdentity())
const silent = { debug() {}, info() {}, warn() {}, error() {} }

function sharedParts(): Shared {
  const clock = new ManualClock()
  let pathIds = 0
  return {
    identity,
    keyring: new Keyring<Pump>(),
    budget: new Budget(),
    totals: new TotalsCounter(),
    resolver: new Resolver(),
    clock,
    connections: new Connections(clock),
    log: silent,
    holdMs: LIMITS.holdMs,
    dial: () => Promise.reject(new Error('a ticket is never dialed')),
    advertised: () => [],
    localAddresses: () => [],
    dialFar: async () => 'REFUSED',
    isOwn: () => false,
    nextPathId: () => ++pathIds,
    onPeerConnected: () => {},
    onPeerStopped: () => {},
    onSuspended: () => {},
    onResumed: () => {},
  }
}

/** One that uses the ticket, over a path that is a stand-in. */
class Machine {
  readonly incarnation = randomBytes(INCARNATION_BYTES)
  readonly closed: string[] = []
  readonly #peer: Peer
  readonly #path: Path
  #pump: Pump | undefined

  constructor(peer: Peer, shared: Shared) {
    this.#peer = peer
    const address = { host: '127.0.0.1', port: 1 }
    const carrier = { scheme: 'memory', local: address, remote: address }
    const channel = { isResumed: false, keyset: undefined, seal: () => {} }
    const close = (code: string) => {
      this.closed.push(code)
      this.leave()
    }
    this.#path = {
      id: shared.nextPathId(),
      carrier,
      channel,
      isDialed: false,
      hasRecord: true,
      close,
    } as unknown as Path
  }

  get pump(): Pump {
    return this.#pump!
  }

  hello(): this {
    this.#pump = this.#peer.pumpFor(this.incarnation)
    this.#pump.handleReady(this.#path)
    const rest = { knownIncarnation: new Uint8Array(0), sessionsMax: 1, holdSeconds: 60, features: 0, endpoints: [] }
    this.say({ type: 'hello', incarnation: this.incarnation, ...rest })
    this.say({ type: 'migrate', epoch: 1, reason: 'first', endpoints: [] })
    return this
  }

  say(message: Control): void {
    this.pump.handleRecord(this.#path, [control(message)])
  }

  leave(): void {
    this.pump.handleLost(this.#path, undefined, 'it ended')
  }
}

function scene(t: Test, expiresAt = Date.now() + 60_000) {
  const shared = sharedParts()
  const id = peerIdFromSeed(new Uint8Array(32).fill(1))
  const peer = new Peer({ name: 'ticket', id, endpoints: [], allow: [], isTicket: true, expiresAt }, shared)
  t.teardown(() => peer.stop())
  return { peer, machine: () => new Machine(peer, shared) }
}

t.test('a machine that said goodbye is let go; one that merely went is known when it comes back', async t => {
  const { peer, machine } = scene(t)
  const [polite, cut] = [machine().hello(), machine().hello()]
  polite.say({ type: 'goodbye' })
  polite.leave()
  cut.leave()
  await flushPromises()
  t.same([...peer.pumps], [cut.pump])
  t.equal(peer.pumpFor(cut.incarnation), cut.pump)
})

t.test(
  'as many machines as the limit; then the one that was idle for longest gives way, or more are refused',
  async t => {
    const { peer, machine } = scene(t)
    const machines = Array.from({ length: LIMITS.ticketPeersMax }, () => machine().hello())
    await flushPromises()
    t.equal(peer.pumps.size, LIMITS.ticketPeersMax)
    t.throws(() => machine().hello(), { code: 'TICKET_IN_USE', message: /on too many machines/ })
    for (const i of [7, 3]) {
      machines[i]!.leave()
      await flushPromises()
    }
    machine().hello()
    t.equal(peer.pumps.size, LIMITS.ticketPeersMax)
    t.notOk(peer.pumps.has(machines[7]!.pump))
    t.ok(peer.pumps.has(machines[3]!.pump))
  },
)

t.test('after its time a ticket begins nothing, and what began in time goes on', async t => {
  const inTime = Date.now() + 60_000
  let now = inTime
  t.intercept(Date, 'now', { value: () => now })
  const { peer, machine } = scene(t, inTime)
  const early = machine().hello()
  now++
  t.equal(peer.admit(), true, 'a full handshake may be that of a machine that began in time')
  t.equal(peer.pumpFor(early.incarnation), early.pump)
  t.throws(() => machine().hello(), { code: 'TICKET_EXPIRED' })
  early.say({ type: 'goodbye' })
  early.leave()
  await flushPromises()
  t.equal(peer.admit(), 'TICKET_EXPIRED', 'nobody is left')
})

t.test('what becomes ready when its pump has stopped is closed', async t => {
  const { peer, machine } = scene(t)
  const late = machine().hello()
  peer.stop()
  t.same(late.closed, ['GOODBYE'])
  late.hello()
  t.same(late.closed, ['GOODBYE', 'GOODBYE'])
  t.equal(late.pump.paths.size, 0)
})
