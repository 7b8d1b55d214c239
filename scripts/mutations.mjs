// npm run mutations: breaks the program on purpose, one line at a time, and shows that the tests notice. Needs the build; works
// on a copy of it. Each row: what is broken, the file, the text as it is (exactly once in the file), what it becomes, and what
// has to fail then. A row that nobody notices, or whose text is not there any more, ends it with exit code 1.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

const SIM = ['test/sim/main.js', '--seeds', '1500', '--from', '20001']
const unit = name => [`test/unit/${name}.js`]

const MUTATIONS = [
  ['an acknowledgement is dropped', 'session/schedule.js', 'this.#fillAcks(record);', '', SIM],
  [
    'limits are not stated again after a switch',
    'session/schedule.js',
    'this.#acksDue.add(session);\n            if (session.resetSent',
    'if (session.resetSent',
    SIM,
  ],
  [
    'a replay skips a byte',
    'session/outbox.js',
    'this.#replayNext = this.acked;',
    'this.#replayNext = this.acked + 1;',
    SIM,
  ],
  ['the window is off by one', 'session/inbox.js', 'if (end > limit)', 'if (end >= limit)', SIM],
  ['an open is not remembered', 'session/sessions.js', 'this.#largestSeen = ref;', '', SIM],
  ['a tie of epochs has two winners', 'session/epochs.js', 'isOurs && !this.#isGreaterPeer', 'isOurs', SIM],
  [
    'a dead process is believed',
    'session/incarnations.js',
    'link.aliveAfter > this.#knownSince',
    'true',
    unit('session-incarnations'),
  ],
  [
    'a process that has not said who it is hears of sessions',
    'session/migration.js',
    'if (!link.isHelloReceived && !link.isResumed)\n                return undefined;',
    '',
    unit('session-incarnations'),
  ],
  [
    'a silent tail is waited for',
    'session/migration.js',
    'if (now >= this.#tailUntil)\n            this.#giveUpTail();',
    '',
    unit('session-recovery'),
  ],
  [
    'an unanswered heartbeat is due again at once',
    'session/link.js',
    'this.lastPingAt = now;\n        if (this.#pings.size >= LIMITS.pingsMax)\n            return;',
    'if (this.#pings.size >= LIMITS.pingsMax)\n            return;\n        this.lastPingAt = now;',
    unit('session-recovery'),
  ],
  [
    'answers are queued without end',
    'session/link.js',
    'this.control.length >= LIMITS.controlQueueMax',
    'false',
    unit('adversary-peer'),
  ],
  [
    'an answer to an older proposal counts',
    'session/migration.js',
    ' || proposal.epoch !== message.epoch',
    '',
    unit('session-migration'),
  ],
  ['bytes above the limit are taken', 'session/inbox.js', "return 'LIMIT_EXCEEDED';", ';', unit('session-inbox')],
  [
    'acknowledgements above what was sent are believed',
    'session/session.js',
    "return 'ACK_BEYOND_SENT';",
    ';',
    unit('session-session'),
  ],
  [
    'a handle can be used twice',
    'secure/keyset.js',
    'this.#known.delete(known.n);\n        this.#handles.delete(known.name);\n        known.isLive = false;',
    'this.#known.delete(known.n);',
    unit('secure-keyring'),
  ],
  ['a nonce is used twice', 'secure/record.js', 'this.#counter++', 'this.#counter', unit('secure-record')],
  [
    'a stalled outbox takes what it likes',
    'session/budget.js',
    'return Math.min(targetBytes, this.outboxShareBytes);',
    'return targetBytes;',
    unit('session-sessions'),
  ],
  [
    'a metadata service is dialed for a peer',
    'sidecar/whereabouts.js',
    'isMetadataService(address) || ',
    '',
    unit('sidecar-whereabouts'),
  ],
  [
    'a stranger keeps its place by not ending',
    'sidecar/path.js',
    'if (!this.hasRecord)\n            this.#cutSoon();',
    '',
    unit('sidecar-strangers'),
  ],
  [
    'a peer may have any number of carriers',
    'sidecar/pump.js',
    'if (this.paths.size < LIMITS.carriersPerPeerMax)',
    'if (this.paths.size >= 0)',
    unit('sidecar-carriers'),
  ],
  [
    'any key may answer at an endpoint',
    'secure/channel.js',
    "peerId === options.expectedPeerId || 'PEER_MISMATCH'",
    'true',
    unit('secure-handshake'),
  ],
  [
    'anybody may name himself by a PROXY header',
    'capture/proxy-sources.js',
    'return this.#holders.some(holds => holds(bytes));',
    'return true;',
    unit('capture-proxy-sources'),
  ],
  [
    'a peer may name anybody as its client',
    'egress/preserved-source.js',
    '!clients.some(holds => holds(bytes))',
    'false',
    unit('egress-preserved-source'),
  ],
  [
    'of several allow rules any decides',
    'base/rule-table.js',
    'this.#networks.sort(bySpecificity);',
    '',
    unit('egress-allow-list'),
  ],
]

const COPY = 'build/mutant'
let survivors = 0
for (const [what, file, before, after, command] of MUTATIONS) {
  rmSync(COPY, { recursive: true, force: true })
  mkdirSync(COPY, { recursive: true })
  for (const folder of ['src', 'test', 'config.schema.json'])
    cpSync(`build/${folder}`, `${COPY}/${folder}`, { recursive: true })
  const path = `${COPY}/src/${file}`
  const text = readFileSync(path, 'utf8')
  if (text.split(before).length !== 2) {
    console.log(`STALE     ${what}: the text is not in ${file} exactly once`)
    survivors++
    continue
  }
  writeFileSync(path, text.replace(before, after))
  const [program, ...args] = command
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${COPY}/${program}`, ...args], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  const isCaught = status !== 0
  if (!isCaught) survivors++
  const words = `${stderr}${stdout}`.split('\n').find(line => /failed|not ok|Error/.test(line))
  console.log(
    `${isCaught ? 'caught   ' : 'SURVIVED '} ${what} (${program})${isCaught ? `: ${words?.trim() ?? 'no end in time'}` : ''}`,
  )
}
rmSync(COPY, { recursive: true, force: true })
console.log(`${MUTATIONS.length} mutations, ${survivors} survived`)
process.exitCode = survivors > 0 ? 1 : 0
