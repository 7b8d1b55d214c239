// npm run mutations: breaks the program on purpose, one line at a time, and shows that the tests notice. Needs the build; works
// on a copy of it. Each row: what is broken, the file, the text as it is (exactly once in the file), what it becomes, and what
// has to fail then. First each command runs on the copy as it is, where it has to pass: what fails anyway catches nothing. A row
// that nobody notices, or whose text is not there any more, ends it with exit code 1.
//     node scripts/mutations.mjs --only WORDS   those rows whose first column has these words in it
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const SIM = ['test/sim/main.js', '--seeds', '1500', '--from', '20001']
const TIGHT_SIM = ['test/sim/main.js', '--tight', '--seeds', '200', '--from', '20001']
const unit = name => [`test/unit/${name}.js`]
const property = name => [`test/property/${name}.js`]
const adversary = what => ['test/adversary/main.js', '--only', what]
/** In network namespaces: as root, on Linux. */
const lab = (name, ...args) => [`test/e2e/${name}.js`, ...args]
const fuzz = target => ['test/fuzz/main.js', '--target', target, '--seconds', '2']

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
  [
    'the window is one byte too wide',
    'session/inbox.js',
    'if (end > limit)',
    'if (end > limit + 1)',
    unit('session-inbox'),
  ],
  ['an open is not remembered', 'session/sessions.js', 'this.#largestSeen = ref;', '', SIM],
  [
    'bytes that came before are given once more',
    'session/inbox.js',
    'slice(parts, from - offset, to - offset)',
    'slice(parts, 0, to - from)',
    SIM,
  ],
  [
    'a stream ends before its last bytes have come',
    'session/inbox.js',
    ' && this.received === this.finalOffset',
    '',
    SIM,
  ],
  [
    'a session that is over keeps its memory',
    'session/sessions.js',
    'this.#options.budget.release(outbox.bufferedBytes);',
    '',
    SIM,
  ],
  ['memory is never exhausted', 'session/budget.js', 'this.#isExhausted = true;', 'return;', TIGHT_SIM],
  [
    'what was not acknowledged is not sent again',
    'session/schedule.js',
    'if (isReplay)\n                session.outbox.replay();\n            else if',
    'if',
    property('cuts'),
  ],
  [
    'both sides accept each other',
    'session/epochs.js',
    'isOurs && !this.#isGreaterPeer',
    'isOurs',
    property('overlaps'),
  ],
  [
    'the length of a frame is believed',
    'wire/inner-frame.js',
    'if (length > rope.left)',
    'if (false)',
    fuzz('inner-frames'),
  ],
  ['a record that is repeated opens again', 'secure/record.js', 'this.#counter++', 'this.#counter', fuzz('channel')],
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
    'what follows a lost tail takes its room',
    'session/schedule.js',
    'this.handleAcked(session.flightBytes);\n            session.flightBytes = 0;\n            session.outbox.replay(session.tailEnd)',
    'session.outbox.replay(session.tailEnd)',
    unit('session-recovery'),
  ],
  [
    'an answer leaves on a carrier that may be given up unheard',
    'session/schedule.js',
    'if (!isReplayOnly)\n            this.#fillAnswers',
    'this.#fillAnswers',
    unit('session-recovery'),
  ],
  [
    'a last word leaves so',
    'session/sessions.js',
    'if (this.#options.isTentative())',
    'if (false)',
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
  [
    'a recorded first flight opens once more',
    'secure/keyset.js',
    'this.#known.delete(known.n);\n        this.#handles.delete(known.name);\n        known.isLive = false;',
    'this.#known.delete(known.n);',
    adversary('the first flight of a RESUME'),
  ],
  [
    'a peer reaches whatever it names',
    'egress/dial-destination.js',
    "return rule === undefined ? 'NOT_ALLOWED' : [{ host: address.text, rule }];",
    'return [{ host: address.text, rule: rule ?? {} }];',
    unit('egress-dial-destination'),
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
  [
    'in namespaces, a replay skips a byte',
    'session/outbox.js',
    'this.#replayNext = this.acked;',
    'this.#replayNext = this.acked + 1;',
    lab('migrations', '--count', '16', '--afresh'),
  ],
  [
    'in namespaces, events that the kernel has lost are not made up for',
    'watch/netlink.js',
    '    #handleLost() {',
    '    #handleLost() {\n        return;',
    lab('faults', '--only', 'enobufs-near'),
  ],
]

const FOLDER = 'build/mutant'
/** As deep as the original is: tests find files beside it, and write some there. */
const COPY = `${FOLDER}/build`
/** What takes longer than this, and than ten times as long as on the program as it is, has come to no end. */
const MS_MIN = 120_000

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } })
const isLab = ([program]) => program.startsWith('test/e2e/')
const canLab = process.platform === 'linux' && process.getuid() === 0
const named = MUTATIONS.filter(([what]) => what.includes(values.only))
const chosen = named.filter(([, , , , command]) => canLab || !isLab(command))
for (const [what] of named)
  if (!chosen.some(row => row[0] === what)) console.log(`LEFT OUT  ${what}: it needs Linux and root`)
const usualMs = new Map()
let failures = chosen.length > 0 ? 0 : 1
copy()
for (const [, , , , command] of chosen) {
  const name = command.join(' ')
  if (usualMs.has(name)) continue
  const { status, words, ms } = run(command)
  usualMs.set(name, ms)
  if (status === 0) continue
  failures++
  console.log(`BROKEN    ${name} fails on the program as it is: ${words}`)
}
for (const [what, file, before, after, command] of chosen) {
  copy()
  const path = `${COPY}/src/${file}`
  const text = readFileSync(path, 'utf8')
  if (text.split(before).length !== 2) {
    console.log(`STALE     ${what}: the text is not in ${file} exactly once`)
    failures++
    continue
  }
  writeFileSync(path, text.replace(before, after))
  const { status, words } = run(command, Math.max(MS_MIN, 10 * usualMs.get(command.join(' '))))
  // What cannot be read runs nothing.
  const verdict = status === 0 ? 'SURVIVED' : words?.includes('SyntaxError') ? 'BROKEN' : 'caught'
  if (verdict !== 'caught') failures++
  console.log(`${verdict.padEnd(9)} ${what} (${command[0]})${status === 0 ? '' : `: ${words ?? 'no end in time'}`}`)
}
rmSync(FOLDER, { recursive: true, force: true })
console.log(`${chosen.length} mutations, ${failures} survived or cannot be judged`)
process.exitCode = failures > 0 ? 1 : 0

function copy() {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(COPY, { recursive: true })
  for (const folder of ['src', 'test', 'config.schema.json'])
    cpSync(`build/${folder}`, `${COPY}/${folder}`, { recursive: true })
}

function run([program, ...args], timeout) {
  const startedAt = performance.now()
  const options = { encoding: 'utf8', timeout }
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${COPY}/${program}`, ...args], options)
  const words = `${stderr}${stdout}`.split('\n').find(line => /failed|FAILED|not ok|Error/.test(line))
  return { status, words: words?.trim(), ms: Math.ceil(performance.now() - startedAt) }
}
