import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Transactions } from '../../src/firewall/transactions.ts'
import { standIn, withoutShell } from '../support/stand-in.ts'

t.test(
  'a transaction goes to a process that waits, and to a new one when none does',
  { skip: withoutShell },
  async t => {
    const directory = standIn(t, 'nft', 'echo made >> made; cat >> scripts')
    const transactions = new Transactions()
    t.teardown(() => transactions.close())
    transactions.prepare()
    const scripts = Array.from({ length: LIMITS.nftSparesMax + 1 }, (_, n) => `add table t${n}\n`)
    for (const script of scripts) await transactions.apply(script)
    t.equal(readFileSync(join(directory, 'scripts'), 'utf8'), scripts.join(''))
    t.equal(readFileSync(join(directory, 'made'), 'utf8'), 'made\n'.repeat(scripts.length))
  },
)

t.test('what nft says is told in a clause', { skip: withoutShell }, async t => {
  standIn(
    t,
    'nft',
    'cat > script; case $(cat script) in a) echo "Operation not permitted";; *) echo "no; such"; esac >&2; exit 1',
  )
  const transactions = new Transactions()
  t.teardown(() => transactions.close())
  await t.rejects(transactions.apply('a'), { message: /^this user may not change rules; run as root, or/ })
  await t.rejects(transactions.apply('b'), { message: '`nft` said "no; such"' })
})

t.test('one that was ended by a signal is told', { skip: withoutShell }, async t => {
  standIn(t, 'nft', 'kill -KILL $$')
  const transactions = new Transactions()
  t.teardown(() => transactions.close())
  await t.rejects(transactions.apply('a'), { message: '`nft` did not end: it was ended by SIGKILL' })
})
