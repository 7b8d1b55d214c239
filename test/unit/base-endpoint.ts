import t from 'tap'
import {
  formatEndpoint,
  formatHostPort,
  isHost,
  isLocalOnly,
  isLoopback,
  isMetadataService,
  isWildcard,
  parseEndpoint,
  parseHostPort,
  plainAddress,
  printableEndpoint,
} from '../../src/base/endpoint.ts'

t.test('reads host:port, with brackets around IPv6', async t => {
  t.same(parseHostPort('db.internal:5432'), { host: 'db.internal', port: 5432 })
  t.same(parseHostPort('192.0.2.1:0'), { host: '192.0.2.1', port: 0 })
  t.same(parseHostPort('[2001:db8::1]:65535'), { host: '2001:db8::1', port: 65_535 })
  t.same(parseHostPort('[fe80::1%eth0]:80'), { host: 'fe80::1%eth0', port: 80 })
  t.same(parseHostPort('db', 5432), { host: 'db', port: 5432 }, 'the default port')
  t.same(parseHostPort('db:1', 5432), { host: 'db', port: 1 }, 'its own port')
})

t.test('reads nothing else as host:port', async t => {
  const texts = [
    '',
    ':',
    'db',
    'db:',
    'db:65536',
    'db:-1',
    'db:1x',
    ':80',
    '2001:db8::1:80',
    '[db]:80',
    '[::1:80',
    '::1]:80',
  ]
  for (const text of [
    ...texts,
    'a b:80',
    'user@db:80',
    'db/x:80',
    'db?:80',
    'db#:80',
    `${'a'.repeat(256)}:80`,
    'db:080000',
  ]) {
    t.equal(parseHostPort(text), undefined, text)
  }
})

t.test('a host and port are written as they are read', async t => {
  for (const text of ['db.internal:5432', '192.0.2.1:0', '[2001:db8::1]:443', '[fe80::1%eth0]:80']) {
    t.equal(formatHostPort(parseHostPort(text)!), text)
  }
})

t.test('reads endpoints of three schemes; ws has port 80, wss 443 and tcp none of its own', async t => {
  t.same(parseEndpoint('tcp://a.example:7000'), { scheme: 'tcp', host: 'a.example', port: 7000, path: '' })
  t.same(parseEndpoint('tcp://a.example:7000/'), { scheme: 'tcp', host: 'a.example', port: 7000, path: '' })
  t.same(parseEndpoint('ws://a.example'), { scheme: 'ws', host: 'a.example', port: 80, path: '/' })
  t.same(parseEndpoint('wss://[2001:db8::1]/h/x?y=1'), {
    scheme: 'wss',
    host: '2001:db8::1',
    port: 443,
    path: '/h/x?y=1',
  })
  t.same(parseEndpoint('ws://a.example:8080/h'), { scheme: 'ws', host: 'a.example', port: 8080, path: '/h' })
})

t.test('reads nothing else as an endpoint', async t => {
  const texts = [
    '',
    'a.example:7000',
    'http://a.example',
    'tcp://a.example',
    'tcp://a.example:7000/path',
    'tcp://:7000',
  ]
  for (const text of [
    ...texts,
    'TCP://a:1',
    'ws://',
    'ws://a?x',
    'ws://a#x',
    'ws://a/#x',
    'ws://a/ x',
    'ws://a:65536',
    ' ws://a',
  ]) {
    t.equal(parseEndpoint(text), undefined, text)
  }
})

t.test('an endpoint is written in full', async t => {
  const texts = ['tcp://a.example:7000', 'ws://a.example:80/', 'wss://[2001:db8::1]:443/h/x?y=1']
  for (const text of texts) t.equal(formatEndpoint(parseEndpoint(text)!), text)
})

t.test('for people an endpoint has no query, which may be a token', async t => {
  const printable = (text: string) => printableEndpoint(parseEndpoint(text)!)
  t.equal(printable('wss://a.example/h/x?token=SECRET?y'), 'wss://a.example:443/h/x?…')
  for (const text of ['tcp://a.example:7000', 'ws://a.example:80/h/x']) t.equal(printable(text), text)
})

t.test('an IPv4 address that a dual-stack socket reports is shown as IPv4', async t => {
  t.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(plainAddress('::FFFF:192.0.2.1'), '192.0.2.1')
  t.equal(plainAddress('2001:db8::1'), '2001:db8::1')
  t.equal(plainAddress('192.0.2.1'), '192.0.2.1')
})

t.test('only the two addresses that stand for every address are wildcards', async t => {
  t.ok(isWildcard('::') && isWildcard('0.0.0.0'))
  t.notOk(isWildcard('::1') || isWildcard('0.0.0.1') || isWildcard(''))
})

t.test(
  'loopback, link-local, multicast and unspecified addresses are local only, however they are written',
  async t => {
    const local = [
      '127.0.0.1',
      '127.255.0.9',
      '0.0.0.0',
      '169.254.169.254',
      '224.0.0.1',
      '255.255.255.255',
      'localhost',
    ]
    const v6 = ['::1', '::', 'fe80::1', 'FEBF::1', 'fe80::1%eth0', 'ff02::1', '::ffff:127.0.0.1', '::ffff:169.254.1.1']
    const disguised = [
      '::ffff:7f00:1',
      '::FFFF:a9fe:a9fe',
      '0:0:0:0:0:0:0:1',
      '::0',
      '0::1',
      'a.localhost',
      'LOCALHOST',
      'localhost.',
    ]
    for (const host of [...local, ...v6, ...disguised]) t.ok(isLocalOnly(host), host)
  },
)

t.test(
  'numbers that inet_aton would read as an address are local only, since nobody can tell which they are',
  async t => {
    for (const host of ['127.1', '2130706433', '0x7f.1', '0177.0.0.1', '0x7f000001']) t.ok(isLocalOnly(host), host)
  },
)

t.test('the metadata services of clouds are known, however they are written', async t => {
  const v4 = ['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '::ffff:169.254.169.254']
  const v6 = ['fd00:ec2::254', 'FD00:0EC2:0:0::0254', 'fd20:ce::254', '::ffff:6464:64c8', '169.254.169.254%eth0']
  for (const host of [...v4, ...v6]) t.ok(isMetadataService(host), host)
  for (const host of ['169.254.169.253', '100.100.100.201', 'fd00:ec2::255', 'fd00::254', 'metadata.example'])
    t.notOk(isMetadataService(host), host)
})

t.test('a host is a name or an address', async t => {
  for (const host of ['a', 'A_b.example.', '1.2.3.4', '::', 'fe80::1%eth0']) t.ok(isHost(host), host)
  for (const host of ['*', '256.1.1.1', '127.1', '0x7f.1', '', 'a..b', '1.2.3.4%eth0', '::g'])
    t.notOk(isHost(host), host)
})

t.test('other addresses and names may be reached from afar', async t => {
  const hosts = [
    '192.0.2.1',
    '10.0.0.1',
    '169.253.1.1',
    '223.255.255.255',
    '2001:db8::1',
    'fd00::1',
    '::ffff:192.0.2.1',
  ]
  for (const host of [...hosts, 'a.example', 'localhost.example', 'ffe.example', '127.example', 'a_b.internal'])
    t.notOk(isLocalOnly(host), host)
})

t.test('knows what only this host reaches', async t => {
  for (const host of ['localhost', '::1', '127.0.0.1', '127.255.0.9']) t.ok(isLoopback(host), host)
  for (const host of ['::', '0.0.0.0', '128.0.0.1', '127.example', 'localhost.example']) t.notOk(isLoopback(host), host)
})
