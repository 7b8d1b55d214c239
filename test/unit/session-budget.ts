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

t.test('outboxes are short above seven eighths', async t => {
  const budget = new Budget(3_200)
  budget.take(2_800)
  t.notOk(budget.isShort)
  budget.take(1)
  t.ok(budget.isShort)
})

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
