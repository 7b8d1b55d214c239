import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { type Clocks, SleepDetector } from '../../src/watch/sleep-detector.ts'

const HOUR_MS = 3_600_000

/** Feeds one tick after so many milliseconds on each clock; the tick before was at zero. */
function tick(uptimeMs: number, monotonicMs: number, cpuMs = 0): number | undefined {
  const detector = new SleepDetector({ uptimeMs: 5e9, monotonicMs: 100, cpuMs: 7 })
  return detector.handleTick({ uptimeMs: 5e9 + uptimeMs, monotonicMs: 100 + monotonicMs, cpuMs: 7 + cpuMs })
}

t.test('says nothing about ticks on time', async t => {
  t.equal(tick(LIMITS.watchTickMs, LIMITS.watchTickMs), undefined)
  t.equal(tick(LIMITS.watchTickMs + 1_990, LIMITS.watchTickMs), undefined, 'an uptime told in whole seconds')
})

t.test('tells the time asleep that the monotonic clock did not count', async t => {
  t.equal(tick(HOUR_MS + 1_000, 1_000), HOUR_MS)
  t.equal(tick(HOUR_MS + 20_000, 20_000, 20_000), HOUR_MS, 'however busy it was besides')
})

t.test('knows standing still where the monotonic clock goes on', async t => {
  t.equal(tick(HOUR_MS, HOUR_MS, 3), 0)
  t.equal(tick(6_000, 6_000), 0)
  t.equal(tick(5_999, 5_999), undefined, 'a loaded machine')
})

t.test('does not take a blocked loop for sleep', async t => {
  t.equal(tick(30_000, 30_000, 29_500), undefined)
  t.equal(tick(30_000, 30_000, 14_500), undefined)
  t.equal(tick(30_000, 30_000, 14_499), 0)
})

t.test('compares each tick with the one before', async t => {
  const at = (ms: number): Clocks => ({ uptimeMs: ms, monotonicMs: ms, cpuMs: 0 })
  const detector = new SleepDetector(at(0))
  t.equal(detector.handleTick(at(HOUR_MS)), 0)
  t.equal(detector.handleTick(at(HOUR_MS + 1_000)), undefined)
})
