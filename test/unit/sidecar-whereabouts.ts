import t from 'tap'
import { formatEndpoint, parseEndpoint } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { Whereabouts } from '../../src/sidecar/whereabouts.ts'

const LOCAL = ['127.0.0.1', '127.8.8.8', '::1', '0.0.0.0', '169.254.169.254', 'fe80::1', '224.0.0.1', 'localhost']

function whereabouts(configured: string[], own?: string): Whereabouts {
  const endpoints = configured.map(url => parseEndpoint(url)!)
  return new Whereabouts(endpoints, ({ host, port }) => `${host} ${port}` === own)
}

function urls(where: Whereabouts): string[] {
  return where.endpoints().map(formatEndpoint)
}

t.test('endpoints are those configured, those the peer named, and its named ports where it was seen', async t => {
  const where = whereabouts(['tcp://192.0.2.1:1'])
  t.same(urls(where), ['tcp://192.0.2.1:1'])
  where.learn(['tcp://192.0.2.1:1', 'tcp://192.0.2.2:2', 'wss://a.example/x', 'tcp://192.0.2.3:0', 'nonsense'])
  where.handleSeen('198.51.100.1')
  t.same(urls(where), [
    'tcp://192.0.2.1:1',
    'tcp://192.0.2.2:2',
    'wss://a.example:443/x',
    'tcp://198.51.100.1:1',
    'tcp://198.51.100.1:2',
  ])
  where.learn(Array.from({ length: 100 }, (_, i) => `wss://a${i}.example/`))
  t.equal(urls(where).length, 1 + LIMITS.endpointsPerPeerMax)
})

t.test(
  'what a peer says is dialed at no local address: as it is written, where it was seen, behind a name',
  async t => {
    const where = whereabouts(['tcp://192.0.2.1:1'])
    for (const host of LOCAL) {
      where.learn([`ws://${host.includes(':') ? `[${host}]` : host}:8500/v1/agent`, 'tcp://a.example:1'])
      where.handleSeen(host)
      t.same(urls(where), ['tcp://192.0.2.1:1', 'tcp://a.example:1'], host)
      t.match(where.objection(parseEndpoint('tcp://a.example:1')!, host), { code: 'PEER_MISMATCH' }, host)
    }
    t.equal(where.objection(parseEndpoint('tcp://a.example:1')!, '192.0.2.9'), undefined)
  },
)

t.test('a configured endpoint may be local; where one is written so, those the peer names may be, too', async t => {
  const where = whereabouts(['tcp://tunnel.example:1'])
  t.equal(where.objection(parseEndpoint('tcp://tunnel.example:1')!, '127.0.0.1'), undefined)
  where.learn(['tcp://127.0.0.1:2'])
  t.same(urls(where), ['tcp://tunnel.example:1'])
  const testbed = whereabouts(['tcp://127.0.0.1:1'])
  testbed.learn(['tcp://127.0.0.1:2'])
  t.same(urls(testbed), ['tcp://127.0.0.1:1', 'tcp://127.0.0.1:2'])
})

t.test('a metadata service is dialed only where the configuration itself says so', async t => {
  const testbed = whereabouts(['tcp://127.0.0.1:1'])
  for (const host of ['169.254.169.254', '100.100.100.200', '[fd00:ec2::254]', '[::ffff:169.254.169.254]']) {
    testbed.learn([`ws://${host}:80/`])
    t.same(urls(testbed), ['tcp://127.0.0.1:1'], host)
    const bare = host.replace(/[[\]]/g, '')
    t.match(testbed.objection(parseEndpoint('tcp://a.example:80')!, bare), { code: 'PEER_MISMATCH' }, host)
  }
  const odd = whereabouts(['tcp://100.100.100.200:80'])
  t.equal(odd.objection(parseEndpoint('tcp://100.100.100.200:80')!, '100.100.100.200'), undefined)
})

t.test('a sidecar does not dial itself, whoever says so', async t => {
  const where = whereabouts(['tcp://172.17.0.1:7700', 'tcp://home.example:7700'], '172.17.0.1 7700')
  t.match(where.objection(parseEndpoint('tcp://172.17.0.1:7700')!, '172.17.0.1'), {
    code: 'PEER_MISMATCH',
    message: 'tcp://172.17.0.1:7700 is this sidecar itself',
  })
  t.match(where.objection(parseEndpoint('tcp://home.example:7700')!, '172.17.0.1'), { code: 'PEER_MISMATCH' })
  t.equal(where.objection(parseEndpoint('tcp://home.example:7701')!, '172.17.0.1'), undefined)
  where.learn(['ws://172.17.0.1:7700/'])
  t.same(urls(where), ['tcp://172.17.0.1:7700', 'tcp://home.example:7700'])
})
