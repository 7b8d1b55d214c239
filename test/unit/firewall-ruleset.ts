import t from 'tap'
import { type CapturePlan, networksOf } from '../../src/firewall/capture-plan.ts'
import { routing, routingRemoval } from '../../src/firewall/routing.ts'
import { REMOVAL, ruleset } from '../../src/firewall/ruleset.ts'

function plan(rules: readonly string[], more: Partial<CapturePlan> = {}): CapturePlan {
  const nobody = { userIds: [], cgroups: [], exceptUserIds: [], exceptCgroups: [] }
  return { mode: 'redirect', port: 15_001, networks: networksOf(rules), ...nobody, ...more }
}

const linesOf = (text: string) => text.split('\n').map(line => line.trim())

t.test('one transaction replaces the table, and names no other', async t => {
  const text = ruleset(plan(['10.20.0.0/16:5432', '10.30.0.1:5432', '[fd00::]/8:8000-8080', 'db.internal:5432']))
  t.equal(
    text,
    `${REMOVAL}table inet holdfast {
  counter own { }
  counter captured { }
  counter passed { }
  set ip4_5432_5432 { type ipv4_addr; flags interval; auto-merge; elements = { 10.20.0.0/16, 10.30.0.1/32 } }
  set ip6_8000_8080 { type ipv6_addr; flags interval; auto-merge; elements = { fd00::/8 } }
  chain routed {
    ip daddr @ip4_5432_5432 tcp dport 5432 counter name captured redirect to :15001
    ip6 daddr @ip6_8000_8080 tcp dport 8000-8080 counter name captured redirect to :15001
  }
  chain output {
    type nat hook output priority -105; policy accept;
    meta l4proto != tcp return
    meta mark & 0x10000000 == 0x10000000 counter name own return
    meta mark set meta mark | 0x10000000
    fib daddr . mark type local meta mark set meta mark & 0xefffffff return
    meta mark set meta mark & 0xefffffff
    jump routed
    counter name passed
  }
}
`,
  )
})

t.test('a network is named by its first address', async t => {
  const named = networksOf([
    '10.20.30.40/12:1',
    '[fd00:1:2::5]/20:1',
    '1.2.3.4:1',
    '0.0.0.0/0:1',
    '[::]/0:1',
    '[::1]:1',
  ])
  t.same(
    named.map(({ address }) => address),
    ['10.16.0.0', 'fd00::', '1.2.3.4', '0.0.0.0', '::', '::1'],
  )
})

t.test('users and cgroups are chosen, and left out before that', async t => {
  const more = { userIds: [1000, 33], cgroups: ['a.slice/b.service'], exceptUserIds: [7], exceptCgroups: ['c.slice'] }
  const lines = linesOf(ruleset(plan(['10.0.0.0/8:*'], more)))
  const [out, cgroupOut, local, chosen, cgroup] = [
    'meta skuid { 7 } counter name own return',
    'socket cgroupv2 level 1 "c.slice" counter name own return',
    'meta mark set meta mark & 0xefffffff',
    'meta skuid { 1000, 33 } jump routed',
    'socket cgroupv2 level 2 "a.slice/b.service" jump routed',
  ].map(line => lines.indexOf(line))
  t.ok(out! > 0 && cgroupOut! > out! && local! > cgroupOut! && chosen! > local! && cgroup! > chosen!)
  t.notOk(lines.includes('jump routed'))
})

t.test('forwarded packets keep both their addresses', async t => {
  const text = ruleset(plan(['10.20.0.0/16:*'], { mode: 'tproxy' }))
  t.match(text, 'ip daddr @ip4_1_65535 tcp dport 1-65535 goto divert')
  t.match(text, 'meta nfproto ipv4 meta l4proto tcp tproxy ip to 127.0.0.1:15001 accept')
  t.notMatch(text, 'redirect')
  t.notMatch(text, 'ipv6')
  t.same(routing(plan(['10.20.0.0/16:*'], { mode: 'tproxy' })), [
    {
      family: 4,
      lines: [
        'route replace local default dev lo table 7242 protocol 72',
        'rule add priority 7242 fwmark 0x20000000/0x20000000 lookup 7242 protocol 72',
      ],
    },
  ])
})

t.test('captured destinations have a loopback source, so that no interface is needed', async t => {
  const rule = 'rule add priority 7242 fwmark 0/0x10000000 iif lo'
  const networks = ['10.20.0.0/16:5432', '10.30.0.1:*', '10.40.0.0/24:5432', '10.40.0.9/24:5432', '[fd20::]/16:80-90']
  t.same(routing(plan(networks)), [
    {
      family: 4,
      lines: [
        'route replace 10.20.0.0/16 dev lo src 127.0.0.1 table 7242 protocol 72',
        'route replace 10.40.0.0/24 dev lo src 127.0.0.1 table 7242 protocol 72',
        `${rule} from 0.0.0.0/32 ipproto tcp dport 5432 lookup 7242 protocol 72`,
        `${rule} from 127.0.0.1/32 ipproto tcp dport 5432 lookup 7242 protocol 72`,
        'route replace 10.30.0.1/32 dev lo src 127.0.0.1 table 7242001 protocol 72',
        `${rule} from 0.0.0.0/32 ipproto tcp lookup 7242001 protocol 72`,
        `${rule} from 127.0.0.1/32 ipproto tcp lookup 7242001 protocol 72`,
      ],
    },
    {
      family: 6,
      lines: [
        'route replace local fd20::/16 dev lo src ::1 table 7242 protocol 72',
        `${rule} ipproto tcp dport 80-90 lookup 7242 protocol 72`,
      ],
    },
  ])
})

t.test('networks of one range of ports need no rules of their own, however many they are', async t => {
  const networks = Array.from({ length: 500 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24:5432`)
  const { lines } = routing(plan(networks, { userIds: [1, 2] }))[0]!
  t.equal(lines.filter(line => line.startsWith('rule ')).length, 4, 'two users, two forms of the source')
  t.equal(lines.filter(line => line.startsWith('route ')).length, 500)
})

/** The users whom the routing rules are for. */
function rangesOf(more: Partial<CapturePlan>): readonly string[] {
  const lines = routing(plan(['[fd20::]/16:*'], more))[0]!.lines.slice(1)
  return lines.map(line => / uidrange (\S+)/.exec(line)?.[1] ?? 'all')
}

t.test('the routing is for whom nftables captures, and for nobody else', async t => {
  t.same(rangesOf({}), ['all'])
  t.same(rangesOf({ userIds: [5, 9], exceptUserIds: [9] }), ['5-5'])
  t.same(rangesOf({ exceptUserIds: [9, 0, 8] }), ['1-7', '10-4294967294'])
  t.same(rangesOf({ userIds: [5], cgroups: ['a'] }), ['5-5'])
  t.same(rangesOf({ cgroups: ['a'] }), [], 'routing knows no cgroups')
  t.same(rangesOf({ userIds: [5], exceptCgroups: ['a'] }), [])
})

t.test('of all rules and routes, ours are removed, also those of an earlier version', async t => {
  const rules = `0:	from all lookup local
7242:	from 0.0.0.0 to 10.20.0.0/16 fwmark 0/0x10000000 iif lo ipproto tcp dport 5432 lookup 7242 proto 72
7242:	from 0.0.0.0 fwmark 0/0x10000000 iif lo ipproto tcp lookup 7242001 proto 72
7242:	from all lookup 7242 proto 3
7242:	from all lookup 72420 proto 72
7242:	from all lookup 72 proto 72
32766:	from all lookup main
`
  const routes = `10.20.0.0/16 dev lo table 7242 scope link src 127.0.0.1 
10.21.0.0/16 dev lo table 7242 scope link src 127.0.0.1 
10.30.0.1 dev lo table 7242002 scope link src 127.0.0.1 
192.0.2.0/24 dev eth0 table 72 scope link 
`
  t.same(routingRemoval({ rules, routes }), [
    'rule del priority 7242 lookup 7242 protocol 72',
    'rule del priority 7242 lookup 7242001 protocol 72',
    'route flush table 7242 protocol 72',
    'route flush table 7242002 protocol 72',
  ])
  t.same(routingRemoval({ rules: '', routes: '' }), [])
})
