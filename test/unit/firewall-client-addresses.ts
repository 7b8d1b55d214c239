import t from 'tap'
import type { Network } from '../../src/base/network.ts'
import { parseNetwork } from '../../src/base/network.ts'
import { CLIENTS_REMOVAL, clientsRouting, clientsTable } from '../../src/firewall/client-addresses.ts'
import { routingRemoval } from '../../src/firewall/routing.ts'

const networks = (...texts: readonly string[]) => texts.map(text => parseNetwork(text) as Network)

t.test('one transaction replaces the table of the clients, and names no other', async t => {
  t.equal(
    clientsTable(networks('10.79.0.0/16', '192.0.2.7', 'fd79::/16')),
    `${CLIENTS_REMOVAL}table inet holdfast_clients {
  set clients4 { type ipv4_addr; flags interval; auto-merge; elements = { 10.79.0.0/16, 192.0.2.7/32 } }
  set answers4 { type ipv4_addr . inet_service . ipv4_addr . inet_service; flags dynamic,timeout; timeout 600s; size 65536; }
  set clients6 { type ipv6_addr; flags interval; auto-merge; elements = { fd79::/16 } }
  set answers6 { type ipv6_addr . inet_service . ipv6_addr . inet_service; flags dynamic,timeout; timeout 600s; size 65536; }
  chain prerouting {
    type filter hook prerouting priority mangle; policy accept;
    ip daddr @clients4 meta l4proto tcp socket transparent 1 counter meta mark set meta mark | 0x20000000
    ip6 daddr @clients6 meta l4proto tcp socket transparent 1 counter meta mark set meta mark | 0x20000000
  }
  chain output {
    type route hook output priority mangle; policy accept;
    ip saddr . tcp sport . ip daddr . tcp dport @answers4 counter meta mark set meta mark | 0x20000000
    ip saddr @clients4 meta l4proto tcp socket transparent 1 fib daddr type local update @answers4 { ip daddr . tcp dport . ip saddr . tcp sport }
    ip6 saddr . tcp sport . ip6 daddr . tcp dport @answers6 counter meta mark set meta mark | 0x20000000
    ip6 saddr @clients6 meta l4proto tcp socket transparent 1 fib daddr type local update @answers6 { ip6 daddr . tcp dport . ip6 saddr . tcp sport }
  }
}
`,
  )
  t.notMatch(clientsTable(networks('10.79.0.0/16')), 'ip6')
})

t.test('the routing of clients has their networks, and no way for anybody else', async t => {
  const ours = 'table 7243 protocol 72'
  t.same(clientsRouting(networks('10.79.4.5/16', '192.0.2.7')), [
    {
      family: 4,
      lines: [
        `route replace local 10.79.0.0/16 dev lo ${ours}`,
        `route replace local 192.0.2.7/32 dev lo ${ours}`,
        'rule add priority 7242 fwmark 0x20000000/0x20000000 lookup 7243 protocol 72',
        'rule add priority 7242 iif lo from 127.0.0.0/8 lookup 7243 protocol 72',
      ],
    },
    { family: 6, lines: [] },
  ])
  t.match(clientsRouting(networks('fd79::/16'))[1]!.lines, [
    `route replace local fd79::/16 dev lo ${ours}`,
    /fwmark/,
    'rule add priority 7242 iif lo from ::1 lookup 7243 protocol 72',
  ])
})

t.test('the rules of clients are removed, and those of a capture stay', async t => {
  const rules = `7242:	from all fwmark 0x20000000/0x20000000 lookup 7243 proto 72
7242:	from 127.0.0.0/8 iif lo lookup 7243 proto 72
7242:	from all fwmark 0x20000000/0x20000000 lookup 7242 proto 72
`
  const routes = 'local 10.79.0.0/16 dev lo table 7243 scope host\nlocal default dev lo table 7242 scope host\n'
  const line = 'rule del priority 7242 lookup 7243 protocol 72'
  t.same(routingRemoval({ rules, routes }, '7243'), [line, line, 'route flush table 7243 protocol 72'])
})
