import t from 'tap'
import { Record } from '../../src/session/record.ts'

t.test('a record keeps its parts in order and counts their bytes', async t => {
  const record = new Record(4)
  t.match(record, { bytes: 0, isFull: false, parts: [] })
  const [one, two, three] = [Uint8Array.of(1), Uint8Array.of(2, 2), Uint8Array.of(3)]
  record.add(one, two)
  t.match(record, { bytes: 3, isFull: false })
  record.add(three)
  t.match(record, { bytes: 4, isFull: true })
  t.strictSame(record.parts, [one, two, three])
  t.equal(record.parts[1], two, 'not copied')
})
