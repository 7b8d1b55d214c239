import t from 'tap'
import { RuleTable } from '../../src/base/rule-table.ts'

const tableOf = (...rules: string[]) => new RuleTable(rules.map(rule => [rule, rule] as const))

t.test(
  'of several rules that hold an address, the longest prefix decides, then fewer ports, then the order',
  async t => {
    const table = tableOf('0.0.0.0/0:*', '10.0.0.0/8:80-90', '10.0.0.0/8:*', '10.1.0.0/16:*', '10.0.0.0/8:90-100')
    t.equal(table.forAddress('192.0.2.1', 80), '0.0.0.0/0:*')
    t.equal(table.forAddress('::ffff:10.0.0.1', 90), '10.0.0.0/8:80-90')
    t.equal(table.forAddress('10.0.0.1', 101), '10.0.0.0/8:*')
    t.equal(table.forAddress('10.1.0.1', 80), '10.1.0.0/16:*')
    t.equal(table.forAddress('2001:db8::1', 80), undefined)
    t.equal(table.forAddress('db.test', 80), undefined, 'a name is no address')
  },
)

t.test('the very name decides before any suffix, and the longest suffix before others', async t => {
  const table = tableOf('a.b.test:443', '*.test:*', '*.b.test:*')
  t.equal(table.forName('A.b.test.', 443), 'a.b.test:443')
  t.equal(table.forName('a.b.test', 80), '*.b.test:*')
  t.equal(table.forName('x.test', 80), '*.test:*')
  t.equal(table.forName('test', 80), undefined)
})

t.test('says whether any address could have a rule on a port', async t => {
  t.same(
    [80, 81].map(port => tableOf('a:81', '10.0.0.0/8:80').hasNetworksFor(port)),
    [true, false],
  )
})

t.test('refuses what is no rule', async t => {
  t.throws(() => tableOf('db:80', 'db'), { code: 'CONFIG_INVALID', message: /^db is no rule/ })
})
