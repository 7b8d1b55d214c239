import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError, type ConfigFault } from '../../src/base/errors.ts'
import { loadConfig } from '../../src/config/load.ts'

const ID = 'hf1xnuvs7jm4l4fs3s2o2ag3m3lbbbddekncyz2df3jl25jnb34am7q'
const directory = t.testdir()

function written(yaml: string): string {
  const file = join(directory, 'holdfast.yaml')
  writeFileSync(file, yaml)
  return file
}

function faultsOf(yaml: string): readonly ConfigFault[] {
  try {
    loadConfig(written(yaml))
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

/** `line path: message` */
function told(yaml: string): string[] {
  return faultsOf(yaml).map(({ line, path, message }) => `${line} ${path}: ${message}`)
}

t.test('an empty file has all defaults', async t => {
  for (const yaml of ['', '# nothing\n', '---\n']) {
    t.same(loadConfig(written(yaml)), {
      identity: join(directory, 'identity.pem'),
      listen: [],
      advertise: [],
      peers: [],
      forward: [],
      routes: [],
      firewall: { suspend: false },
      proxy: [],
      holdMs: 86_400_000,
      admin: { socket: join(directory, 'holdfast.sock') },
      ca: undefined,
    })
  }
})

t.test('the example has every key', async t => {
  const example = readFileSync(new URL('../../../examples/holdfast.yaml', import.meta.url), 'utf8')
  const config = loadConfig(written(example))
  t.match(config, {
    listen: [
      { endpoint: { scheme: 'tcp', host: '::', port: 7700, path: '' } },
      { endpoint: { scheme: 'ws', host: '::', port: 7780, path: '/holdfast' } },
      {
        endpoint: { scheme: 'wss', host: '::', port: 7443, path: '/holdfast' },
        tls: { certFile: join(directory, 'cert.pem'), keyFile: join(directory, 'key.pem') },
      },
    ],
    advertise: [{ scheme: 'tcp', host: 'laptop.example.com', port: 7700, path: '' }],
    peers: [
      {
        name: 'office',
        id: ID,
        endpoints: [
          { scheme: 'tcp', host: '203.0.113.7', port: 7700, path: '' },
          { scheme: 'wss', host: 'edge.example.com', port: 443, path: '/holdfast' },
        ],
        allow: [
          '127.0.0.1:5432',
          '10.0.0.0/8:*',
          'db.internal:5432',
          '*.test.internal:80-90',
          { to: '127.0.0.1:8080', proxyProtocol: 'v2' },
          { to: '10.30.0.0/16:*', source: 'preserve', clients: ['10.79.0.0/16'] },
        ],
      },
    ],
    forward: [
      { listen: { host: '127.0.0.1', port: 15432 }, peer: 'office', to: { host: '127.0.0.1', port: 5432 } },
      {
        listen: { host: '0.0.0.0', port: 18080 },
        peer: 'office',
        to: { host: '127.0.0.1', port: 8080 },
        proxyProtocol: { from: ['10.0.0.0/8', '127.0.0.1'] },
      },
    ],
    routes: [{ rules: ['10.20.0.0/16:5432', '10.20.0.0/16:8000-8080'], peer: 'office', withoutSidecar: 'hold' }],
    firewall: { suspend: false },
    proxy: [
      { listen: { host: '127.0.0.1', port: 1080 }, peer: 'office', optimistic: false },
      { listen: { host: '::', port: 1081 }, auth: { user: 'alice', password: 'correct horse battery staple' } },
    ],
    holdMs: 86_400_000,
    admin: { socket: join(directory, 'holdfast.sock') },
    ca: join(directory, 'authorities.pem'),
  })
})

t.test('tells every fault of the content at once, in the order of lines', async t => {
  const yaml = `
lisen: []
identity: 7
listen:
  - udp://[::]:7700
  - wss://[::]:7443
  - {url: 'tcp://[::]:7701', cert: cert.pem}
peers:
  - name: office
    id: hf1short
    endpoints: ['tcp://0.0.0.0:7700']
    allow: ['10.0.0.0/33:*']
  - name: office
    adress: 10.0.0.1
forward:
  - {listen: '127.0.0.1', peer: offise, to: '127.0.0.1:0'}
hold: 31d
admin: holdfast.sock
`
  t.same(told(yaml), [
    '2 lisen: the key "lisen" is unknown; did you mean "listen"?',
    '3 identity: must be a text, not 7',
    '5 listen[0]: "udp://[::]:7700" is no endpoint; write tcp://203.0.113.7:7700, ws://host:7780/holdfast or wss://host/holdfast',
    '6 listen[1]: a wss listener needs `cert` and `key`; write {url: wss://…, cert: FILE, key: FILE}',
    '7 listen[2]: `cert` and `key` are for wss, and this is tcp; write wss://… or leave them out',
    '10 peers[0].id: "hf1short" is no peer ID; copy what `holdfast id` prints on the other machine (hf1 and 52 letters or digits)',
    '11 peers[0].endpoints[0]: "tcp://0.0.0.0:7700" is no address that can be dialed; write a host name or an address',
    '12 peers[0].allow[0]: /33 is longer than an IPv4 address has bits',
    '13 peers[1].id: is missing',
    '13 peers[1].name: the name "office" is used twice',
    '14 peers[1].adress: the key "adress" is unknown; known are name, id, endpoints, allow',
    '16 forward[0].listen: "127.0.0.1" is no address; write host:port, such as 127.0.0.1:5432 or [::1]:5432',
    '16 forward[0].to: "127.0.0.1:0" has port 0; write the port of the service',
    '16 forward[0].peer: no peer is named "offise"; did you mean "office"?',
    '17 hold: "31d" is out of bounds; write 1s to 30d',
    '18 admin: must be a mapping, not "holdfast.sock"',
  ])
})

t.test('the message names the file and the line of each fault', async t => {
  const file = written('hold: 5\nlisten: {}\nca: []\n')
  t.throws(() => loadConfig(file), {
    code: 'CONFIG_INVALID',
    message: `the configuration has 2 faults:\n  ${file}:2 listen: must be a list, not {}\n  ${file}:3 ca: must be a text, not []`,
  })
})

t.test('tells a key that is there twice, also deep inside, where it is the second time', async t => {
  const yaml = `
hold: 1h
peers:
  - name: office
    id: ${ID}
    endpoints: []
    endpoints: ['tcp://a:1']
hold: 2h
`
  t.same(told(yaml), [
    '7 peers[0].endpoints: this key is there twice, on lines 6 and 7; leave one',
    '8 hold: this key is there twice, on lines 2 and 8; leave one',
  ])
  t.match(told('? [a, b]\n: 1\n'), [/^1 \[ a, b \]: the key "\[ a, b \]" is unknown/])
})

t.test('tells every line of a key that is there more than twice', async t => {
  t.same(told('hold: 1h\nca: a\nhold: 2h\nhold: 3h\n'), [
    '4 hold: this key is there 3 times, on lines 1, 3 and 4; leave one',
  ])
  t.same(told('{hold: 1h, hold: 2h}\n'), ['1 hold: this key is there twice, on line 1; leave one'])
})

t.test('tells what YAML refuses by line, and nothing of the content', async t => {
  t.match(told('peers:\n  - name: "office\n'), [/^\d \(syntax\): Missing closing "quote/])
  t.match(told('hold: 1h\n\tlisten: []\n'), [/^2 \(syntax\): /])
  t.match(told('hold: !unknown 1h\n'), [/^1 \(syntax\): Unresolved tag: !unknown/])
  t.same(told('hold: 1h\n---\nhold: 2h\n'), [
    '2 (syntax): a second document begins here; a configuration is one document',
  ])
})

t.test('tells an alias that leads nowhere', async t => {
  t.match(told('hold: *missing\n'), [/^1 \((file|syntax)\): .*missing/])
})

t.test('takes anchors and aliases, and faults inside are told where the alias is', async t => {
  const peer = `{name: a, id: ${ID}, endpoints: &e ['tcp://a:1']}`
  t.match(loadConfig(written(`peers: [${peer}]\nadvertise: *e\n`)), { advertise: [{ host: 'a', port: 1 }] })
  t.match(told(`peers:\n- ${peer.replace('tcp', 'udp')}\nadvertise: *e\n`), [/^2 peers\[0\]\.endpoints\[0\]/, /^3 adv/])
})

t.test('a file that is no mapping is one fault', async t => {
  t.same(told('- a\n- b\n'), ['1 (file): must be a mapping, not ["a","b"]'])
  t.same(told('just text\n'), ['1 (file): must be a mapping, not "just text"'])
})

t.test('a key without a value has a line of its own', async t => {
  t.same(told('hold: 1h\npeers:\n  - name:\n    id:\n'), [
    '3 peers[0].name: has no value; write a text, or leave the key out',
    '4 peers[0].id: has no value; write a text, or leave the key out',
  ])
})

t.test('a file that cannot be read is no fault of its content', async t => {
  t.throws(() => loadConfig(join(directory, 'absent.yaml')), {
    code: 'FILE_UNREADABLE',
    message: /there is no such file; check the path and its permissions$/,
  })
})

t.test('faults from outside the document are told among its own, with their lines', async t => {
  const file = written('ca: a.pem\nhold: 1y\n')
  const reportOutside: Parameters<typeof loadConfig>[2] = (value, where, report) => {
    t.same([value, where], [{ ca: 'a.pem', hold: '1y' }, directory])
    report(['ca'], 'there is nothing')
  }
  t.throws(() => loadConfig(file, ID, reportOutside), {
    message: `the configuration has 2 faults:\n  ${file}:1 ca: there is nothing\n  ${file}:2 hold: "1y" is no duration; write 24h, 15m or 90s`,
  })
})

t.test('this host itself is no peer', async t => {
  const file = written(`peers:\n  - {name: me, id: ${ID}}\n`)
  t.ok(loadConfig(file))
  t.throws(() => loadConfig(file, ID), {
    message: `the configuration has 1 fault:\n  ${file}:2 peers[0].id: this is the peer ID of this host itself; write that of the other machine`,
  })
})
