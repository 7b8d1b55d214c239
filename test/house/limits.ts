/**
 * Every limit has a test at its edge, or a reason why it has none. A new one says here which: without, this test fails.
 *
 * Tests of the table in test/unit/limits-edge.ts are found by themselves: they try one below, the limit, and one above.
 */
import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { readFile } from '../support/repository.ts'

type Limit = keyof typeof LIMITS

/** File below test/, title, and the limits whose edge it tries. */
const TRIED: readonly (readonly [file: string, title: string, ...limits: Limit[]])[] = [
  ['unit/limits-edge', 'endpointsPerPeerMax: one below, the limit, and one above', 'endpointsPerPeerMax'],
  ['unit/limits-edge', 'holdMinMs: one below is a fault', 'holdMinMs'],
  ['unit/limits-edge', 'ticketCharsMax: one below and the limit are a ticket, more is none', 'ticketCharsMax'],
  ['unit/limits-edge', 'migrationsRememberedMax: as many are remembered', 'migrationsRememberedMax'],
  ['unit/secure-channel', 'more CRYPTO bytes than the limit close the carrier', 'cryptoBytesMax'],
  ['unit/secure-channel', 'more records before the handshake is complete than the limit', 'earlyBytesMax'],
  ['unit/secure-channel', 'a key that has sealed its share closes the carrier', 'keyBytesMax'],
  ['unit/secure-keyring', 'an acceptor knows 32 handles above the largest used', 'handlesAhead'],
  ['unit/secure-keyring', 'an owner dials with its newest keyset and keeps the two newest', 'keysetsMax'],
  ['unit/secure-keyring', 'keysets without an owner are bounded', 'keysetsOwnerlessMax'],
  ['unit/session-rekey', 'keys are renewed after an hour', 'rekeyMs', 'rekeyRetryMs'],
  ['unit/sidecar-carriers', 'one peer has at most carriersPerPeerMax carriers', 'carriersPerPeerMax'],
  ['unit/sidecar-suspending', 'as many as the limit are dropped, and no more', 'suspensionsMax'],
  ['unit/sidecar-presence', 'presenceMs: who waits that long is held', 'presenceMs'],
  ['unit/sidecar-presence', 'presenceAskersMax: so many wait, one more is held at once', 'presenceAskersMax'],
  ['unit/sidecar-kernel-counts', 'the kernel is asked at most each nftCountsEveryMs', 'nftCountsEveryMs'],
  ['unit/sidecar-strangers', 'a stranger that is told why it failed, and does not end, is soon cut', 'refusedLingerMs'],
  ['unit/carrier-dial-round', 'waits less for an attempt where', 'dialStaggerMs', 'dialStaggerMinMs'],
  [
    'unit/carrier-dial-round',
    'keeps its bounds of open attempts and of candidates',
    'dialAttemptsMax',
    'dialCandidatesMax',
  ],
  ['unit/carrier-resolver', 'waits no longer than its limit', 'resolveMs'],
  ['unit/carrier-resolver', 'is bounded in addresses per name', 'namesRememberedMax', 'addressesPerNameMax'],
  ['unit/carrier-resolver', 'runs two lookups in all; the others wait their turn', 'lookupsMax'],
  ['unit/carrier-backoff', 'doubles from 0.2 s to 5 s', 'backoffMinMs', 'backoffMaxMs'],
  ['unit/carrier-backoff', 'goes slowly when nothing has answered', 'backoffFastForMs', 'backoffSlowMs'],
  ['support/carrier-suite', 'says stop when the peer does not read', 'carrierHighWaterBytes'],
  ['support/carrier-suite', 'is destroyed when the caller does not stop', 'carrierQueueBytesMax'],
  ['unit/carrier-websocket-stranger', 'pings and pongs of a stranger count', 'strangerPingsMax'],
  ['unit/carrier-refusals', 'refused connections linger in bounded number; one more is just cut', 'refusedLingerMax'],
  ['conformance/carrier-listen', 'a dial ends at its deadline', 'connectMs'],
  ['unit/session-window', 'the first limit lets the open and 16 KiB go', 'windowFloorBytes'],
  ['unit/session-window', 'a window grows to 16 MiB and no further', 'windowBytesMax'],
  ['unit/session-budget', 'tells once that it is exhausted, and once that there is room again', 'budgetBytes'],
  ['unit/session-sessions', 'answers to closed refs are bounded', 'answersMax'],
  ['unit/session-inbox', 'more gaps than an honest peer leaves are a fault', 'inboxGapsMax'],
  ['unit/adversary-peer', '20,001 opens: the last one is refused as OVERLOADED', 'sessionsPerPeerMax'],
  ['unit/adversary-peer', 'floods of acknowledgements, ends and pings leave nothing behind', 'controlQueueMax'],
  ['unit/session-session', 'an acknowledgement is worthwhile after half the window', 'ackBytes'],
  ['unit/session-sessions', 'a reset is carried out 5 s after it came', 'resetWaitMs'],
  ['unit/session-link', 'the flight is 256 KiB while round trip or rate are unknown', 'flightBytesMin'],
  ['unit/session-link', 'the flight is at most 32 MiB', 'flightBytesMax'],
  ['unit/session-link', 'a record is 2 ms of the rate, within 16 and 64 KiB', 'recordBytesMin', 'recordBytesMax'],
  ['unit/session-link', 'the rate is sampled over a round trip, and over 10 ms at least', 'rateSpanMs'],
  ['unit/session-link', 'at most eight pings wait for an answer', 'pingsMax'],
  ['unit/session-link', 'silence is doubt after three round trips', 'doubtMs'],
  ['unit/session-link', 'a round trip counts as 5 s at most', 'rttMaxMs'],
  ['unit/session-link', 'the flight is twice the bandwidth-delay product', 'flightSlackMs'],
  ['unit/session-migration', 'a planned proposal that is not answered in 5 s', 'handshakeMs'],
  ['unit/session-migration', 'a proposal that is not answered gives way to the next candidate', 'announceMs'],
  ['unit/session-migration', 'a better path is taken at most once in 10 s', 'betterPathMs'],
  ['unit/session-association', 'an idle carrier is asked every 15 s whether it lives', 'heartbeatMs'],
  ['unit/session-association', 'a heartbeat without answer for 1 s is doubt', 'heartbeatAnswerMs'],
  ['unit/session-association', 'an accepted carrier on which nothing proves the peer is closed', 'confirmMs'],
  ['unit/session-association', 'a second process takes the place of a first', 'duplicateIdentityMs'],
  ['unit/base-blocks', 'what is not a block is not kept: small, larger, or from elsewhere', 'blockBytes'],
  ['unit/base-blocks', 'no more blocks are kept than the limit', 'blocksKeptMax'],
  ['unit/platform-slab-socket', 'a first read brings little', 'slabBytes', 'readBytesMin'],
  ['unit/platform-write-queue', 'small chunks between large ones share a block', 'gatherBytes'],
  ['unit/platform-write-queue', 'single bytes that wait make as many pieces as blocks', 'gatherBlockBytes'],
  [
    'unit/capture-proxy-header',
    'a header of the greatest length is read, one byte more is refused',
    'proxyHeaderBytesMax',
  ],
  ['unit/capture-proxy-header', 'a header of the greatest length is read', 'proxyTextHeaderBytesMax'],
  ['unit/capture-proxy-sources', 'without a header in time, whole and well formed', 'proxyHeaderMs'],
  ['unit/capture-proxy-sources', 'few wait for their headers: more are refused', 'proxyHeadersPendingMax'],
  ['unit/capture-http-connect', 'proxyHeadBytesMax: the limit, and one above', 'proxyHeadBytesMax'],
  [
    'unit/capture-proxy',
    'a program that goes before it has asked is no fault; one that is too slow',
    'proxyGreetingMs',
  ],
  ['unit/capture-proxy', 'a program that was refused and does not end is reset', 'proxyLingerMs'],
  ['process/cli-firewall', 'so many rules as the limit are planned, more are refused', 'captureRulesMax'],
  ['unit/capture-proxy', 'so many may be greeting at once; more are reset', 'proxyGreetingsMax'],
  ['unit/capture-greeting-places', 'programs of this host are one address', 'proxyGreetingsPerAddressMax'],
  ['unit/watch-sleep-detector', 'says nothing about ticks on time', 'watchTickMs', 'wakeJumpMs'],
  ['unit/watch-sleep-detector', 'knows standing still where the monotonic clock goes on', 'standstillMs'],
  [
    'process/descriptors',
    'a sidecar says when no file descriptors are left, and when there are again',
    'descriptorLookMs',
  ],
  ['unit/platform-write-queue', 'what waits keeps no buffer in memory that is more than eight times', 'slicePinMax'],
  ['unit/egress-lookups', 'peers take turns, and two lookups run at once in all', 'egressLookupsMax'],
  ['unit/egress-lookups', 'an open beyond the lookups of its peer fails as OVERLOADED', 'egressLookupsPerPeerMax'],
  ['unit/egress-dial-destination', 'tells refused, unreachable and timed out apart', 'egressConnectMs'],
  ['unit/admin-server', 'takes at most LIMITS.adminConnectionsMax connections', 'adminConnectionsMax'],
  ['unit/admin-server', 'a body has at most adminBodyBytesMax bytes', 'adminBodyBytesMax'],
  ['unit/sidecar-connections', 'a stop waits for every connection', 'farewellMs'],
  ['unit/sidecar-tickets', 'as many machines as the limit', 'ticketPeersMax'],
  ['unit/cli-log', 'lines with one code are bounded', 'logLinesPerCodeMax', 'logSpanMs'],
]

/** What has no edge that a test could stand on both sides of. */
const WITHOUT_EDGE: Readonly<Partial<Record<Limit, string>>> = {
  dataBytesMax: 'the size of pieces that are made; what comes in is bounded by frameBytesMax',
  carrierCloseMs: 'pure timing, of a peer that does not end; the suite of the carriers ends with and without one',
  ackDelayMinMs: 'pure timing: a part of the round trip is held within it and ackDelayMaxMs',
  ackDelayMaxMs: 'pure timing: a part of the round trip is held within ackDelayMinMs and it',
  pingEveryMs: 'pure timing: when a busy carrier is measured again',
  loopLateMs: 'pure timing: from when on silence is our own',
  doubtGraceMs: 'pure timing: added to a round trip',
  holdMs: 'a default; what it may be set to has edges (holdMinMs, holdMaxMs)',
  outboxBytesMax:
    'a cap on twice flightBytesMax, which has an edge; what an outbox may have is in the tests of the budget',
  applicationHighWaterBytes: 'a hint to stop; the window bounds what is queued, and has an edge',
  resetDrainMs: 'pure timing, of the kernel’s send queue',
  resetPollMs: 'pure timing: how often that queue is asked about',
  endedPollMs: 'pure timing: how often SO_ERROR is read after an end',
  shutdownMs: 'pure timing, of a process that exits then; what it cuts before has an edge: farewellMs',
  keepAliveIdleMs: 'pure timing: kept by the kernel, which `ss` shows in unit/platform-application-socket',
  resetBlindMs: 'pure timing, where the queue cannot be asked about',
  watchCoalesceMs: 'pure timing: events within it are one',
  netlinkBufferBytes: 'kept by the kernel, which tells when it was not enough: everything is read anew then',
  netlinkDumpPartsMax: 'an answer of so many parts needs a kernel with tens of thousands of addresses',
  netlinkDumpMs: 'pure timing, of the kernel’s answer',
  ownLookupsMax: 'the same code as egressLookupsPerPeerMax, which has an edge, with another number',
  localAnswersMax: 'the size of the kernel’s sets, which it keeps',
  localAnswerMs: 'pure timing, kept by the kernel',
  nftSparesMax: 'processes of the kernel’s tools; test/netns/suspend.ts counts them',
  nftCountsMs: 'pure timing, of a program that is ended then; unit/firewall-counts has one that does not answer',
  nftSpareDelayMs: 'pure timing, of processes made ahead',
  nftMessageCharsMax: 'of a program of this host; only its first line is shown',
  suspensionMs: 'pure timing, kept by the kernel; test/netns/suspend.ts waits for it',
  firewallMs: 'pure timing, of programs that are ended then',
  adminRequestMs: 'pure timing, of a client on the same host; kept by node:http',
  heapGrowingPercent: 'an option of V8, which keeps it',
}

const EDGE_TABLE = 'test/unit/limits-edge.ts'

t.test('every limit has a test at its edge, or a reason why it has none', async t => {
  const inTable = [...readFile(EDGE_TABLE).matchAll(/\blimit: '(\w+)'/g)].map(([, limit]) => limit!)
  const tried = new Set([...inTable, ...TRIED.flatMap(([, , ...limits]) => limits)])
  for (const limit of Object.keys(LIMITS)) {
    const reason = WITHOUT_EDGE[limit as Limit]
    t.ok(tried.has(limit) || reason !== undefined, `${limit}: no test at its edge is named in ${import.meta.filename}`)
    t.notOk(tried.has(limit) && reason !== undefined, `${limit} has a test, and a reason why it has none`)
  }
  for (const limit of inTable) t.ok(limit in LIMITS, limit)
})

t.test('the tests that are named are there', async t => {
  for (const [file, title] of TRIED) t.ok(readFile(`test/${file}.ts`).includes(title), `${file}: ${title}`)
})

t.test('a limit of bytes or of a number has an edge, unless something else with an edge keeps it', async t => {
  for (const [limit, reason] of Object.entries(WITHOUT_EDGE)) {
    if (limit.endsWith('Ms')) continue
    t.notMatch(reason, /^pure timing/, `${limit}: ${reason}`)
  }
})
