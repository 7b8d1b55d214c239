import t from 'tap'
import { elementOf, SUSPENSION_REMOVAL, suspensionChange, suspensionTable } from '../../src/firewall/suspension.ts'

const FOUR = { local: { host: '10.0.0.2', port: 40_000 }, remote: { host: '10.0.0.1', port: 7700 } }
const SIX = { local: { host: 'fd00::2', port: 40_001 }, remote: { host: 'fd00::1', port: 7700 } }

t.test('one transaction makes a table with a chain for each hook, and names no other', async t => {
  t.equal(
    suspensionTable(),
    `${SUSPENSION_REMOVAL}table inet holdfast_suspension {
  set tuples4 { type ipv4_addr . inet_service . ipv4_addr . inet_service; flags timeout; size 4096; }
  set tuples6 { type ipv6_addr . inet_service . ipv6_addr . inet_service; flags timeout; size 4096; }
  counter dropped_in { }
  counter dropped_out { }
  chain input {
    type filter hook input priority -300; policy accept;
    ip daddr . tcp dport . ip saddr . tcp sport @tuples4 counter name dropped_in drop
    ip6 daddr . tcp dport . ip6 saddr . tcp sport @tuples6 counter name dropped_in drop
  }
  chain output {
    type filter hook output priority -300; policy accept;
    ip saddr . tcp sport . ip daddr . tcp dport @tuples4 counter name dropped_out drop
    ip6 saddr . tcp sport . ip6 daddr . tcp dport @tuples6 counter name dropped_out drop
  }
}
`,
  )
})

t.test('a suspension is an element with an end, and is deleted whether it has ended or not', async t => {
  const table = 'inet holdfast_suspension'
  t.equal(
    suspensionChange([FOUR], [SIX]),
    `add element ${table} tuples6 { fd00::2 . 40001 . fd00::1 . 7700 }
delete element ${table} tuples6 { fd00::2 . 40001 . fd00::1 . 7700 }
add element ${table} tuples4 { 10.0.0.2 . 40000 . 10.0.0.1 . 7700 timeout 10000ms }
`,
  )
})

t.test('what is no pair of addresses of one family has no element', async t => {
  const linkLocal = { host: 'fe80::1%eth0', port: 1 }
  t.equal(elementOf({ local: linkLocal, remote: linkLocal }), undefined)
  t.equal(elementOf({ local: FOUR.local, remote: SIX.remote }), undefined)
  t.equal(elementOf({ local: { host: '1.2.3.4 }; flush ruleset', port: 1 }, remote: FOUR.remote }), undefined)
  t.equal(suspensionChange([{ local: linkLocal, remote: linkLocal }], []), '')
})
