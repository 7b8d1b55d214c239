import t from 'tap'
import { ConfigError } from '../../src/base/errors.ts'
import { checkConfig } from '../../src/config/load.ts'

function withRules(...allow: readonly unknown[]): object {
  const id = 'hf1xnuvs7jm4l4fs3s2o2ag3m3lbbbddekncyz2df3jl25jnb34am7q'
  return { peers: [{ name: 'office', id, allow }] }
}

/** `path: message` of every fault; the path is below the rule. */
function faults(rule: unknown): readonly string[] {
  try {
    checkConfig(withRules(rule), '/')
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.faults.map(({ path, message }) => `${path.replace('peers[0].allow[0]', '')}: ${message}`)
  }
  return []
}

t.test('an allow rule is a text, or a mapping that says more of it', async t => {
  const entries = ['a:1', { to: 'a:2' }, { to: '10.0.0.0/8:80', proxyProtocol: 'v2' }]
  t.same(checkConfig(withRules(...entries), '/').peers[0]!.allow, entries)
  const rows: [unknown, string][] = [
    [7, ': must be a rule, or {to: RULE} with proxyProtocol or source, not 7'],
    [{ proxyProtocol: 'v1' }, '.to: is missing'],
    [{ to: '*:80' }, '.to: * is no host; write 0.0.0.0/0 and [::]/0 to allow every address'],
    [{ to: 'a:1', proxyProtocol: 'v3' }, '.proxyProtocol: must be v1 or v2'],
    [
      { to: 'a:1', proxyProtokoll: 'v1' },
      '.proxyProtokoll: the key "proxyProtokoll" is unknown; did you mean "proxyProtocol"?',
    ],
  ]
  for (const [rule, fault] of rows) t.same(faults(rule), [fault])
})

t.test('a rule that keeps the addresses of clients says of which clients', async t => {
  const clients = ['10.79.0.0/16', '192.0.2.7', 'fd79::/16', '0.0.0.0/0']
  const entry = { to: '10.0.0.0/8:80', source: 'preserve', clients }
  t.same(checkConfig(withRules(entry), '/').peers[0]!.allow, [entry])
  const needed =
    '`source: preserve` needs `clients: [NETWORK, …]`: whose addresses the peer may name, for it can name any'
  const rows: [object, string][] = [
    [{ source: 'preserve' }, `: ${needed}`],
    [{ clients }, '.clients: is for `source: preserve`; write that, too, or leave it out'],
    [{ source: 'keep', clients }, '.source: must be preserve; leave it out for this host’s own address'],
    [{ source: 'preserve', clients: [] }, '.clients: is empty; write the networks that clients come from'],
    [
      { source: 'preserve', clients: ['app.internal'] },
      '.clients[0]: app.internal is no address and no network; write 10.0.0.0/8 or fd00::1',
    ],
  ]
  for (const [more, fault] of rows) t.same(faults({ to: 'a:1', ...more }), [fault])
  const local = ['127.0.0.1', '127.0.0.0/8', '169.254.0.0/16', '239.0.0.0/8', '::1', 'fe80::/64', '::ffff:127.0.0.1']
  for (const text of local) {
    const fault = `.clients[0]: ${text} means something else on each host; write the network that clients come from`
    t.same(faults({ to: 'a:1', source: 'preserve', clients: [text] }), [fault])
  }
})
