import t from 'tap'
import { runProgram } from '../../src/firewall/program.ts'
import { standIn, withoutShell } from '../support/stand-in.ts'

/** More than a pipe holds. */
const SCRIPT = 'x'.repeat(1_000_000)

t.test('a program that ends before it has read all is heard to its end', { skip: withoutShell }, async t => {
  standIn(t, 'nft', 'echo "Operation not permitted" >&2; exit 1')
  t.throws(() => runProgram('nft', ['-f', '-'], SCRIPT), {
    message: /^this user may not change rules; run as root, or/,
  })
  standIn(t, 'nft', 'echo listed')
  t.equal(runProgram('nft', ['-f', '-'], SCRIPT), 'listed\n')
})

t.test('one that does not run to its end is told', { skip: withoutShell }, async t => {
  standIn(t, 'nft', 'kill -KILL $$')
  t.throws(() => runProgram('nft', [], SCRIPT), { message: '`nft` did not end: it was ended by SIGKILL' })
})
