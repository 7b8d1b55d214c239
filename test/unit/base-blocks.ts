import t from 'tap'
import { BlockPool } from '../../src/base/blocks.ts'
import { LIMITS } from '../../src/base/limits.ts'

const { blockBytes } = LIMITS

t.test('a block that was given back is taken again, with the length that is asked for', async t => {
  const pool = new BlockPool(2)
  const first = pool.take(blockBytes)
  pool.give(first.subarray(5, 9))
  const second = pool.take(blockBytes - 1)
  t.equal(second.buffer, first.buffer)
  t.equal(second.length, blockBytes - 1)
})

t.test('a block is lent once, however often it is given back', async t => {
  const pool = new BlockPool(4)
  const block = pool.take(blockBytes)
  pool.give(block)
  pool.give(block)
  t.not(pool.take(blockBytes).buffer, pool.take(blockBytes).buffer)
})

t.test('what is not a block is not kept: small, larger, or from elsewhere', async t => {
  const pool = new BlockPool(4)
  const others = [pool.take(100), pool.take(blockBytes + 1), new Uint8Array(blockBytes)]
  t.same(
    others.map(other => other.length),
    [100, blockBytes + 1, blockBytes],
  )
  for (const other of others) pool.give(other)
  const block = pool.take(blockBytes)
  for (const other of others) t.not(block.buffer, other.buffer)
})

t.test('no more blocks are kept than the limit', async t => {
  const pool = new BlockPool(1)
  const [first, second] = [pool.take(blockBytes), pool.take(blockBytes)]
  pool.give(first)
  pool.give(second)
  t.equal(pool.take(blockBytes).buffer, first.buffer)
  t.not(pool.take(blockBytes).buffer, second.buffer)
})
