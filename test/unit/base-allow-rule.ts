import t from 'tap'
import { isHostName, normalName, parseAllowRule } from '../../src/base/allow-rule.ts'
import { parseIpAddress } from '../../src/base/ip-address.ts'

const all = { first: 1, last: 65_535 }
const http = { first: 80, last: 80 }

t.test('reads names, suffixes, addresses and networks', async t => {
  t.same(parseAllowRule('db.Internal.:80'), { kind: 'name', name: 'db.internal', ports: http })
  t.same(parseAllowRule('*.Example.com:*'), { kind: 'suffix', suffix: '.example.com', ports: all })
  const v4 = { kind: 'network', family: 4, ports: http }
  t.same(parseAllowRule('10.1.2.3:80'), { ...v4, address: '10.1.2.3', prefixBits: 32 })
  t.same(parseAllowRule('10.0.0.0/8:80'), { ...v4, address: '10.0.0.0', prefixBits: 8 })
  t.same(parseAllowRule('0.0.0.0/0:80'), { ...v4, address: '0.0.0.0', prefixBits: 0 })
  const v6 = { kind: 'network', family: 6, ports: http }
  t.same(parseAllowRule('[2001:db8::1]:80'), { ...v6, address: '2001:db8::1', prefixBits: 128 })
  t.same(parseAllowRule('[fd00::]/8:80'), { ...v6, address: 'fd00::', prefixBits: 8 })
  t.same(parseAllowRule('[::]/0:80'), { ...v6, address: '::', prefixBits: 0 })
})

t.test('reads an IPv4-mapped address or network as the IPv4 it stands for', async t => {
  const v4 = { kind: 'network', family: 4, ports: http }
  t.same(parseAllowRule('[::ffff:10.1.2.3]:80'), { ...v4, address: '10.1.2.3', prefixBits: 32 })
  t.same(parseAllowRule('[::ffff:a00:0]/104:80'), { ...v4, address: '10.0.0.0', prefixBits: 8 })
})

t.test('reads ranges of ports', async t => {
  t.match(parseAllowRule('a:1-65535'), { ports: all })
  t.match(parseAllowRule('a:80-80'), { ports: http })
})

t.test('says what is wrong with anything else', async t => {
  const faults: Record<string, RegExp> = {
    '': /is no rule/,
    db: /is no rule/,
    '::1:80': /is no rule/,
    'db/8/9:80': /is no rule/,
    '[::1:80': /is no rule/,
    'db:': /is no port/,
    'db:0': /is no port/,
    'db:65536': /is no port/,
    'db:90-80': /is no port/,
    'db:80,81': /is no port/,
    ':80': /^nothing is no name/,
    '*:80': /0\.0\.0\.0\/0/,
    'a.*.b:80': /is no name/,
    'two words:80': /is no name/,
    '127.1:80': /is no name/,
    '10.0.0.256:80': /is no name/,
    '*.10:80': /is no name/,
    'db/8:80': /is no IPv4 address/,
    '[10.0.0.1]:80': /is no IPv6 address/,
    '[fe80::1%eth0]:80': /is no IPv6 address/,
    '10.0.0.0/33:80': /\/33 is longer/,
    '[::]/129:80': /\/129 is longer/,
    '[::ffff:0:0]/95:80': /mixes IPv4 and IPv6/,
  }
  for (const [text, fault] of Object.entries(faults)) t.match(parseAllowRule(text), fault, JSON.stringify(text))
})

t.test('takes only the strict forms of addresses', async t => {
  const good = { '1.2.3.4': 4, '0.0.0.0': 4, '::': 6, '::1': 6, '1::': 6, '1:2:3:4:5:6:7:8': 6, '1:2:3:4:5:6:7::': 6 }
  for (const [text, family] of Object.entries(good)) t.same(parseIpAddress(text), { family, text })
  t.same(parseIpAddress('64:FF9B::1.2.3.4')?.family, 6)
  t.same(parseIpAddress('::FFFF:7f00:1'), { family: 4, text: '127.0.0.1' })
  t.same(parseIpAddress('0:0:0:0:0:ffff:255.0.0.1'), { family: 4, text: '255.0.0.1' })
  const bad = ['', '1.2.3', '1.2.3.256', '01.2.3.4', '0x1.2.3.4', '1.2.3.4.5', ':', '1:2', '1::2::3', '12345::', 'g::']
  const worse = ['1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '1.2.3.4::', '::1.2.3', '1:2:3:4:5:6:7:1.2.3.4', '::1%lo']
  for (const text of [...bad, ...worse]) t.equal(parseIpAddress(text), undefined, text)
})

t.test('knows names from numbers', async t => {
  for (const name of ['a', 'A-b.c_d', 'x.1a', '_dmarc.example.', '1.example']) t.ok(isHostName(name), name)
  const bad = ['', '.', 'a..b', '-a', 'a-', '127.1', '0x7f.0x1', '2130706433', 'a.0x', 'a b', 'a\0b', 'ä']
  for (const name of [...bad, `${'a'.repeat(64)}.b`, 'a.'.repeat(200)]) t.notOk(isHostName(name), name)
  t.equal(normalName('A.b.'), 'a.b')
})
