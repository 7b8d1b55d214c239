import t from 'tap'
import { assert, Bug } from '../../src/base/assert.ts'
import { CODES } from '../../src/base/codes.ts'
import { ConfigError, OperatorError, RemoteError } from '../../src/base/errors.ts'

t.test('an assertion that holds is silent, one that does not is a Bug with its message', async t => {
  assert(true, 'never told')
  t.throws(() => assert(false, 'one and one is two'), { name: 'Bug', message: 'one and one is two' })
  t.throws(() => assert(false, ''), Bug)
})

t.test('an error of the peer has a code, and says what the code says unless it knows better', async t => {
  const plain = new RemoteError('OVERLOADED')
  t.match(plain, { name: 'RemoteError', code: 'OVERLOADED', message: CODES.OVERLOADED.says })
  t.match(new RemoteError('OVERLOADED', 'seven sessions, six allowed'), { message: 'seven sessions, six allowed' })
  t.type(plain, Error)
})

t.test('an error of the operator keeps its cause', async t => {
  const cause = new Error('EACCES')
  const error = new OperatorError('FILE_UNREADABLE', 'cannot read a.yaml; check its permissions', { cause })
  t.match(error, { name: 'OperatorError', code: 'FILE_UNREADABLE', message: /a\.yaml/ })
  t.equal(error.cause, cause)
  t.equal(new OperatorError('USAGE', 'no such command').cause, undefined)
})

t.test('an error of the configuration lists every fault with file, line and path', async t => {
  const error = new ConfigError('holdfast.yaml', [
    { path: 'hold', line: 3, message: 'must be at least 1s' },
    { path: 'peers[0].id', message: 'is missing' },
  ])
  t.equal(error.code, 'CONFIG_INVALID')
  t.equal(error.name, 'ConfigError')
  t.equal(
    error.message,
    [
      'the configuration has 2 faults:',
      '  holdfast.yaml:3 hold: must be at least 1s',
      '  holdfast.yaml peers[0].id: is missing',
    ].join('\n'),
  )
  t.equal(error.faults.length, 2)
  t.type(error, OperatorError)
})

t.test('one fault is told in the singular', async t => {
  const { message } = new ConfigError('a.yaml', [{ path: 'hold', line: 1, message: 'is no duration' }])
  t.equal(message, 'the configuration has 1 fault:\n  a.yaml:1 hold: is no duration')
})
