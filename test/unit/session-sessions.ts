import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Budget } from '../../src/session/budget.ts'
import { encodeOpenRequest } from '../../src/wire/control.ts'
import { ackFrame, dataHeader, FLAG_FIN, FLAG_OPEN, goneFrame, resetFrame } from '../../src/wire/inner-frame.ts'
import { DELAY_MS, EnginePair } from '../support/engine-pair.ts'

const FLOOR = LIMITS.windowFloorBytes
const REQUEST = encodeOpenRequest({ sessionId: new Uint8Array(16), host: 'db', port: 1, client: '' })

/** Frames that carry sessions, of those that a side sent. */
function sessionFrames(sent: readonly string[]): string[] {
  return sent.map(text => text.replace(/^\d+: /, '')).filter(text => /^(DATA|RESET|GONE)/.test(text))
}

/** Nothing is left of any session, and what the budgets gave came back. */
function isEmpty(pair: EnginePair): boolean {
  return [pair.a, pair.b].every(
    ({ association, budget }) => [...association.sessions()].length + budget.usedBytes === 0,
  )
}

t.test('an open and the first 16 KiB leave in one flight; the rest waits for the limit', async t => {
  const pair = EnginePair.met()
  pair.b.isConsuming = false
  const ref = pair.a.open('db.example')
  pair.a.write(ref, new Uint8Array(FLOOR + 1))
  pair.advance(9)
  t.match(sessionFrames(pair.a.sent), ['DATA 2 @0 OPEN', /^DATA 2 @1\+/])
  t.equal([...pair.a.association.sessions()][0]?.outbox.sent, 1 + FLOOR)
  pair.advance(200)
  t.equal(pair.b.received.get(ref)?.length, FLOOR, 'bytes arrive before the open is answered')
  t.match(pair.b.all('open'), [{ ref, request: { host: 'db.example', port: 5432, client: '192.0.2.1:50000' } }])
  t.match(pair.a.all('opened'), [{ ref, code: undefined, remote: 'destination:1' }])
  pair.b.consume(ref, FLOOR)
  pair.advance(200)
  t.equal(pair.b.received.get(ref)?.length, FLOOR + 1)
})

t.test('the greater peer opens odd refs, the smaller even ones, each counting up', async t => {
  const pair = EnginePair.met()
  t.same([pair.a.open(), pair.a.open(), pair.b.open(), pair.b.open()], [2, 4, 3, 5])
})

t.test('a clean close: bytes and ends of both directions, then closed on both sides', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.a.write(ref, 'question')
  pair.advance(100)
  pair.b.write(ref, 'answer')
  pair.a.finish(ref)
  pair.advance(100)
  t.match(pair.b.all('end'), [{ ref }])
  t.equal(pair.a.outcome(ref), undefined, 'half-closed')
  pair.b.write(ref, ' and more')
  pair.b.finish(ref)
  pair.advance(200)
  t.equal(pair.b.received.get(ref), 'question')
  t.equal(pair.a.received.get(ref), 'answer and more')
  t.same([pair.a.outcome(ref), pair.b.outcome(ref)], ['closed', 'closed'])
  t.same(pair.a.events.slice(-2), [
    { type: 'end', ref },
    { type: 'closed', ref },
  ])
  t.ok(isEmpty(pair))
})

t.test('both sides may close at once', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.a.finish(ref)
  pair.b.finish(ref)
  pair.advance(200)
  t.same([pair.a.outcome(ref), pair.b.outcome(ref)], ['closed', 'closed'])
  t.ok(isEmpty(pair))
})

t.test('a session is closed only when the application has taken its bytes', async t => {
  const pair = EnginePair.met()
  pair.b.isConsuming = false
  const ref = pair.a.open()
  pair.a.write(ref, 'bytes')
  pair.a.finish(ref)
  pair.advance(100)
  pair.b.finish(ref)
  pair.advance(200)
  t.equal(pair.b.outcome(ref), undefined)
  t.equal(pair.a.outcome(ref), 'closed')
  pair.b.consume(ref, 5)
  pair.advance(100)
  t.equal(pair.b.outcome(ref), 'closed')
  t.ok(isEmpty(pair))
})

t.test('a refused open tells its cause, then is reset with it', async t => {
  const pair = EnginePair.met()
  pair.b.isAccepting = false
  const ref = pair.a.open()
  pair.a.write(ref, 'never read')
  pair.advance(100)
  pair.b.do(b => b.reset(ref, 'REFUSED'))
  pair.advance(200)
  t.match(pair.a.all('opened'), [{ ref, code: 'REFUSED', remote: '' }])
  t.equal(pair.a.outcome(ref), 'REFUSED')
  t.equal(pair.b.outcome(ref), undefined, 'the side that resets is told nothing')
  t.ok(isEmpty(pair))
})

t.test('a reset lets the bytes within the limit arrive first, drops the rest, and waits for no credit', async t => {
  const pair = EnginePair.met()
  pair.b.isConsuming = false
  const ref = pair.a.open()
  pair.a.write(ref, new Uint8Array(FLOOR).fill(0x61))
  pair.a.write(ref, 'beyond the limit')
  pair.advance(100)
  pair.a.do(a => a.reset(ref, 'APPLICATION_RESET'))
  pair.advance(100)
  t.equal(pair.b.received.get(ref), 'a'.repeat(FLOOR))
  t.equal(pair.b.outcome(ref), 'APPLICATION_RESET')
  t.ok(isEmpty(pair))
})

t.test('bytes that were written just before a reset arrive before it', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.a.do(a => {
    a.write(ref, Buffer.from('last words'))
    a.reset(ref, 'APPLICATION_RESET')
  })
  pair.advance(100)
  t.equal(pair.b.received.get(ref), 'last words')
  t.equal(pair.b.outcome(ref), 'APPLICATION_RESET')
})

t.test('a reset before the open has left is no concern of the peer', async t => {
  const pair = new EnginePair()
  const ref = pair.a.open()
  pair.a.write(ref, 'bytes')
  pair.a.do(a => a.reset(ref, 'APPLICATION_RESET'))
  t.ok(isEmpty(pair))
  pair.connect()
  pair.advance(500)
  t.same(sessionFrames(pair.a.sent), [])
  t.equal(pair.a.open(), 4, 'and its ref is not used again')
})

t.test('a reset is repeated after a switch until it is answered', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  const [wire] = pair.wires
  wire!.passes.a = 0
  pair.a.do(a => a.reset(ref, 'APPLICATION_RESET'))
  pair.advance(50)
  wire!.cut()
  pair.connect()
  pair.advance(200)
  t.equal(sessionFrames(pair.a.sent).filter(text => text === `RESET ${ref} APPLICATION_RESET @1`).length, 2)
  t.equal(pair.b.outcome(ref), 'APPLICATION_RESET')
  t.ok(isEmpty(pair))
})

t.test('resets of both sides that cross end the session quietly on both', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.a.do(a => a.reset(ref, 'APPLICATION_RESET'))
  pair.b.do(b => b.reset(ref, 'APPLICATION_RESET'))
  pair.advance(200)
  t.same([pair.a.outcome(ref), pair.b.outcome(ref)], [undefined, undefined])
  t.ok(isEmpty(pair))
})

t.test('bytes that come after our reset are taken and thrown away', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.b.write(ref, 'under way')
  pair.a.do(a => a.reset(ref, 'APPLICATION_RESET'))
  pair.advance(200)
  t.equal(pair.a.received.get(ref), undefined)
  t.ok(isEmpty(pair))
})

t.test('a reset is carried out 5 s after it came even if bytes are missing', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.inject(pair.b, pair.wires[0]!, resetFrame(ref, 0x01, 1_000))
  pair.advance(LIMITS.resetWaitMs - 1)
  t.equal(pair.b.outcome(ref), undefined)
  pair.advance(1)
  t.equal(pair.b.outcome(ref), 'APPLICATION_RESET')
})

/** A pair in which the session 2 was opened and closed, and `next` is the next ref of the side `a`. */
function closed() {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.a.finish(ref)
  pair.advance(100)
  pair.b.finish(ref)
  pair.advance(200)
  t.ok(isEmpty(pair))
  pair.b.sent.length = 0
  pair.b.events.length = 0
  const tell = (...frames: Uint8Array[]) => {
    pair.inject(pair.b, pair.wires[0]!, ...frames)
    return { sent: sessionFrames(pair.b.sent), events: pair.b.events.filter(event => event.type !== 'closeCarrier') }
  }
  return { pair, ref, next: ref + 2, own: 3, tell }
}

const open = (ref: number) => [dataHeader(ref, 0, FLAG_OPEN, REQUEST.length), REQUEST]

t.test('an OPEN that comes again dials once', async t => {
  const { next, pair, tell } = closed()
  tell(...open(next), ...open(next))
  t.equal(tell(...open(next)).events.length, 1)
  t.match(pair.b.events, [{ type: 'open', ref: next }])
})

t.test('GONE answers DATA and RESET for a closed ref, and nothing answers ACK and GONE', async t => {
  for (const which of ['ref', 'own'] as const) {
    const data = closed()
    const ref = data[which]
    t.same(data.tell(dataHeader(ref, 1, 0, 0)), { sent: [`GONE ${ref}`], events: [] }, `DATA ${which}`)
    t.same(closed().tell(dataHeader(ref, 1, FLAG_FIN, 0)).sent, [`GONE ${ref}`], `FIN ${which}`)
    t.same(closed().tell(...open(ref)), { sent: [`GONE ${ref}`], events: [] }, `OPEN ${which}`)
    t.same(closed().tell(resetFrame(ref, 1, 1)), { sent: [`GONE ${ref}`], events: [] }, `RESET ${which}`)
    t.same(closed().tell(ackFrame(ref, 1, 1)), { sent: [], events: [] }, `ACK ${which}`)
    t.same(closed().tell(goneFrame(ref)), { sent: [], events: [] }, `GONE ${which}`)
  }
})

t.test('DATA for a ref that was never opened here is answered with GONE, and the ref can still be opened', async t => {
  const { pair, next, tell } = closed()
  t.same(tell(dataHeader(next, 1, 0, 0)), { sent: [`GONE ${next}`], events: [] })
  t.same(pair.b.faults, [])
  t.match(tell(...open(next)).events, [{ type: 'open', ref: next }])
})

t.test('a damaged OPEN ends its session, and nothing else', async t => {
  const { pair, next, tell } = closed()
  t.same(tell(dataHeader(next, 0, FLAG_OPEN, 0)), { sent: [`RESET ${next} NAME_NOT_FOUND @0`], events: [] })
  t.equal(tell(dataHeader(next, 0, FLAG_OPEN, 0)).sent.at(-1), `GONE ${next}`, 'repeated after a switch')
  t.same(pair.b.faults, [])
  t.ok(isEmpty(pair))
})

t.test('ACK and GONE for a ref above the largest mean nothing', async t => {
  const { next, tell } = closed()
  t.same(tell(ackFrame(next, 1, 1), goneFrame(next)), { sent: [], events: [] })
  t.match(tell(...open(next)).events, [{ type: 'open', ref: next }])
})

t.test('a RESET for a ref above the largest closes it unseen', async t => {
  const { next, tell } = closed()
  t.same(tell(resetFrame(next, 1, 1)), { sent: [`GONE ${next}`], events: [] })
  t.same(tell(...open(next)), { sent: [`GONE ${next}`, `GONE ${next}`], events: [] })
  t.match(tell(...open(next + 2)).events, [{ type: 'open', ref: next + 2 }])
})

t.test('GONE ends a session cleanly if both FINs were seen, else by a reset', async t => {
  const pair = EnginePair.met()
  const [clean, cut] = [pair.a.open(), pair.a.open()]
  pair.advance(100)
  pair.b.finish(clean)
  pair.advance(100)
  pair.wires[0]!.passes.a = 0
  pair.a.finish(clean)
  pair.inject(pair.a, pair.wires[0]!, goneFrame(clean), goneFrame(cut))
  t.equal(pair.a.outcome(clean), 'closed')
  t.equal(pair.a.outcome(cut), 'SESSION_GONE')
})

t.test('a fault in one session resets it on both sides with its code, and leaves the others alone', async t => {
  const faults: readonly [string, (ref: number) => Uint8Array[]][] = [
    ['ACK_BEYOND_SENT', ref => [ackFrame(ref, 99, 99)]],
    ['LIMIT_EXCEEDED', ref => [dataHeader(ref, 1 + FLOOR, 0, 1), Uint8Array.of(1)]],
    ['FINAL_OFFSET_CHANGED', ref => [dataHeader(ref, 3, FLAG_FIN, 0), dataHeader(ref, 4, FLAG_FIN, 0)]],
    ['FINAL_OFFSET_CHANGED', ref => [dataHeader(ref, 4, FLAG_FIN, 0), resetFrame(ref, 1, 5)]],
    ['FINAL_OFFSET_CHANGED', ref => [resetFrame(ref, 1, 5), dataHeader(ref, 4, FLAG_FIN, 0)]],
  ]
  for (const [code, frames] of faults) {
    const pair = EnginePair.met()
    const [ref, other] = [pair.a.open(), pair.a.open()]
    pair.advance(100)
    pair.inject(pair.b, pair.wires[0]!, ...frames(ref))
    pair.advance(200)
    t.equal(pair.b.outcome(ref), code)
    t.equal(pair.a.outcome(ref), code)
    pair.a.write(other, 'unharmed')
    pair.advance(100)
    t.equal(pair.b.received.get(other), 'unharmed')
    t.same(pair.b.faults, [], 'its carrier lives')
    t.equal(pair.b.all('reset').length, 1)
  }
})

t.test('smaller acknowledgements and limits than known are stale, not faults', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.a.write(ref, 'bytes')
  pair.advance(200)
  pair.inject(pair.a, pair.wires[0]!, ackFrame(ref, 0, 0), ackFrame(ref, 3, 1))
  const [session] = pair.a.association.sessions()
  t.match(session?.outbox, { acked: 6, limit: 1 + FLOOR + 5 })
  t.equal(pair.a.outcome(ref), undefined)
})

t.test('more sessions than allowed are refused where they are opened, and by the peer', async t => {
  const own = EnginePair.met({ sessionsMax: 1 })
  own.a.open()
  t.throws(() => own.a.open(), { code: 'OVERLOADED' })
  const pair = EnginePair.met({}, { sessionsMax: 1 })
  const [first, second] = [pair.a.open(), pair.a.open()]
  pair.a.write(second, 'bytes')
  pair.advance(200)
  t.same([pair.a.outcome(first), pair.a.outcome(second)], [undefined, 'OVERLOADED'])
  t.match(pair.b.all('open'), [{ ref: first }])
  t.equal(pair.b.all('open').length, 1)
})

t.test('a session whose floor the budget cannot give is refused, and costs nothing', async t => {
  const own = EnginePair.met({ budget: new Budget(FLOOR - 1) })
  t.throws(() => own.a.open(), { code: 'OVERLOADED' })
  t.equal(own.a.budget.usedBytes, 0)
  const pair = EnginePair.met({}, { budget: new Budget(2 * FLOOR - 1) })
  const [first, second] = [pair.a.open(), pair.a.open()]
  pair.advance(200)
  t.same([pair.a.outcome(first), pair.a.outcome(second)], [undefined, 'OVERLOADED'])
  t.equal(pair.b.budget.usedBytes, FLOOR)
})

t.test('a refusal that is lost with its carrier ends the session all the same', async t => {
  const pair = EnginePair.met({}, { sessionsMax: 0 })
  pair.wires[0]!.passes.b = 0
  const ref = pair.a.open()
  pair.advance(50)
  pair.wires[0]!.cut()
  pair.connect()
  pair.advance(200)
  t.equal(pair.a.outcome(ref), 'SESSION_GONE')
  t.ok(isEmpty(pair))
})

t.test('two sessions with much to send take turns', async t => {
  const pair = EnginePair.met()
  const refs = [pair.a.open(), pair.a.open()]
  pair.advance(100)
  pair.a.sent.length = 0
  pair.a.do(a => {
    for (const ref of refs) a.write(ref, new Uint8Array(300_000))
  })
  pair.advance(1_000)
  const turns = pair.a.sent.flatMap(text => /DATA (\d+)/.exec(text)?.[1] ?? [])
  for (const ref of refs) t.equal(pair.b.received.get(ref)?.length, 300_000)
  const half = turns.slice(0, turns.length / 2)
  const share = half.filter(turn => turn === '2').length / half.length
  t.ok(share > 0.35 && share < 0.65, `one of two had ${share} of the first half`)
})

t.test('control leaves before bytes', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.a.sent.length = 0
  pair.a.do(a => {
    a.write(ref, new Uint8Array(100))
    a.handleEndpointsChanged()
  })
  t.match(pair.a.sent[0], /ENDPOINTS/)
  t.match(pair.a.sent[1], /DATA/)
})

t.test('a full outbox says stop, and go again when half of it is acknowledged', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  t.ok(pair.a.write(ref, new Uint8Array(1_000)))
  t.notOk(pair.a.write(ref, new Uint8Array(2 * LIMITS.flightBytesMin)))
  t.same(pair.a.all('writable'), [])
  pair.advance(2_000)
  t.match(pair.a.all('writable'), [{ ref }])
  t.equal(pair.a.all('writable').length, 1, 'told once')
})

t.test('while the budget is nearly used up an outbox is full at its floor', async t => {
  const pair = EnginePair.met({ budget: new Budget(4 * FLOOR) })
  const ref = pair.a.open()
  t.ok(pair.a.write(ref, new Uint8Array(FLOOR - 1)), 'one below')
  t.notOk(pair.a.write(ref, new Uint8Array(1)), 'at the floor')
})

t.test('commands for a session that is over change nothing', async t => {
  const { pair, ref } = closed()
  t.ok(pair.b.write(ref, 'late'))
  pair.b.finish(ref)
  pair.b.consume(ref, 5)
  pair.b.do(b => {
    b.acceptOpen(ref, 'late')
    b.reset(ref, 'INTERNAL')
  })
  t.same(sessionFrames(pair.b.sent), [])
  t.ok(isEmpty(pair))
})

t.test('what follows our own reset or end is ignored', async t => {
  const pair = EnginePair.met()
  const [reset, finished] = [pair.a.open(), pair.a.open()]
  pair.advance(100)
  pair.a.finish(finished)
  t.ok(pair.a.write(finished, 'behind the end'))
  pair.a.do(a => {
    a.reset(reset, 'APPLICATION_RESET')
    a.reset(reset, 'INTERNAL')
    a.finish(reset)
  })
  t.ok(pair.a.write(reset, 'behind the reset'))
  pair.b.do(b => b.acceptOpen(finished, 'a second time'))
  pair.advance(200)
  t.equal(pair.b.outcome(reset), 'APPLICATION_RESET')
  t.equal(pair.b.received.get(finished), undefined)
  t.equal(pair.a.all('opened').length, 2)
})

t.test('answers to closed refs are bounded', async t => {
  const { pair, tell } = closed()
  pair.b.do(b => b.handleCarrierBlocked(1, true))
  for (let i = 0; i <= LIMITS.answersMax; i += 1_000) {
    tell(...Array.from({ length: 1_000 }, (_, n) => resetFrame(4 + 2 * (i + n), 1, 0)))
  }
  pair.b.do(b => b.handleCarrierBlocked(1, false))
  pair.advance(100)
  t.equal(sessionFrames(pair.b.sent).length, LIMITS.answersMax)
})

t.test('a fault in a session that we have reset already changes nothing more', async t => {
  const pair = EnginePair.met()
  const ref = pair.a.open()
  pair.advance(100)
  pair.wires[0]!.passes.b = 0
  pair.b.do(b => b.reset(ref, 'APPLICATION_RESET'))
  pair.inject(pair.b, pair.wires[0]!, dataHeader(ref, 1 + FLOOR, 0, 1), Uint8Array.of(1))
  t.same(pair.b.all('reset'), [])
  pair.wires[0]!.heal()
  pair.advance(200)
  t.equal(pair.a.outcome(ref), 'APPLICATION_RESET')
  t.ok(isEmpty(pair))
})

t.test('a fault in a session whose open has not left yet ends it here', async t => {
  const pair = EnginePair.met()
  pair.a.do(a => a.handleCarrierBlocked(1, true))
  const ref = pair.a.open()
  pair.inject(pair.a, pair.wires[0]!, dataHeader(ref, 1 + FLOOR, 0, 1), Uint8Array.of(1))
  t.equal(pair.a.outcome(ref), 'LIMIT_EXCEEDED')
  t.equal(pair.a.budget.usedBytes, 0)
})

t.test(
  'OPENs leave in ref order on every carrier, unacknowledged ones first, and none past one that must wait',
  async t => {
    const pair = EnginePair.met()
    const early = [pair.a.open(), pair.a.open()]
    pair.wires[0]!.cut()
    const late = [pair.a.open(), pair.a.open()]
    const wire = pair.connect('a')
    const opens = () => sessionFrames(pair.a.sentOn(wire)).filter(text => text.endsWith('OPEN'))
    t.same(
      opens(),
      early.map(ref => `DATA ${ref} @0 OPEN`),
      'only those that were sent before',
    )
    pair.advance(500)
    t.same(
      opens(),
      [...early, ...late].map(ref => `DATA ${ref} @0 OPEN`),
    )
    t.same(
      pair.b.all('open').map(event => event.ref),
      [...early, ...late],
    )
  },
)

t.test('after a switch active sessions are acknowledged first', async t => {
  const pair = EnginePair.met()
  const [idle, busy] = [pair.a.open(), pair.a.open()]
  pair.advance(500)
  pair.a.write(busy, 'under way')
  pair.wires[0]!.cut()
  const wire = pair.connect('a')
  t.same(
    pair.a
      .sentOn(wire)
      .filter(text => text.startsWith('ACK'))
      .map(text => text.split(' ')[1]),
    [`${busy}`, `${idle}`],
  )
})

t.test('an open that was not acknowledged is repeated on a planned carrier, and dials once', async t => {
  const pair = EnginePair.met()
  pair.a.do((a, now) => a.migrate('command', now))
  const wire = pair.connect('a')
  pair.advance(DELAY_MS)
  const ref = pair.a.open()
  pair.a.write(ref, 'bytes')
  pair.advance(DELAY_MS)
  t.ok(pair.a.sentOn(wire).includes(`DATA ${ref} @0 OPEN`))
  pair.advance(500)
  t.equal(pair.b.all('open').length, 1)
  t.equal(pair.b.received.get(ref), 'bytes')
})

t.test('acknowledgements and answers of very many sessions take several records', async t => {
  const pair = EnginePair.met({ sessionsMax: 2_000 }, { sessionsMax: 2_000 })
  const refs = Array.from({ length: 1_500 }, () => pair.a.open())
  pair.advance(500)
  pair.b.do(b => b.handleCarrierBlocked(1, true))
  pair.inject(pair.b, pair.wires[0]!, ...Array.from({ length: 2_000 }, (_, i) => resetFrame(10_000 + 2 * i, 1, 0)))
  pair.a.do(a => {
    for (const ref of refs) a.write(ref, Uint8Array.of(1))
  })
  pair.advance(500)
  pair.b.do(b => b.handleCarrierBlocked(1, false))
  pair.advance(500)
  t.equal(sessionFrames(pair.b.sent).filter(text => text.startsWith('GONE')).length, 2_000)
  for (const { outbox } of pair.a.association.sessions()) if (outbox.acked !== 2) t.fail('not acknowledged')
  pair.wires[0]!.cut()
  pair.connect('a')
  pair.advance(500)
  pair.b.do(b => {
    for (const ref of refs) b.reset(ref, 'APPLICATION_RESET')
  })
  pair.advance(500)
  t.ok(isEmpty(pair))
})

t.test('a limit that was raised on a dying carrier is stated again on the next', async t => {
  const pair = EnginePair.met()
  pair.b.isConsuming = false
  const ref = pair.a.open()
  pair.a.write(ref, new Uint8Array(FLOOR + 10))
  pair.advance(200)
  t.equal([...pair.a.association.sessions()][0]?.outbox.acked, 1 + FLOOR, 'nothing waits for an acknowledgement')
  pair.wires[0]!.passes.b = 0
  pair.b.consume(ref, FLOOR)
  pair.advance(50)
  pair.wires[0]!.cut()
  pair.connect('a')
  pair.advance(200)
  t.equal(pair.b.received.get(ref)?.length, FLOOR + 10)
})
