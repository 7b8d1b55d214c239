import { runInNewContext } from 'node:vm'
import t from 'tap'
import { type PacOptions, proxyAutoConfig } from '../../src/capture/pac.ts'

const PROXY = 'SOCKS5 127.0.0.1:1080; PROXY 127.0.0.1:1080'

/** A browser: what it has in a script, and names that stand for addresses. */
function browser(options: Partial<PacOptions>, hasIpv6 = true, lookedUp: string[] = []): (url: string) => string {
  const names: Readonly<Record<string, string>> = { 'ten.example': '10.20.1.1', 'six.example': 'fd00::1' }
  const number = (address: string) => address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)
  const isInNet = (host: string, network: string, mask: string) => {
    if (!/^[\d.]+$/.test(host)) lookedUp.push(host)
    const bits = number(mask)
    const masked = (address: string) => (number(address) & bits) >>> 0
    return masked(names[host] ?? host) === masked(network)
  }
  // Only as much as is asked here.
  const isInNetEx = (host: string, network: string) => network === 'fd00::/8' && /^fd/.test(names[host] ?? host)
  const text = proxyAutoConfig({ rules: [], isEverything: false, hasPassword: false, ...options }, '127.0.0.1:1080')
  const world: Record<string, unknown> = hasIpv6 ? { isInNet, isInNetEx } : { isInNet }
  runInNewContext(text, world)
  const find = world['FindProxyForURL'] as (url: string, host: string) => string
  return url => find(url, new URL(url).hostname)
}

t.test('what has a route goes to the proxy, by name, network and port; the rest goes directly', async t => {
  const rules = ['db.internal:443', '*.corp.example:*', '10.20.0.0/15:80-90', '[fd00::]/8:*', '0.0.0.0/0:7']
  const find = browser({ rules })
  const routed = [
    'https://db.internal/',
    'https://DB.internal/a?b=http://x:1',
    'http://db.internal:443/',
    'https://a.b.corp.example:8443/',
    'http://10.20.1.1/',
    'http://10.21.255.255:90/',
    'ws://ten.example/',
    'http://[fd00::1]:8080/',
    'http://six.example/',
    'http://192.0.2.1:7/',
  ]
  const direct = [
    'http://db.internal/',
    'https://corp.example/',
    'https://xcorp.example/',
    'http://10.22.0.1/',
    'http://10.20.1.1:91/',
    'https://10.20.1.1/',
    'http://[2001:db8::1]/',
    'http://example.com/',
  ]
  for (const url of routed) t.equal(find(url), PROXY, url)
  for (const url of direct) t.equal(find(url), 'DIRECT', url)
})

t.test('a name that is looked up on the far side is not looked up by the browser', async t => {
  const lookedUp: string[] = []
  const rules = ['10.0.0.0/8:*', '*.internal:*', '[fd00::]/8:*', 'db.office.test:*']
  const find = browser({ rules }, false, lookedUp)
  for (const name of ['wiki.internal', 'db.office.test']) t.equal(find(`http://${name}/`), PROXY)
  const everything = browser({ rules, isEverything: true }, false, lookedUp)
  for (const name of ['wiki.internal', 'example.com']) t.equal(everything(`http://${name}/`), PROXY)
  t.same(lookedUp, [])
  t.equal(find('http://ten.example/'), PROXY)
  t.same(lookedUp, ['ten.example'], 'any other may stand for an address that has a route')
})

t.test('a proxy with a peer takes everything but this host itself, unless that has a route', async t => {
  const find = browser({ isEverything: true, rules: ['127.0.0.1:5000'] })
  for (const url of ['http://example.com/', 'http://192.0.2.1/', 'http://127.0.0.1:5000/'])
    t.equal(find(url), PROXY, url)
  for (const url of ['http://localhost/', 'http://127.9.9.9/', 'http://[::1]/']) t.equal(find(url), 'DIRECT', url)
})

t.test('a browser without IPv6 networks sends IPv6 addresses to the proxy, which knows them', async t => {
  const find = browser({ rules: ['[fd00::]/8:*'] }, false)
  t.equal(find('http://[fd00::1]/'), PROXY)
  t.equal(find('http://six.example/'), 'DIRECT')
  t.equal(browser({ rules: ['10.0.0.0/8:*'] }, false)('http://[fd00::1]/'), 'DIRECT')
})

t.test('a proxy with a password is for HTTP CONNECT, since no browser logs in to SOCKS5', async t => {
  t.equal(browser({ isEverything: true, hasPassword: true })('http://example.com/'), 'PROXY 127.0.0.1:1080')
})
