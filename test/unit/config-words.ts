import t from 'tap'
import { didYouMean, quoted } from '../../src/config/words.ts'

t.test('shows a value as JSON, cut when it is long', async t => {
  t.equal(quoted('a"b'), '"a\\"b"')
  t.equal(quoted({ a: [1] }), '{"a":[1]}')
  t.equal(quoted(undefined), 'undefined')
  t.equal(quoted('x'.repeat(79)), `"${'x'.repeat(79)}…`)
  t.equal(quoted('x'.repeat(78)), `"${'x'.repeat(78)}"`)
})

t.test('names the nearest known word, or all when none is near', async t => {
  t.equal(didYouMean('lisen', ['identity', 'listen', 'hold']), '; did you mean "listen"?')
  t.equal(didYouMean('xy', ['listen', 'id']), '; did you mean "id"?', 'two letters may be wrong in a short word')
  t.equal(didYouMean('bandwidth', ['url', 'cert']), '; known are url, cert')
  t.equal(didYouMean('office', []), '')
})
