import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Budget } from '../../src/session/budget.ts'
import { FIRST_LIMIT, ReceiveWindow } from '../../src/session/window.ts'

const FLOOR = LIMITS.windowFloorBytes
const RTT_MS = 20

/** A window whose floor was reserved, as an open does. */
function window(totalBytes: number = LIMITS.budgetBytes) {
  const budget = new Budget(totalBytes)
  t.ok(budget.reserveFloor(FLOOR))
  return { budget, window: new ReceiveWindow(budget) }
}

t.test('the first limit lets the open and 16 KiB go', async t => {
  t.equal(FIRST_LIMIT, 1 + 16_384)
  t.equal(window().window.limit, FIRST_LIMIT)
})

t.test('a limit may rise by what the application has taken, and never falls', async t => {
  const { window: one } = window()
  t.equal(one.grantable(1), FIRST_LIMIT)
  t.equal(one.grantable(1_001), FIRST_LIMIT + 1_000)
  one.limit = FIRST_LIMIT + 5_000
  t.equal(one.grantable(1), FIRST_LIMIT + 5_000, 'what was granted stays granted')
})

t.test('a reader that takes a window within two round trips doubles it', async t => {
  const { budget, window: one } = window()
  one.handleConsumed(1, 0, RTT_MS)
  one.handleConsumed(1 + FLOOR, 2 * RTT_MS, RTT_MS)
  t.equal(one.bytes, 2 * FLOOR)
  t.equal(budget.usedBytes, 2 * FLOOR)
  one.handleConsumed(1 + 2 * FLOOR, 3 * RTT_MS, RTT_MS)
  t.equal(one.bytes, 2 * FLOOR, 'half of the new window is not all of it')
  one.handleConsumed(1 + 3 * FLOOR, 4 * RTT_MS, RTT_MS)
  t.equal(one.bytes, 4 * FLOOR)
})

t.test('a slower reader keeps its window', async t => {
  const { window: one } = window()
  one.handleConsumed(1, 0, RTT_MS)
  one.handleConsumed(1 + FLOOR, 2 * RTT_MS + 1, RTT_MS)
  t.equal(one.bytes, FLOOR)
  one.handleConsumed(1 + 2 * FLOOR, 2 * RTT_MS + 10, RTT_MS)
  t.equal(one.bytes, 2 * FLOOR, 'and is measured anew')
})

t.test('round trips below 5 ms count as such', async t => {
  const { window: one } = window()
  one.handleConsumed(1, 0, 0)
  one.handleConsumed(1 + FLOOR, 10, 0)
  t.equal(one.bytes, 2 * FLOOR)
  one.handleConsumed(1 + 3 * FLOOR, 21, 0)
  t.equal(one.bytes, 2 * FLOOR)
})

t.test('a window grows to 16 MiB and no further', async t => {
  const { window: one } = window()
  let consumed = 1
  for (let i = 0; i < 20; i++) {
    consumed += one.bytes
    one.handleConsumed(consumed, i, RTT_MS)
  }
  t.equal(one.bytes, LIMITS.windowBytesMax)
})

t.test('a window grows only while half of the budget stays free', async t => {
  const { budget, window: one } = window(5 * FLOOR)
  one.handleConsumed(1, 0, RTT_MS)
  one.handleConsumed(1 + FLOOR, 1, RTT_MS)
  t.equal(one.bytes, 2 * FLOOR)
  one.handleConsumed(1 + 3 * FLOOR, 2, RTT_MS)
  t.equal(one.bytes, 2 * FLOOR)
  t.equal(budget.usedBytes, 2 * FLOOR)
})

t.test('what a window holds goes back to the budget', async t => {
  const { budget, window: one } = window()
  one.handleConsumed(1, 0, RTT_MS)
  one.handleConsumed(1 + FLOOR, 1, RTT_MS)
  one.release()
  t.equal(budget.usedBytes, 0)
})
