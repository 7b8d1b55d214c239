import t from 'tap'
import { Routes } from '../../src/sidecar/routes.ts'

const routes = new Routes([
  { rules: ['0.0.0.0/0:*'], peer: 'anywhere' },
  { rules: ['10.0.0.0/8:*'], peer: 'wide' },
  { rules: ['10.20.0.0/16:5432', '10.20.0.0/16:8000-8080'], peer: 'narrow' },
  { rules: ['10.20.0.0/16:*'], peer: 'rest' },
  { rules: ['[fd00::]/8:*'], peer: 'six' },
  { rules: ['*.internal:*'], peer: 'names' },
  { rules: ['*.db.internal:*'], peer: 'databases' },
  { rules: ['one.db.internal:443', 'one.db.internal:1-1000'], peer: 'one' },
])

t.test('the most specific route decides, wherever it stands', async t => {
  const of = (host: string, port = 80) => routes.routeFor({ host, port })?.peer
  t.equal(of('192.0.2.1'), 'anywhere')
  t.equal(of('10.1.2.3'), 'wide')
  t.equal(of('10.20.1.1', 5432), 'narrow')
  t.equal(of('10.20.1.1', 8080), 'narrow')
  t.equal(of('10.20.1.1', 8081), 'rest', 'equal but for the ports: fewer ports first')
  t.equal(of('::ffff:10.1.2.3'), 'wide', 'an IPv4 address in IPv6 clothes')
  t.equal(of('fd12::1'), 'six')
  t.equal(of('2001:db8::1'), undefined, 'what no route holds')
})

t.test('names are compared as names, the longest suffix first', async t => {
  const of = (host: string, port = 80) => routes.routeFor({ host, port })?.peer
  t.equal(of('Web.Internal.'), 'names')
  t.equal(of('two.db.internal'), 'databases')
  t.equal(of('one.db.internal', 999), 'one')
  t.equal(of('one.db.internal', 1001), 'databases')
  t.equal(of('internal'), undefined, 'a suffix is not the name itself')
  t.equal(of('xinternal'), undefined)
})

t.test('says whether looking up a name could find a route', async t => {
  t.ok(routes.hasNetworksFor(443))
  const few = new Routes([{ rules: ['a:1', '10.0.0.0/8:5432'], peer: 'b' }])
  t.same([few.hasNetworksFor(1), few.hasNetworksFor(5432)], [false, true])
})

t.test('a rule that is none is refused', async t => {
  t.throws(() => new Routes([{ rules: ['10.0.0.0/40:1'], peer: 'a' }]), { code: 'CONFIG_INVALID' })
})
