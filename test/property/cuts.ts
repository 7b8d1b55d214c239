/**
 * Every place where a carrier can be cut: one session (open, bytes both ways, half-close, close) is run over a carrier on
 * which only the first i records of one side and the first j of the other arrive, for every i and j; then a fresh one is
 * given. A carrier that is cut within a record loses it whole, so these are all the cuts there are.
 */
import t, { type Test } from 'tap'
import { EnginePair, type SideName } from '../support/engine-pair.ts'

const QUESTION = 'q'.repeat(30_000)
const ANSWER = 'a'.repeat(20_000)
const LAST = 'the last words after the half-close'
const STEP_MS = 5
const REDIAL_MS = 400
const PATIENCE_MS = 90_000

type Notice = 'both' | 'only a' | 'only b' | 'nobody'

interface Case {
  readonly passes: { readonly a: number; readonly b: number }
  /** The same on the second carrier. */
  readonly passesAgain?: { readonly a: number; readonly b: number }
  readonly notice: Notice
  /** Who can dial after the first carrier. */
  readonly dialer: SideName
}

/** @returns what went wrong, or undefined; `sent` are the records of the first carrier */
function run(one: Case): string | undefined {
  const pair = new EnginePair()
  const first = pair.connect('a')
  Object.assign(first.passes, one.passes)
  const ref = pair.a.open()
  pair.a.write(ref, QUESTION)
  pair.a.finish(ref)
  const progress = { hasAnswered: false, hasClosed: false, dialedAt: 0 }
  for (const start = pair.now; pair.now - start < PATIENCE_MS; ) {
    pair.advance(STEP_MS)
    speak(pair, ref, progress)
    if (pair.now - start === 60) lose(one, first)
    redial(pair, one, progress)
    if (pair.a.outcome(ref) !== undefined && pair.b.outcome(ref) !== undefined) break
  }
  return judge(pair, ref)
}

/** The far application answers what it hears, and closes after the near one. */
function speak(pair: EnginePair, ref: number, progress: { hasAnswered: boolean; hasClosed: boolean }): void {
  if (!progress.hasAnswered && pair.b.all('open').length > 0) {
    progress.hasAnswered = true
    pair.b.write(ref, ANSWER)
  }
  if (!progress.hasClosed && pair.b.all('end').length > 0) {
    progress.hasClosed = true
    pair.b.write(ref, LAST)
    pair.b.finish(ref)
  }
}

function lose({ notice }: Case, wire: ReturnType<EnginePair['connect']>): void {
  const lateMs = 150
  if (notice === 'both') wire.cut(0, 0)
  if (notice === 'only a') wire.cut(0, lateMs)
  if (notice === 'only b') wire.cut(lateMs, 0)
  if (notice === 'nobody') wire.blackhole()
}

function redial(pair: EnginePair, { dialer, passesAgain }: Case, progress: { dialedAt: number }): void {
  if (pair[dialer].association.wantsPath === undefined || pair.now - progress.dialedAt < REDIAL_MS) return
  if (pair.wires.length === 1 && pair.now < 1_060) return
  progress.dialedAt = pair.now
  const wire = pair.connect(dialer)
  if (passesAgain === undefined || pair.wires.length !== 2) return
  Object.assign(wire.passes, passesAgain)
  pair.after(300, () => wire.close())
}

function judge(pair: EnginePair, ref: number): string | undefined {
  const { a, b } = pair
  if (a.outcome(ref) !== 'closed' || b.outcome(ref) !== 'closed') return `ended ${a.outcome(ref)} and ${b.outcome(ref)}`
  if (b.received.get(ref) !== QUESTION) return `the far side had ${b.received.get(ref)?.length} bytes`
  if (a.received.get(ref) !== ANSWER + LAST) return `the near side had ${a.received.get(ref)?.length} bytes`
  if (b.all('open').length !== 1) return `dialed ${b.all('open').length} times`
  if (a.all('opened').length !== 1) return `opened ${a.all('opened').length} times`
  if (a.all('end').length !== 1 || b.all('end').length !== 1) return 'ends were not told once'
  if (a.faults.length + b.faults.length > 0) return `faults ${a.faults} and ${b.faults}`
  if (a.budget.usedBytes + b.budget.usedBytes > 0) return 'the budget is not whole again'
  return undefined
}

/** How many records each side sends when nothing is cut. */
function uncut(): { a: number; b: number } {
  const counts = { a: 0, b: 0 }
  const pair = new EnginePair()
  pair.onDelivered = (_wire, from) => {
    counts[from]++
  }
  pair.connect('a')
  const ref = pair.a.open()
  pair.a.write(ref, QUESTION)
  pair.a.finish(ref)
  const progress = { hasAnswered: false, hasClosed: false }
  while (pair.now < 1_300) {
    pair.advance(STEP_MS)
    speak(pair, ref, progress)
  }
  t.equal(judge(pair, ref), undefined)
  return counts
}

function tryAll(t: Test, cases: readonly Case[]): void {
  const failures = cases.flatMap(one => {
    const why = run(one)
    return why === undefined ? [] : [`${JSON.stringify(one)}: ${why}`]
  })
  t.same(failures.slice(0, 5), [], `${failures.length} of ${cases.length} cuts fail`)
}

const records = uncut()
const all = Array.from({ length: records.a + 1 }, (_, a) =>
  Array.from({ length: records.b + 1 }, (_, b) => ({ a, b })),
).flat()
const NOTICES: readonly Notice[] = ['both', 'only a', 'only b', 'nobody']

t.test('wherever a carrier is cut, everything arrives once and both ends close cleanly', async t => {
  t.ok(records.a > 5 && records.b > 5, `${records.a} records one way, ${records.b} the other`)
  for (const dialer of ['a', 'b'] as const)
    tryAll(
      t,
      all.map(passes => ({ passes, notice: 'both', dialer })),
    )
})

t.test('also when only one side notices, or nobody', async t => {
  for (const notice of NOTICES.slice(1)) {
    for (const dialer of ['a', 'b'] as const) {
      tryAll(
        t,
        all.map(passes => ({ passes, notice, dialer })),
      )
    }
  }
})

t.test('also when the fresh carrier is cut, wherever', async t => {
  const some = all.filter(({ a, b }) => a % 3 === 1 && b % 3 === 1)
  const again = all.filter(({ a, b }) => a % 2 === 0 && b % 2 === 1)
  tryAll(
    t,
    some.flatMap(passes =>
      again.map(passesAgain => ({ passes, passesAgain, notice: 'both' as const, dialer: 'a' as const })),
    ),
  )
})
