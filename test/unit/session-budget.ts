import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Budget } from '../../src/session/budget.ts'

t.test('the budget is the configured one unless another is given', async t => {
  t.equal(new Budget().totalBytes, LIMITS.budgetBytes)
})

t.test('windows leave half free, opens a sixteenth', async t => {
  const budget = new Budget(3_200)
  t.ok(budget.reserveGrowth(1_600))
  t.notOk(budget.reserveGrowth(1))
  t.equal(budget.usedBytes, 1_600, 'nothing was reserved')
  t.ok(budget.reserveFloor(1_400))
  t.notOk(budget.reserveFloor(1))
  t.equal(budget.usedBytes, 3_000)
})

t.test('an outbox may have less the less is free, and never less than the floor', async t => {
  const floor = LIMITS.windowFloorBytes
  const budget = new Budget(16 * 16 * floor)
  const most = budget.totalBytes * (7 / 8)
  t.equal(budget.outboxShareBytes, 16 * floor)
  budget.take(most / 4)
  t.equal(budget.outboxShareBytes, 16 * floor * (3 / 4) ** 4)
  budget.take(most / 4)
  t.equal(budget.outboxShareBytes, floor, 'a half is a sixteenth')
  budget.take(budget.totalBytes)
  t.equal(budget.outboxShareBytes, floor)
})

t.test(
  'a thousand outboxes that fill one after the other and are never emptied leave room for those that are',
  async t => {
    const budget = new Budget()
    for (let i = 0; i < 1_000; i++) {
      t.ok(budget.reserveFloor(LIMITS.windowFloorBytes))
      for (let bytes = 0; bytes < Math.min(2 * LIMITS.flightBytesMin, budget.outboxShareBytes); ) {
        const readBytes = Math.min(LIMITS.slabBytes, Math.max(LIMITS.readBytesMin, budget.outboxShareBytes))
        budget.take(readBytes)
        bytes += readBytes
      }
    }
    t.ok(budget.usedBytes < budget.totalBytes * (7 / 8), `${budget.usedBytes} bytes in use`)
    t.notOk(budget.isExhausted)
  },
)

t.test('tells once that it is exhausted, and once that there is room again', async t => {
  const budget = new Budget(3_200)
  const told: string[] = []
  budget.handlers = { onExhausted: () => told.push('exhausted'), onRelieved: () => told.push('relieved') }
  budget.take(3_100)
  t.same(told, [], 'one thirty-second is left')
  budget.take(1)
  budget.take(50)
  t.same(told, ['exhausted'])
  t.ok(budget.isExhausted)
  budget.release(150)
  t.same(told, ['exhausted'], 'not before a sixteenth is free')
  budget.release(1)
  t.same(told, ['exhausted', 'relieved'])
  t.notOk(budget.isExhausted)
})

t.test('tells again that it is exhausted when a peer goes out of reach, and not when there is room', async t => {
  const budget = new Budget(3_200)
  let told = 0
  budget.handlers = { onExhausted: () => told++, onRelieved: () => {} }
  budget.handleOutOfReach()
  t.equal(told, 0)
  budget.take(3_200)
  budget.handleOutOfReach()
  t.equal(told, 2)
})

t.test('needs nobody who listens', async t => {
  const budget = new Budget(32)
  budget.take(32)
  budget.release(32)
  t.equal(budget.usedBytes, 0)
})
