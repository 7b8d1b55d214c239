import t from 'tap'
import { bytes, renderStatus } from '../../src/cli/status-text.ts'
import type { SessionStatus, StatusReport } from '../../src/sidecar/status.ts'
import { MIGRATION, PEER, PEER_ID, REPORT } from '../support/fake-sidecar.ts'

const PLAIN = { hasColor: false, columns: Number.POSITIVE_INFINITY }

/** The time of the day is that of the reader. */
function local(iso: string): string {
  const at = new Date(iso)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

t.test('shows what is, then what happened, with each step of a migration after its first', async t => {
  const first = local('2026-05-01T12:00:00Z')
  const second = local('2026-05-01T12:00:20Z')
  t.equal(
    renderStatus(REPORT, PLAIN),
    `holdfast 0.1.0   pid 4242   up 3 h 12 min
identity   ${PEER_ID}
listening  tcp://[::]:7700
forward    127.0.0.1:15432 -> office 127.0.0.1:5432
proxy      127.0.0.1:1080 -> office
proxy      [::]:1081 -> what has a route, the rest directly, optimistic, with a password

office   stable   epoch 4   ${PEER_ID}
  REFUSED nobody listens (tcp://203.0.113.7:7700, ${first})
  paths
    role     local                remote              scheme  dialed by      RTT
    active   198.51.100.4:51000   203.0.113.7:7700    tcp     us         20.4 ms
    standby  [2001:db8::4]:51002  [2001:db8::7]:7700  wss     peer             -
  sessions (1)
    session   side  state  client           to               sent  received  unacknowledged
    01234567  near  open   127.0.0.1:40312  127.0.0.1:5432  812 B   3.3 GiB             0 B
  last migrations (2)
    when                 epoch  by     reason  detected  suspended  announced  acknowledged  resumed  replayed  blackout  new path
    ${first}      3  local  gone       +0 ms      +1 ms     +43 ms        +64 ms   +64 ms  64.0 KiB     63 ms  tcp 198.51.100.4:51000 -> 203.0.113.7:7700
    ${second}      4  peer   doubt          -          -      +0 ms        +20 ms  +12.5 s       0 B         -  tcp 198.51.100.4:51000 -> 203.0.113.7:7700
`,
  )
})

t.test('says so where there is nothing', async t => {
  const empty: StatusReport = { ...REPORT, uptimeSeconds: 59, listening: [], forwards: [], proxies: [], peers: [] }
  t.match(
    renderStatus(empty, PLAIN),
    'listening  nothing: this host only dials\n\nno peers: add them to the configuration\n',
  )
  const idle = { ...PEER, state: 'idle' as const, paths: [], sessions: [], migrations: [], lastFailure: null }
  const text = renderStatus({ ...REPORT, peers: [idle] }, PLAIN)
  t.match(text, /office {3}idle .*\n {2}paths: none\n {2}sessions \(0\): none\n {2}last migrations \(0\): none\n$/)
})

t.test('shows the uptime and bytes in the unit that a person would', async t => {
  const rows: [number, string][] = [
    [0, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [3_599, '59 min'],
    [3_600, '1 h 0 min'],
    [172_799, '47 h 59 min'],
    [172_800, '2 d 0 h'],
  ]
  for (const [uptimeSeconds, shown] of rows) {
    t.match(renderStatus({ ...REPORT, uptimeSeconds }, PLAIN), `up ${shown}\n`)
  }
  t.same([0, 1023, 1024, 2 ** 20, 1.5 * 2 ** 30, 2 ** 60].map(bytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.0 MiB',
    '1.5 GiB',
    '1048576.0 TiB',
  ])
})

t.test('shows the last migrations and the first sessions, and how many more there are', async t => {
  const sessions: SessionStatus[] = Array.from({ length: 23 }, (_, i) => ({
    ...PEER.sessions[0]!,
    sessionId: String(i).padStart(8, '0').padEnd(32, '0'),
  }))
  const migrations = Array.from({ length: 12 }, (_, i) => ({ ...MIGRATION, epoch: 100 + i, blackoutMs: 700_000 }))
  const text = renderStatus({ ...REPORT, peers: [{ ...PEER, sessions, migrations }] }, PLAIN)
  t.match(text, 'sessions (23)\n')
  t.match(text, '00000019')
  t.notMatch(text, '00000020')
  t.match(text, '    and 3 more: see --json\n')
  t.match(text, 'last migrations (12)\n')
  t.notMatch(text, '  101  local')
  t.match(text, '  102  local')
  t.match(text, '12 min')
})

t.test('a terminal has colours; a name cannot steer it', async t => {
  const evil = { ...PEER, name: '\x1b[2Jx\n' }
  const text = renderStatus({ ...REPORT, peers: [evil] }, { hasColor: true, columns: 60 })
  t.match(text, '\x1b[32mstable\x1b[39m')
  t.notMatch(text, '\x1b[2J')
  t.match(text, '?[2Jx?')
})

t.test('on a narrow terminal a table that does not fit is shown row by row, and nothing is lost', async t => {
  const at = (columns: number) => renderStatus(REPORT, { hasColor: false, columns })
  t.equal(
    at(60).slice(at(60).indexOf('  paths')),
    `  paths
    role active  local 198.51.100.4:51000
      remote 203.0.113.7:7700  scheme tcp  dialed by us
      RTT 20.4 ms
    role standby  local [2001:db8::4]:51002
      remote [2001:db8::7]:7700  scheme wss  dialed by peer
      RTT -
  sessions (1)
    session 01234567  side near  state open
      client 127.0.0.1:40312  to 127.0.0.1:5432  sent 812 B
      received 3.3 GiB  unacknowledged 0 B
  last migrations (2)
    when ${local('2026-05-01T12:00:00Z')}  epoch 3  by local  reason gone
      detected +0 ms  suspended +1 ms  announced +43 ms
      acknowledged +64 ms  resumed +64 ms  replayed 64.0 KiB
      blackout 63 ms
      new path tcp 198.51.100.4:51000 -> 203.0.113.7:7700
    when ${local('2026-05-01T12:00:20Z')}  epoch 4  by peer  reason doubt
      detected -  suspended -  announced +0 ms
      acknowledged +20 ms  resumed +12.5 s  replayed 0 B
      blackout -
      new path tcp 198.51.100.4:51000 -> 203.0.113.7:7700
`,
  )
  const words = (text: string) => new Set(text.split(/\s+/))
  for (const columns of [20, 40, 80, 100, 150]) {
    const shown = words(at(columns))
    t.same(
      [...words(renderStatus(REPORT, PLAIN))].filter(word => !shown.has(word)),
      [],
      `${columns} columns`,
    )
    const tables = at(columns)
      .split('\n')
      .filter(line => line.startsWith('    '))
    if (columns > 60)
      t.ok(
        tables.every(line => line.length <= columns),
        `${columns} columns`,
      )
  }
})
