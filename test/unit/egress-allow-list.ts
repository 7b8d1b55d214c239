import t from 'tap'
import { AllowList } from '../../src/egress/allow-list.ts'

t.test('allows nothing by default', async t => {
  const allow = new AllowList([])
  t.notOk(allow.allowsName('db', 80))
  t.notOk(allow.allowsAddress('127.0.0.1', 80))
  t.notOk(allow.allowsSomeAddress(80))
})

t.test('refuses a text that is no rule', async t => {
  t.throws(() => new AllowList(['db:80', 'db']), { code: 'CONFIG_INVALID', message: /^db is no rule/ })
})

t.test('matches names as named, whatever their case', async t => {
  const allow = new AllowList(['db.Internal:5432', '*.example.com:80-81', '10.0.0.1:*'])
  t.ok(allow.allowsName('DB.internal.', 5432))
  t.notOk(allow.allowsName('db.internal', 5433))
  t.notOk(allow.allowsName('xdb.internal', 5432))
  t.ok(allow.allowsName('a.b.EXAMPLE.com', 81))
  for (const name of ['example.com', '.example.com', 'badexample.com', 'a.example.com.evil'])
    t.notOk(allow.allowsName(name, 80), name)
  t.notOk(allow.allowsName('10.0.0.1', 80), 'an address is no name')
})

t.test('matches addresses by network and port', async t => {
  const allow = new AllowList(['10.0.0.0/8:5432', '[fd00::]/16:*', '192.0.2.7:80-90', '192.0.2.8:80-90'])
  t.ok(allow.allowsAddress('10.255.255.255', 5432))
  t.notOk(allow.allowsAddress('11.0.0.0', 5432))
  t.notOk(allow.allowsAddress('10.0.0.1', 5433))
  t.ok(allow.allowsAddress('fd00:0:ffff::1', 1))
  t.notOk(allow.allowsAddress('fd01::1', 1))
  t.ok(allow.allowsAddress('192.0.2.8', 90))
  t.notOk(allow.allowsAddress('db.internal', 5432))
  t.notOk(allow.allowsAddress('fd00::1%eth0', 5432))
  t.notOk(allow.allowsAddress('10.1', 5432))
})

t.test('holds IPv4-mapped IPv6 addresses to the IPv4 rules, and IPv4 never to those of IPv6', async t => {
  const allow = new AllowList(['10.0.0.0/8:80', '[::]/0:81'])
  t.ok(allow.allowsAddress('::ffff:10.1.2.3', 80))
  t.ok(allow.allowsAddress('::ffff:a01:203', 80))
  t.notOk(allow.allowsAddress('::ffff:11.1.2.3', 80))
  t.notOk(allow.allowsAddress('::ffff:10.1.2.3', 81))
  t.notOk(allow.allowsAddress('10.1.2.3', 81))
  t.ok(allow.allowsAddress('::1', 81))
})
