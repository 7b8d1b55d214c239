/**
 * Every order of events of migrations that overlap. Moves begin one after the other, at any moment; what is under way on a
 * carrier arrives in order, and otherwise at any moment, too. Of two migrations of an idle session everything that travels waits
 * for its turn. Of three, of a session whose bytes go both ways, records with a proposal or an answer do, and the others arrive
 * at once. Time stands still until all has arrived: timers are in the simulator, tails that are lost in `cuts.ts`.
 *
 * A side is what it has seen. So two orders in which each side has seen the same, in the same order, are one, and the search
 * goes on from it once: that is what makes them few enough to be tried.
 */
import t, { type Test } from 'tap'
import { EnginePair, type Side, type SideName, type Wire } from '../support/engine-pair.ts'
import { frameTexts } from '../support/frame-text.ts'

const SIDES = ['a', 'b'] as const
/** All carriers die and a new one comes, or a new one comes beside the active one. */
const KINDS = ['gone', 'planned'] as const
const REDIAL_MS = 400
const ROUNDS = 40
/** Fewer would not overlap. */
const ORDERS_MIN = { everything: 500, proposals: 1_000 } as const
/** MIGRATE, MIGRATE_ACK. */
const PROPOSAL = /^MIGRATE/

interface Move {
  readonly kind: (typeof KINDS)[number]
  readonly side: SideName
}

/** What waits for its turn. */
type Scope = 'everything' | 'proposals'

/** The next move, or what a carrier brings from one side next. */
type Step = 'move' | Arrival

interface Arrival {
  readonly wire: Wire
  readonly from: SideName
}

class Play {
  readonly pair = EnginePair.met()
  readonly #moves: readonly Move[]
  readonly #scope: Scope
  readonly #ref: number
  readonly #underWay = new Map<string, Uint8Array[]>()
  readonly #seen: Record<SideName, string> = { a: '', b: '' }
  readonly #lost = new Set<number>()
  #begun = 0
  /** On both sides alike. */
  #written = ''

  constructor(moves: readonly Move[], scope: Scope) {
    this.#moves = moves
    this.#scope = scope
    this.#ref = this.pair.a.open()
    this.pair.advance(300)
    this.pair.carry = (from, carrier, record) => this.#queue(from.name, carrier).push(record)
  }

  /** The same for two orders that neither side can tell apart. */
  get key(): string {
    return `${this.#seen.a}|${this.#seen.b}`
  }

  /** What can happen next. */
  steps(): Step[] {
    return this.#begun < this.#moves.length ? ['move', ...this.#arrivals()] : this.#arrivals()
  }

  take(step: Step): void {
    if (step === 'move') this.#begin(this.#moves[this.#begun++]!)
    else this.#arrive(step)
    if (this.#scope === 'everything') return
    const isOther = ({ wire, from }: Arrival) =>
      !frameTexts(this.#queue(from, wire.id).slice(0, 1)).some(text => PROPOSAL.test(text))
    for (let other = this.#arrivals().find(isOther); other; other = this.#arrivals().find(isOther)) this.#arrive(other)
  }

  /** Time goes on, and who wants a path dials. @returns what is wrong in the end, or undefined */
  settle(): string | undefined {
    const { pair } = this
    Reflect.deleteProperty(pair, 'carry')
    this.#write('.')
    for (let round = 0; round < ROUNDS; round++) {
      pair.advance(REDIAL_MS)
      const dialer = SIDES.find(name => pair[name].association.wantsPath !== undefined)
      if (dialer !== undefined) pair.connect(dialer)
    }
    return this.#judge(pair.a, pair.b)
  }

  #begin({ kind, side }: Move): void {
    const { pair } = this
    for (const name of SIDES) this.#seen[name] += `move ${this.#begun};`
    if (this.#scope === 'proposals') this.#write(`${this.#begun}`)
    if (kind === 'planned') pair[side].do((association, now) => association.migrate('command', now))
    else for (const wire of pair.wires.filter(({ isCut }) => !isCut)) wire.close()
    this.#noteLosses()
    pair.connect(side)
  }

  #write(text: string): void {
    this.#written += text
    for (const name of SIDES) this.pair[name].write(this.#ref, text)
  }

  #arrivals(): Arrival[] {
    const living = this.pair.wires.filter(({ isCut }) => !isCut)
    const all = living.flatMap(wire => SIDES.map(from => ({ wire, from })))
    return all.filter(({ wire, from }) => this.#queue(from, wire.id).length > 0)
  }

  /** The next record; or all that has been sent, as what a read of a carrier brings. */
  #arrive({ wire, from }: Arrival): void {
    const to = this.pair[from].peer
    const queue = this.#queue(from, wire.id)
    const records = queue.splice(0, this.#scope === 'everything' ? queue.length : 1)
    this.#seen[to.name] += `${wire.id}*${records.length};`
    to.association.handleCarrierConfirmed(wire.id)
    for (const record of records) if (!wire.isCut) to.handleRecord(wire.id, record)
    this.#noteLosses()
  }

  /** Whoever is told to close a carrier does so at once, and both sides see it. */
  #noteLosses(): void {
    this.pair.advance(0)
    const lost = this.pair.wires.filter(({ id, isCut }) => isCut && !this.#lost.has(id))
    for (const { id } of lost) {
      this.#lost.add(id)
      for (const name of SIDES) this.#seen[name] += `${id} lost;`
    }
  }

  #queue(from: SideName, carrier: number): Uint8Array[] {
    const key = `${from}${carrier}`
    const queue = this.#underWay.get(key) ?? []
    this.#underWay.set(key, queue)
    return queue
  }

  #judge(a: Side, b: Side): string | undefined {
    const active = a.association.activeCarrier
    if (a.association.state !== 'stable' || b.association.state !== 'stable') return 'no path in the end'
    if (active === undefined || active !== b.association.activeCarrier) return 'two carriers are active'
    if (this.pair.wire(active).isCut) return 'a carrier is active that is gone'
    if ([a, b].some(side => side.received.get(this.#ref) !== this.#written)) {
      return `they were given ${a.received.get(this.#ref)} and ${b.received.get(this.#ref)}`
    }
    if (a.faults.length + b.faults.length > 0) return `faults ${a.faults} and ${b.faults}`
    return a.outcome(this.#ref) ?? b.outcome(this.#ref)
  }
}

/** @returns how many orders were tried, and the first that fails */
function tryAll(moves: readonly Move[], scope: Scope): { orders: number; failure: string | undefined } {
  const known = new Set<string>()
  const todo: Step[][] = [[]]
  let orders = 0
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    const play = new Play(moves, scope)
    for (const step of path) play.take(again(step, play))
    let steps = play.steps()
    while (steps.length > 0) {
      for (const other of steps.slice(1)) todo.push([...path, other])
      path.push(steps[0]!)
      play.take(steps[0]!)
      if (known.has(play.key)) break
      known.add(play.key)
      steps = play.steps()
    }
    if (steps.length > 0) continue
    orders++
    const failure = play.settle()
    if (failure !== undefined) return { orders, failure: `${failure}: ${path.map(textOf).join(', ')}` }
  }
  return { orders, failure: undefined }
}

/** The same step, of another play. */
function again(step: Step, { pair }: Play): Step {
  return step === 'move' ? step : { wire: pair.wire(step.wire.id), from: step.from }
}

function textOf(step: Step): string {
  return step === 'move' ? step : `carrier ${step.wire.id} from ${step.from}`
}

/** Of each kind and side, in every sequence. */
function movesOf(count: number): Move[][] {
  if (count === 0) return [[]]
  const first = KINDS.flatMap(kind => SIDES.map(side => ({ kind, side })))
  return movesOf(count - 1).flatMap(rest => first.map(move => [move, ...rest]))
}

function tryEach(t: Test, count: number, scope: Scope): void {
  let orders = 0
  const failures: string[] = []
  for (const moves of movesOf(count)) {
    const tried = tryAll(moves, scope)
    orders += tried.orders
    const what = moves.map(({ kind, side }) => `${kind} ${side}`).join(', ')
    if (tried.failure !== undefined) failures.push(`${what}: ${tried.failure}`)
  }
  t.same(failures.slice(0, 5), [], `${failures.length} sequences of moves fail`)
  t.ok(orders > ORDERS_MIN[scope], `${orders} orders were tried`)
}

t.test('in whatever order two migrations overlap, both sides agree and every byte arrives once', async t =>
  tryEach(t, 2, 'everything'),
)

t.test('also with three, in whatever order proposals and answers arrive', async t => tryEach(t, 3, 'proposals'))
