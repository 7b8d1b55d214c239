import { homedir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { checkConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { DIRECTORY, faults, ID, peer } from '../support/config-faults.ts'

const OTHER_ID = `hf1${'b'.repeat(51)}q`

t.test('paths are relative to the directory, absolute ones stay', async t => {
  const config = checkConfig(
    { identity: 'keys/me.pem', ca: '/etc/ca.pem', admin: { socket: '../run/hf.sock' } },
    DIRECTORY,
  )
  t.match(config, {
    identity: '/etc/holdfast/keys/me.pem',
    ca: '/etc/ca.pem',
    admin: { socket: '/etc/run/hf.sock' },
  })
})

t.test('~ is the home of the user', async t => {
  const config = checkConfig({ identity: '~/me.pem', ca: '~', admin: { socket: '~/run/hf.sock' } }, DIRECTORY)
  t.match(config, {
    identity: join(homedir(), 'me.pem'),
    ca: homedir(),
    admin: { socket: join(homedir(), 'run/hf.sock') },
  })
  t.match(checkConfig({ identity: '~other/me.pem' }, DIRECTORY).identity, `${DIRECTORY}/~other/me.pem`)
})

t.test('a fault of code has no line', async t => {
  t.throws(() => checkConfig({ hold: 'soon' }, DIRECTORY), {
    message: 'the configuration has 1 fault:\n  config hold: "soon" is no duration; write 24h, 15m or 90s',
  })
})

t.test('hold is a text or a number, from a second to thirty days', async t => {
  for (const hold of ['1s', '30d', 1, 2_592_000, '1000ms']) t.same(faults({ hold }), [], String(hold))
  t.same(faults({ hold: '999ms' }), ['hold: "999ms" is out of bounds; write 1s to 30d'])
  t.same(faults({ hold: -1 }), ['hold: -1 is no duration; write 24h, 15m or 90s'])
  t.same(faults({ hold: true }), [
    'hold: must be a duration such as 24h, 15m, 90s or 500ms, or a number of seconds, not true',
  ])
})

t.test('what a peer may be called, be dialed at and reach is told with what to write', async t => {
  const rows: [object, string | undefined][] = [
    [{ name: 'Büro 1' }, undefined],
    [{ name: '' }, 'peers[0].name: "" is no name; write 1 to 64 printable characters'],
    [{ name: 'a\nb' }, 'peers[0].name: "a\\nb" is no name; write 1 to 64 printable characters'],
    [{ name: 'x'.repeat(64) }, undefined],
    [{ name: 'x'.repeat(65) }, `peers[0].name: "${'x'.repeat(65)}" is no name; write 1 to 64 printable characters`],
    [{ endpoints: ['tcp://a:0'] }, 'peers[0].endpoints[0]: "tcp://a:0" has port 0; write the port that is listened on'],
    [{ endpoints: ['ws://a', 'tcp://[fe80::1%eth0]:1', 'tcp://a_b.example.:1'] }, undefined],
    [{ endpoints: ['tcp://256.1.1.1:5'] }, 'peers[0].endpoints[0]: "256.1.1.1" is no name and no address'],
    [{ endpoints: ['tcp://127.1:5'] }, 'peers[0].endpoints[0]: "127.1" is no name and no address'],
    [{ endpoints: 'tcp://a:1' }, 'peers[0].endpoints: must be a list, not "tcp://a:1"'],
    [{ endpoints: Array(17).fill('tcp://a:1') }, 'peers[0].endpoints: has more than 16 entries'],
    [{ allow: ['*:80'] }, 'peers[0].allow[0]: * is no host; write 0.0.0.0/0 and [::]/0 to allow every address'],
  ]
  for (const [more, fault] of rows) t.same(faults(peer(more)), fault === undefined ? [] : [fault])
})

t.test('the sources of PROXY headers are addresses and networks', async t => {
  const forward = (proxyProtocol: unknown) => ({
    ...peer({}),
    forward: [{ listen: 'a:1', peer: 'office', to: 'a:1', proxyProtocol }],
  })
  const at = 'forward[0].proxyProtocol'
  t.same(faults(forward({ from: ['10.0.0.0/8', '::1', '127.0.0.1', 'fd00::/8'] })), [])
  t.same(faults(forward({})), [`${at}.from: is missing`])
  t.same(faults(forward({ from: [] })), [
    `${at}.from: is empty; leave \`proxyProtocol\` out when nobody sends a header`,
  ])
  const advice = 'is no address and no network; write 10.0.0.0/8 or fd00::1'
  t.same(faults(forward({ from: ['lb.internal', '10.0.0.0/33'] })), [
    `${at}.from[0]: lb.internal ${advice}`,
    `${at}.from[1]: /33 is longer than an IPv4 address has bits`,
  ])
  t.same(faults(forward({ from: ['::1'], form: [] })), [`${at}.form: the key "form" is unknown; did you mean "from"?`])
  t.same(faults(forward('10.0.0.0/8')), [`${at}: must be a mapping, not "10.0.0.0/8"`])
})

t.test('an unknown key is told with the nearest one of the same mapping', async t => {
  t.same(faults({ advertize: [] }), ['advertize: the key "advertize" is unknown; did you mean "advertise"?'])
  t.same(faults({ admin: { sockett: 'a' } }), ['admin.sockett: the key "sockett" is unknown; did you mean "socket"?'])
  t.same(faults(peer({ endpoint: [] })), [
    'peers[0].endpoint: the key "endpoint" is unknown; did you mean "endpoints"?',
  ])
  t.same(faults({ listen: [{ url: 'tcp://a:1', certificate: 'c' }] }), [
    'listen[0].certificate: the key "certificate" is unknown; known are url, cert, key',
  ])
})

t.test('a listener is a text or a mapping, and each is judged as what it is', async t => {
  t.same(faults({ listen: [7] }), ['listen[0]: must be a URL, or {url: wss://…, cert: FILE, key: FILE}, not 7'])
  t.same(faults({ listen: [{}] }), ['listen[0].url: is missing'])
  t.match(faults({ listen: [{ url: 'http://a' }] }), [/^listen\[0\]\.url: "http:\/\/a" is no endpoint/])
  t.same(faults({ listen: [{ url: 'wss://a', cert: 'c' }] }), [
    'listen[0]: a wss listener needs `cert` and `key`; write {url: wss://…, cert: FILE, key: FILE}',
  ])
  t.same(faults({ listen: [{ url: 'wss://a', key: 'k' }] }).length, 1)
  t.same(faults({ listen: [{ url: 'wss://a', cert: 'c', key: 'k' }] }), [])
  t.same(faults({ listen: [{ url: 'ws://a', key: 'k' }] }), [
    'listen[0]: `cert` and `key` are for wss, and this is ws; write wss://… or leave them out',
  ])
})

t.test('every place is a name or an address', async t => {
  const star = '"*" is no address; write [::] for every address of this host'
  const forward = (listen: string, to: string) => ({ forward: [{ listen, peer: 'office', to }] })
  t.same(faults({ listen: ['tcp://*:1'] }), [`listen[0]: ${star}`])
  t.same(faults({ listen: [{ url: 'ws://*:1' }] }), [`listen[0].url: ${star}`])
  t.same(faults({ ...peer({}), ...forward('*:1', 'a:1') }), [`forward[0].listen: ${star}`])
  t.same(faults({ ...peer({}), ...forward('a:1', '1.2.3:1') }), ['forward[0].to: "1.2.3" is no name and no address'])
  t.same(faults({ advertise: ['tcp://a..b:1'] }), ['advertise[0]: "a..b" is no name and no address'])
})

t.test('a mapping without files is as good as a text', async t => {
  const listen = checkConfig({ listen: [{ url: 'tcp://127.0.0.1:7700' }] }, DIRECTORY).listen
  t.same(listen, checkConfig({ listen: ['tcp://127.0.0.1:7700'] }, DIRECTORY).listen)
})

t.test('one place is listened on once, whichever part does it; port 0 is always another one', async t => {
  t.same(
    faults({
      listen: ['tcp://[::]:7700', 'ws://[::]:7700/a', 'tcp://[::]:0', 'tcp://[::]:0'],
      ...peer({}),
      forward: [
        { listen: '[::]:7700', peer: 'office', to: 'a:1' },
        { listen: '127.0.0.1:0', peer: 'office', to: 'a:1' },
        { listen: '127.0.0.1:0', peer: 'office', to: 'a:2' },
      ],
    }),
    ['listen[1]: [::]:7700 is listened on twice', 'forward[0].listen: [::]:7700 is listened on twice'],
  )
})

t.test('peers are different from each other and from this host', async t => {
  const peers = [
    { name: 'a', id: ID },
    { name: 'b', id: ID },
    { name: 'a', id: OTHER_ID },
  ]
  t.same(faults({ peers }), [
    'peers[2].name: the name "a" is used twice',
    'peers[1].id: this peer ID is there twice; write one entry with all its endpoints',
  ])
  const asked: string[] = []
  const ownId = (file: string) => {
    asked.push(file)
    return OTHER_ID
  }
  const own = 'peers[0].id: this is the peer ID of this host itself; write that of the other machine'
  t.same(faults({ identity: 'me.pem', peers: [{ name: 'a', id: OTHER_ID }] }, ownId), [own])
  t.same(faults({ peers: [{ name: 'a', id: OTHER_ID }] }, ownId), [own])
  t.same(
    faults({ peers: [{ name: 'a', id: OTHER_ID }] }, () => undefined),
    [],
  )
  t.same(asked, ['/etc/holdfast/me.pem', '/etc/holdfast/identity.pem'])
})

t.test('a forward leads to a known peer', async t => {
  const forward = [{ listen: '127.0.0.1:1', peer: 'ofice', to: 'a:1' }]
  t.same(faults({ ...peer({}), forward }), ['forward[0].peer: no peer is named "ofice"; did you mean "office"?'])
  t.same(faults({ forward }), ['forward[0].peer: no peer is named "ofice"'])
})

t.test('a proxy has a known peer or none, and a place of its own', async t => {
  const proxy = [
    { listen: '127.0.0.1:1080', peer: 'office', auth: { user: 'a', password: 'b' } },
    { listen: '[::1]:0' },
  ]
  t.same(checkConfig({ ...peer({}), proxy }, DIRECTORY).proxy, [
    { ...proxy[0], listen: { host: '127.0.0.1', port: 1080 }, optimistic: false },
    { listen: { host: '::1', port: 0 }, optimistic: false },
  ])
  t.same(faults({ ...peer({}), proxy: [{ listen: '127.0.0.1:1080', peer: 'ofice' }] }), [
    'proxy[0].peer: no peer is named "ofice"; did you mean "office"?',
  ])
  t.same(faults({ listen: ['tcp://127.0.0.1:1080'], proxy: [{ listen: '127.0.0.1:1080' }] }), [
    'proxy[0].listen: 127.0.0.1:1080 is listened on twice',
  ])
  t.same(faults({ proxy: [{ listen: 'localhost:1080', optimistc: true }] }), [
    'proxy[0].optimistc: the key "optimistc" is unknown; did you mean "optimistic"?',
  ])
})

t.test('a proxy that other machines can reach needs a password', async t => {
  const todo = 'add auth: {user: …, password: …}, or listen on 127.0.0.1'
  for (const host of ['[::]', '0.0.0.0', '192.0.2.1', '[fd00::1]', 'db.internal', '128.0.0.1']) {
    const bare = host.replace(/[[\]]/g, '')
    t.same(faults({ proxy: [{ listen: `${host}:1080` }] }), [
      `proxy[0].listen: other machines can reach ${bare}, and all of them could use this proxy; ${todo}`,
    ])
    t.same(faults({ proxy: [{ listen: `${host}:1080`, auth: { user: 'a', password: 'b' } }] }), [])
  }
  for (const host of ['127.0.0.1', '127.1.2.3', '[::1]', 'localhost']) {
    t.same(faults({ proxy: [{ listen: `${host}:1080` }] }), [])
  }
  const auth = (user: string, password: string) =>
    faults({ proxy: [{ listen: '[::]:1080', auth: { user, password } }] })
  t.same(auth('a:b', 'c'), ['proxy[0].auth.user: has a colon, and HTTP has no way to send such a name; choose another'])
  const place = { listen: '127.0.0.1:1080' }
  for (const [given, fault] of [
    [{ user: 'a', password: 123_456 }, 'proxy[0].auth.password: must be a text'],
    ['a:SECRET', 'proxy[0].auth: must be a mapping'],
  ]) {
    t.same(faults({ proxy: [{ ...place, auth: given }] }), [fault], 'logs do not learn it')
  }
  t.same(auth('', 'ä'.repeat(128)), [
    'proxy[0].auth.user: must have 1 to 255 bytes',
    'proxy[0].auth.password: must have 1 to 255 bytes',
  ])
})

t.test('the path of the admin socket fits, with its directory', async t => {
  const socket = 'x'.repeat(LIMITS.socketPathBytesMax - DIRECTORY.length - 1)
  t.same(faults({ admin: { socket } }), [])
  t.same(faults({ admin: { socket: `${socket}x` } }), [
    `admin.socket: the path ${DIRECTORY}/${socket}x has 108 bytes and a unix socket takes at most 107; write a shorter path`,
  ])
  const deep = `/${'d'.repeat(100)}`
  t.throws(() => checkConfig({}, deep), { message: /admin\.socket: the path/ }, 'also where it is the default')
})

t.test('the admin socket is no place of the key', async t => {
  t.same(faults({ admin: { socket: 'identity.pem' } }), [
    `admin.socket: ${DIRECTORY}/identity.pem is the identity file; choose another path`,
  ])
  t.same(faults({ identity: 'a', admin: { socket: './a' } }).length, 1)
})

t.test('lists have a most, told once', async t => {
  t.same(faults({ listen: Array.from({ length: 17 }, (_, i) => `tcp://a:${i + 1}`) }), [
    'listen: has more than 16 entries',
  ])
})

t.test('anything at all is told as faults, never thrown as something else', async t => {
  const odd: unknown[] = [null, undefined, 7, 'a', [], { peers: null }, { peers: [null, 7, [], 'a'] }]
  odd.push(
    { listen: [null, [], { url: 7 }] },
    { forward: {} },
    { routes: [null, { to: 7, ports: {} }, { to: 'a', ports: [{}] }] },
    { proxy: {} },
    { proxy: [null, { listen: 7, auth: 7 }, { listen: '[::]', auth: { user: 7 } }] },
    { forward: [{ peer: 7, listen: null }] },
    { admin: null },
  )
  for (const input of odd) t.not(faults(input).length, 0, JSON.stringify(input))
  t.same(faults(null), ['(file): has no value; write a mapping, or leave the key out'])
})

const ROUTE = { peers: [{ name: 'office', id: ID }], routes: [{ to: '10.20.0.0/16', peer: 'office' }] }
const captureFaults = (capture: unknown, more: object = ROUTE) => faults({ ...more, capture })

t.test('packets of lost carriers are dropped only where that is written', async t => {
  t.same(checkConfig({}, DIRECTORY).firewall, { suspend: false })
  t.same(checkConfig({ firewall: { suspend: true } }, DIRECTORY).firewall, { suspend: true })
  t.same(faults({ firewall: { suspend: 'yes' } }), ['firewall.suspend: must be true or false, not "yes"'])
  t.match(faults({ firewall: { suspended: true } })[0], 'firewall.suspended')
})

t.test('a capture is of everything that has a route, if it says no more', async t => {
  t.equal(checkConfig({}, DIRECTORY).capture, undefined)
  t.same(checkConfig({ ...ROUTE, capture: {} } as ConfigInput, DIRECTORY).capture, {
    mode: 'redirect',
    port: 15_001,
    users: [],
    cgroups: [],
    except: { users: [], cgroups: [] },
    applyRules: true,
  })
  const chosen = { users: ['app', '_apt', 33], cgroups: ['system.slice/app@1.service'], except: { users: ['me'] } }
  t.same(captureFaults(chosen), [])
})

t.test('what goes into rules of the firewall is read strictly', async t => {
  t.same(captureFaults({ users: ['a"b', 'a, b', -1, 1.5, 'x'.repeat(3)] }).length, 4)
  for (const user of [-1, 1.5, 2 ** 32, null]) {
    t.same(captureFaults({ users: [user] }).length, 1)
    t.match(captureFaults({ users: [user] }), [/^capture\.users\[0\]: must be the name or the number of a user/])
  }
  t.same(captureFaults({ users: ['a b'] }), ['capture.users[0]: "a b" is no user; write a name or a number'])
  const noGroup = 'is no cgroup; write its path below /sys/fs/cgroup, such as system.slice/app.service'
  t.same(captureFaults({ cgroups: ['/a', 'a accept'] }), [
    `capture.cgroups[0]: "/a" ${noGroup}`,
    `capture.cgroups[1]: "a accept" ${noGroup}`,
  ])
  t.same(captureFaults({ port: 0 }), ['capture.port: must be a port, 1 to 65535'])
  t.same(captureFaults({ mode: 'bridge' }), ['capture.mode: must be redirect or tproxy'])
  t.same(captureFaults({ applyRules: 'no' }), ['capture.applyRules: must be true or false, not "no"'])
})

t.test('a capture needs a route that the kernel can know', async t => {
  const named = { ...ROUTE, routes: [{ to: 'db.internal', peer: 'office' }] }
  const nothing = 'capture: there is nothing to capture: write a route to a network or an address under `routes`'
  t.same(captureFaults({}, named), [nothing])
  t.same(captureFaults({}, {}), [nothing])
  t.same(captureFaults({}, { ...ROUTE, routes: [{ peer: 'office' }] }), ['routes[0].to: is missing', nothing])
  t.same(captureFaults(null), ['capture: has no value; write a mapping, or leave the key out'])
})

t.test('forwarded connections cannot be chosen by user', async t => {
  const message = 'forwarded connections have neither user nor cgroup; leave it out, or write mode: redirect'
  t.same(captureFaults({ mode: 'tproxy', users: ['app'] }), [`capture.users: ${message}`])
  t.same(captureFaults({ mode: 'tproxy' }), [])
})

t.test('the port of a capture is no forward’s', async t => {
  const forward = [{ listen: '127.0.0.1:15001', peer: 'office', to: '127.0.0.1:1' }]
  t.same(captureFaults({ port: 15_001 }, { ...ROUTE, forward }), ['capture.port: 127.0.0.1:15001 is listened on twice'])
})
