import t from 'tap'
import { Backoff } from '../../src/carrier/backoff.ts'

const middle = () => 0.5

t.test('doubles from 0.2 s to 5 s', async t => {
  const backoff = new Backoff(middle)
  const delays = Array.from({ length: 7 }, () => backoff.next(0))
  t.same(delays, [200, 400, 800, 1_600, 3_200, 5_000, 5_000])
})

t.test('goes slowly when nothing has answered for ten minutes', async t => {
  const backoff = new Backoff(middle)
  t.equal(backoff.next(1_000), 200)
  t.equal(backoff.next(600_999), 400)
  t.equal(backoff.next(601_000), 30_000)
  t.equal(backoff.next(900_000), 30_000)
})

t.test('begins anew after a reset, also the ten minutes', async t => {
  const backoff = new Backoff(middle)
  backoff.next(0)
  t.equal(backoff.next(700_000), 30_000)
  backoff.reset()
  t.equal(backoff.next(800_000), 200)
  t.equal(backoff.next(1_399_999), 400)
  t.equal(backoff.next(1_400_000), 30_000)
})

t.test('spreads each delay by a quarter to either side', async t => {
  t.equal(new Backoff(() => 0).next(0), 150)
  t.equal(new Backoff(() => 0.999_999).next(0), 250)
})
