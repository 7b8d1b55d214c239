import t from 'tap'
import { AllowList } from '../../src/egress/allow-list.ts'

t.test('allows nothing by default', async t => {
  const allow = new AllowList([])
  t.notOk(allow.forName('db', 80))
  t.notOk(allow.forAddress('127.0.0.1', 80))
  t.notOk(allow.hasNetworksFor(80))
})

t.test('refuses a text that is no rule', async t => {
  t.throws(() => new AllowList(['db:80', 'db']), { code: 'CONFIG_INVALID', message: /^db is no rule/ })
})

t.test('matches names as named, whatever their case', async t => {
  const allow = new AllowList(['db.Internal:5432', '*.example.com:80-81', '10.0.0.1:*'])
  t.ok(allow.forName('DB.internal.', 5432))
  t.notOk(allow.forName('db.internal', 5433))
  t.notOk(allow.forName('xdb.internal', 5432))
  t.ok(allow.forName('a.b.EXAMPLE.com', 81))
  for (const name of ['example.com', '.example.com', 'badexample.com', 'a.example.com.evil'])
    t.notOk(allow.forName(name, 80), name)
  t.notOk(allow.forName('10.0.0.1', 80), 'an address is no name')
})

t.test('matches addresses by network and port', async t => {
  const allow = new AllowList(['10.0.0.0/8:5432', '[fd00::]/16:*', '192.0.2.7:80-90', '192.0.2.8:80-90'])
  t.ok(allow.forAddress('10.255.255.255', 5432))
  t.notOk(allow.forAddress('11.0.0.0', 5432))
  t.notOk(allow.forAddress('10.0.0.1', 5433))
  t.ok(allow.forAddress('fd00:0:ffff::1', 1))
  t.notOk(allow.forAddress('fd01::1', 1))
  t.ok(allow.forAddress('192.0.2.8', 90))
  t.notOk(allow.forAddress('db.internal', 5432))
  t.notOk(allow.forAddress('fd00::1%eth0', 5432))
  t.notOk(allow.forAddress('10.1', 5432))
})

t.test('holds IPv4-mapped IPv6 addresses to the IPv4 rules, and IPv4 never to those of IPv6', async t => {
  const allow = new AllowList(['10.0.0.0/8:80', '[::]/0:81'])
  t.ok(allow.forAddress('::ffff:10.1.2.3', 80))
  t.ok(allow.forAddress('::ffff:a01:203', 80))
  t.notOk(allow.forAddress('::ffff:11.1.2.3', 80))
  t.notOk(allow.forAddress('::ffff:10.1.2.3', 81))
  t.notOk(allow.forAddress('10.1.2.3', 81))
  t.ok(allow.forAddress('::1', 81))
})

t.test(
  'of several rules that match, the most specific one decides: name or prefix, then ports, then order',
  async t => {
    const wide = { to: '10.0.0.0/8:*', proxyProtocol: 'v1' } as const
    const narrow = { to: '10.1.0.0/16:*', proxyProtocol: 'v2' } as const
    for (const entries of [
      [wide, narrow, '10.1.2.3:80'],
      ['10.1.2.3:80', narrow, wide],
    ]) {
      const allow = new AllowList(entries)
      t.equal(allow.forAddress('10.2.0.1', 80)?.proxyProtocol, 'v1')
      t.equal(allow.forAddress('10.1.0.1', 80)?.proxyProtocol, 'v2')
      t.equal(allow.forAddress('10.1.2.3', 81)?.proxyProtocol, 'v2')
      t.match(allow.forAddress('10.1.2.3', 80), { proxyProtocol: undefined }, 'a text: no header')
    }
    const ports = new AllowList([wide, { to: '10.0.0.0/8:80-90', proxyProtocol: 'v2' }, '10.0.0.0/8:90-100'])
    t.equal(ports.forAddress('10.0.0.1', 79)?.proxyProtocol, 'v1')
    t.equal(ports.forAddress('10.0.0.1', 80)?.proxyProtocol, 'v2')
    t.equal(ports.forAddress('10.0.0.1', 90)?.proxyProtocol, 'v2', 'as many ports: the first')
    t.equal(ports.forAddress('10.0.0.1', 91)?.proxyProtocol, undefined)
    const [any, deep] = [
      { to: '*.test:80', proxyProtocol: 'v1' },
      { to: '*.b.test:*', proxyProtocol: 'v2' },
    ] as const
    const names = new AllowList([any, deep, 'a.b.test:*'])
    t.equal(names.forName('x.test', 80)?.proxyProtocol, 'v1')
    t.equal(names.forName('x.b.test', 80)?.proxyProtocol, 'v2', 'the longer suffix, though it has more ports')
    t.match(names.forName('a.b.test', 80), { proxyProtocol: undefined })
  },
)

t.test('a rule that keeps addresses of clients holds those it lists, and nobody without a list', async t => {
  const clients = ['10.79.0.0/16', 'fd79::/16']
  const allow = new AllowList([
    '10.0.0.0/8:*',
    { to: '10.30.0.0/16:*', source: 'preserve', clients },
    { to: '10.40.0.0/16:*', source: 'preserve' },
    { to: '10.50.0.0/16:*', clients },
  ])
  const held = (destination: string) =>
    allow
      .forAddress(destination, 80)!
      .clients?.map(holds => [10, 11].map(first => holds(Uint8Array.of(first, 79, 1, 2))))
  t.same(held('10.30.0.1'), [
    [true, false],
    [false, false],
  ])
  t.same(held('10.40.0.1'), [])
  for (const destination of ['10.1.0.1', '10.50.0.1']) t.equal(held(destination), undefined, 'the host’s own address')
  const entry = { to: 'a:1', source: 'preserve', clients: ['10.0.0.0/33'] } as const
  t.throws(() => new AllowList([entry]), { code: 'CONFIG_INVALID', message: /^\/33 is longer/ })
})
