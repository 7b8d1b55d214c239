import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Link, type LinkInit } from '../../src/session/link.ts'
import { toHex } from '../../src/wire/bytes.ts'

function link(init: Partial<LinkInit> = {}, now = 1_000): Link {
  return new Link({ id: 7, isDialed: true, isResumed: false, handshakeFrom: 0, rttMs: undefined, ...init }, now)
}

/** A link whose round trip was measured by one ping. */
function measured(rttMs: number): Link {
  const one = link()
  one.ping(1_000, 0)
  one.handlePong(1, 1_000 + rttMs)
  one.handleHeard(1_000 + rttMs, false)
  return one
}

t.test('a dialed carrier is confirmed, an accepted one is not', async t => {
  t.equal(link({ isDialed: true }).isConfirmed, true)
  t.equal(link({ isDialed: false }).isConfirmed, false)
  t.match(link({ id: 9, isResumed: true }, 5), { id: 9, isResumed: true, readyAt: 5, lastHeardAt: 5 })
})

t.test('the first round trip is taken as it is, later ones by an eighth', async t => {
  const one = measured(80)
  t.equal(one.rttMs, 80)
  one.ping(2_000, 0)
  one.handlePong(2, 2_160)
  t.equal(one.rttMs, 90)
  t.equal(link().rttMs, undefined)
})

t.test('what the connect took stands for the round trip until that is measured, and is no sample', async t => {
  const one = link({ rttMs: 600 })
  t.equal(one.rttMs, 600)
  t.equal(one.probeMs, 1_800)
  t.equal(link({ rttMs: 1 }).probeMs, 3 * LIMITS.doubtMs, 'a proxy on the way may have answered')
  t.equal(link({ rttMs: LIMITS.rttMaxMs + 1 }).rttMs, LIMITS.rttMaxMs)
  one.ping(1_000, 0)
  one.handlePong(1, 1_080)
  t.equal(one.rttMs, 80)
})

t.test('a round trip counts as 5 s at most, whatever the clock says', async t => {
  t.equal(measured(LIMITS.rttMaxMs - 1).rttMs, LIMITS.rttMaxMs - 1)
  t.equal(measured(LIMITS.rttMaxMs).rttMs, LIMITS.rttMaxMs)
  t.equal(measured(LIMITS.rttMaxMs + 1).rttMs, LIMITS.rttMaxMs)
  t.equal(measured(1_800_000).probeMs, 3 * LIMITS.rttMaxMs, 'so doubt comes in time')
})

t.test('silence is doubt after three round trips, and never before 100 ms', async t => {
  t.equal(measured(80).probeMs, 240)
  t.equal(measured(10).probeMs, LIMITS.doubtMs)
  t.equal(link().probeMs, 3 * LIMITS.doubtMs, 'while the round trip is unknown')
})

t.test('nothing outstanding is never doubted', async t => {
  t.equal(link().doubtAt, Number.POSITIVE_INFINITY)
  t.equal(measured(80).doubtAt, Number.POSITIVE_INFINITY)
})

t.test('bytes in flight are doubted after the probe time, from when they began to wait', async t => {
  const one = measured(80)
  one.hasFlight = true
  one.awaitingSince = 3_000
  t.equal(one.doubtAt, 3_240)
  one.handleHeard(3_100, true)
  t.equal(one.doubtAt, 3_340, 'any record is life, and bytes still wait')
  one.handleHeard(3_200, false)
  t.equal(one.doubtAt, Number.POSITIVE_INFINITY)
})

t.test('a ping is doubted when its answer is due, but not before the probe time', async t => {
  const one = measured(80)
  one.ping(3_000, 1_000)
  t.equal(one.doubtAt, 4_000)
  one.ping(3_100, 0)
  t.equal(one.doubtAt, 3_240, 'the most impatient one counts, since the first was sent')
  one.hasFlight = true
  t.equal(one.doubtAt, 3_240)
})

t.test('a sign of life while a ping waits starts the wait anew', async t => {
  const one = measured(80)
  one.ping(3_000, 1_000)
  one.handleHeard(3_500, false)
  t.equal(one.doubtAt, 4_500)
  one.handlePong(2, 3_600)
  one.handleHeard(3_600, false)
  t.equal(one.doubtAt, Number.POSITIVE_INFINITY)
})

t.test('pings are numbered and leave as control messages', async t => {
  const one = link()
  one.ping(1_000, 0)
  one.ping(1_001, 0)
  t.same(one.control.map(toHex), ['140000042a020801', '140000042a020802'])
  t.match(one, { lastPingAt: 1_001, awaitingSince: 1_000, isPinging: true })
})

t.test('at most eight pings wait for an answer', async t => {
  const one = link()
  for (let i = 0; i < LIMITS.pingsMax + 3; i++) one.ping(1_000 + i, 0)
  t.equal(one.control.length, LIMITS.pingsMax)
  t.equal(one.lastPingAt, 1_000 + LIMITS.pingsMax + 2, 'but it was tried, and the next heartbeat is not due at once')
})

t.test('an answer settles its ping and those before it', async t => {
  const one = link()
  for (let i = 0; i < 3; i++) one.ping(1_000 + i, 0)
  one.handlePong(2, 1_011)
  t.equal(one.rttMs, 10, 'measured by the second')
  t.ok(one.isPinging, 'the third still waits')
  one.handlePong(3, 1_012)
  t.notOk(one.isPinging)
})

t.test('an answer to no ping, or a second one, measures nothing', async t => {
  const one = link()
  one.handlePong(1, 1_500)
  t.equal(one.rttMs, undefined)
  one.ping(2_000, 0)
  one.handlePong(1, 2_040)
  one.handlePong(1, 9_000)
  t.equal(one.rttMs, 40)
})

t.test('the flight is 256 KiB while round trip or rate are unknown, and never less', async t => {
  t.equal(link().flightBytesMax, LIMITS.flightBytesMin)
  t.equal(measured(20).flightBytesMax, LIMITS.flightBytesMin)
})

t.test('the flight is twice the bandwidth-delay product, with the least round trip and a slack', async t => {
  const one = measured(20)
  one.handleDelivered(4_000_000, 1_040)
  // 4,000,000 bytes in 40 ms, 20 ms and 3 of slack
  t.equal(one.flightBytesMax, 2 * 100_000 * 23)
  one.ping(1_040, 0)
  one.handlePong(2, 1_140)
  t.equal(one.flightBytesMax, 2 * 100_000 * 23, 'a longer round trip does not raise it')
  one.ping(1_200, 0)
  one.handlePong(3, 1_210)
  t.equal(one.flightBytesMax, 2 * 100_000 * 13, 'a shorter one lowers it')
})

t.test('the flight is at most 32 MiB', async t => {
  const one = measured(1_000)
  one.handleDelivered(2 ** 32, 2_000)
  t.equal(one.flightBytesMax, LIMITS.flightBytesMax)
})

t.test('the rate is sampled over a round trip, and over 10 ms at least', async t => {
  const one = measured(2)
  one.handleDelivered(1_000_000, 1_009)
  t.equal(one.recordBytesMax, LIMITS.recordBytesMin, '9 ms are too short')
  one.handleDelivered(1_000_000, 1_010)
  t.equal(one.flightBytesMax, Math.floor(2 * 200_000 * 5), 'both count')
  const far = measured(100)
  far.handleDelivered(10_000_000, 1_099)
  t.equal(far.flightBytesMax, LIMITS.flightBytesMin, 'less than a round trip')
})

t.test('a lower rate is believed by a tenth at a time, a higher one at once', async t => {
  const one = measured(20)
  one.handleDelivered(2_000_000, 1_020)
  t.equal(one.flightBytesMax, 2 * 100_000 * 23)
  one.handleDelivered(0, 1_040)
  t.equal(one.flightBytesMax, 2 * 90_000 * 23)
  one.handleDelivered(4_000_000, 1_060)
  t.equal(one.flightBytesMax, 2 * 200_000 * 23)
})

t.test('a record is 2 ms of the rate, within 16 and 64 KiB', async t => {
  const one = measured(20)
  t.equal(one.recordBytesMax, LIMITS.recordBytesMin)
  one.handleDelivered(20 * 20_000, 1_020)
  t.equal(one.recordBytesMax, 40_000)
  one.handleDelivered(20 * 1_000_000, 1_040)
  t.equal(one.recordBytesMax, LIMITS.recordBytesMax)
})
