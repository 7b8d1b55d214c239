/**
 * Every limit of Holdfast in one place: value, unit in the name, reason, and what happens when it is reached.
 * Sizes are bytes, times are milliseconds.
 */
const KIB = 1024
const MIB = 1024 * KIB

export const LIMITS = {
  // ---- frames (wire/)
  /** A whole outer frame. A longer one closes its carrier with FRAME_TOO_LARGE. */
  frameBytesMax: 128 * KIB,
  /** Payload of one DATA frame: small enough that round robin between sessions is fair. */
  dataBytesMax: 64 * KIB,
  /** One protobuf control message. A longer one closes its carrier. */
  controlBytesMax: 4 * KIB,
  /** A name or address in a control message; protects logs and tables. */
  hostBytesMax: 255,
  /** Endpoints one peer may advertise; the rest is dropped. */
  endpointsPerPeerMax: 16,

  // ---- secure/
  /** CRYPTO frames per side: a TLS 1.3 flight with one certificate is under 4 KiB. More closes the carrier. */
  cryptoBytesMax: 32 * KIB,
  /** Records kept unopened until the client's Finished has come. More closes the carrier. */
  earlyBytesMax: 64 * KIB,
  /** From connect to a finished handshake, or to the first record under a RESUME. Later: closed. */
  handshakeMs: 5_000,
  /** Handles an acceptor knows above the largest used one, and unused ones below it. */
  handlesAhead: 32,
  /** Confirmed keysets kept per association: two, because first handshakes may cross. */
  keysetsMax: 2,
  /** Keysets whose peer has not said Hello yet, in all. The oldest is forgotten: its peer makes a full handshake. */
  keysetsOwnerlessMax: 64,
  /** Bytes sealed under one key, then the carrier is replaced (RFC 8446 5.5 allows 2^24.5 full records of AES-GCM). */
  keyBytesMax: 2 ** 40,
  /** Age at which a planned move onto a fresh handshake renews the keys. */
  rekeyMs: 3_600_000,
  /** A renewal that came to nothing is tried again after this; meanwhile the keys stay. */
  rekeyRetryMs: 60_000,

  // ---- carrier/
  /** Connections that have not proved an identity, in all and from one address (/64 for IPv6). More are refused. */
  unauthenticatedMax: 256,
  unauthenticatedPerAddressMax: 32,
  /** Pings and pongs of a WebSocket before an identity was proved: proxies send few. More close the carrier. */
  strangerPingsMax: 64,
  /** Full handshakes a second, in all and from one address, and as many of wss. RESUME look-ups are cheap, not counted. */
  handshakesPerSecondMax: 100,
  handshakesPerSecondPerAddressMax: 20,
  /** Carriers of one association; the oldest standby is closed for a new one. */
  carriersPerPeerMax: 8,
  /** A TCP connect of a carrier. Later: the attempt has failed. */
  connectMs: 10_000,
  /** Between staggered dial attempts (RFC 8305 section 5). */
  dialStaggerMs: 250,
  /** The least of it, where the last path had a round trip so short that three of them are less. */
  dialStaggerMinMs: 100,
  /** Attempts of one dialing round that may be open at once. */
  dialAttemptsMax: 8,
  /** Retry after a failed dialing round: from, to, and for how long before the slow pace. */
  backoffMinMs: 200,
  backoffMaxMs: 5_000,
  backoffFastForMs: 600_000,
  backoffSlowMs: 30_000,
  /** A name lookup; getaddrinfo against a dead resolver blocks for seconds. */
  resolveMs: 5_000,
  /** Lookups of names of endpoints that run at once: each blocks one of libuv's four threads. More wait their turn. */
  lookupsMax: 2,
  /** Names whose last good answer is remembered, and names waiting for a lookup. The oldest answer is forgotten. */
  namesRememberedMax: 256,
  /** Addresses taken from the answer for one name; the rest is dropped. */
  addressesPerNameMax: 8,
  /** Candidates of one dialing round, and as many again bound to local addresses; the last ones are dropped. */
  dialCandidatesMax: 64,
  /** Bytes queued in a carrier at which `send` says stop; half of it is drained. Control cannot overtake what waits here. */
  carrierHighWaterBytes: 256 * KIB,
  /** Bytes queued in a carrier whose caller does not heed that. The carrier is destroyed with OVERLOADED. */
  carrierQueueBytesMax: 32 * MIB,
  /** An orderly close waits so long for the flush and for the peer's end; then the carrier is destroyed. */
  carrierCloseMs: 5_000,
  /** Refused connections that are told why, at once per listener (more are just cut), and so long to read it, also for a failed handshake. */
  refusedLingerMax: 32,
  refusedLingerMs: 1_000,

  // ---- session/
  /** The limit granted with every open, so that the first bytes leave in the same flight. */
  windowFloorBytes: 16 * KIB,
  /** The largest receive window of one session. */
  windowBytesMax: 16 * MIB,
  /** Bytes of one session taken from the application and not acknowledged. Above: its socket is paused. */
  outboxBytesMax: 16 * MIB,
  /** Sum over all sessions of outboxes, inboxes and granted limits. Above: windows stay at the floor, opens are OVERLOADED. */
  budgetBytes: 256 * MIB,
  /** GONE and refusals waiting to leave: for all sessions of a peer at once. More are dropped: it asks again after its next switch. */
  answersMax: 40_000,
  /** Gaps in one stream while an old carrier drains. More resets the session: an honest peer leaves one per carrier. */
  inboxGapsMax: 64,
  /** Sessions of one peer. More are refused with OVERLOADED. */
  sessionsPerPeerMax: 20_000,
  /** An acknowledgement leaves after so many bytes (half the least flight), or half the window if that is less. */
  ackBytes: 128 * KIB,
  /** ...or after RTT/4, held within these. */
  ackDelayMinMs: 1,
  ackDelayMaxMs: 25,
  /** A reset that waits for bytes below its final offset is carried out after this. */
  resetWaitMs: 5_000,
  /** Bytes handed to a carrier and not acknowledged: at least this, else twice the bandwidth-delay product. */
  flightBytesMin: 256 * KIB,
  flightBytesMax: 32 * MIB,
  /** Added to the least round trip: what scheduling and delayed acknowledgements cost on a short path. */
  flightSlackMs: 3,
  /** One record: about 2 ms of the carrier's rate, within these. */
  recordBytesMin: 16 * KIB,
  recordBytesMax: 64 * KIB,
  /** The delivered rate is sampled over at least this. */
  rateSpanMs: 10,
  /** Control messages waiting on one carrier. A peer that asks for more answers than that has its carrier closed. */
  controlQueueMax: 64,
  /** Pings without answer on one carrier; no more are sent. */
  pingsMax: 8,
  /** The round trip of a busy carrier is measured again after this. */
  pingEveryMs: 1_000,
  /** A round trip counts as no longer than this: more shows that a process stood still, or its clock jumped, and doubt would come late. */
  rttMaxMs: 5_000,
  /** Timers that fire later than this show that our own loop was blocked: that time does not count as silence. */
  loopLateMs: 25,
  /** A proposal not answered within max(2 R, this) gives way to the next candidate. */
  announceMs: 250,
  /** Silence while something is outstanding, max(3 SRTT, this), is doubt. */
  doubtMs: 100,
  /** A doubted carrier that lives has 1.25 round trips and this to say so before another is proposed. */
  doubtGraceMs: 5,
  /** Idle heartbeat; unanswered for heartbeatAnswerMs: ping again and doubt. */
  heartbeatMs: 15_000,
  heartbeatAnswerMs: 1_000,
  /** Moves to a merely better path: at most one in this time. */
  betterPathMs: 10_000,
  /** A resumed carrier is confirmed within max(this, 4 R), else closed. */
  confirmMs: 1_000,
  /** A second incarnation of a pinned peer waits so long for the first to answer a ping. */
  duplicateIdentityMs: 1_000,
  /** How far a peer may raise the epoch at once, after the first it names. More closes its carrier. */
  epochJumpMax: 65_536,
  /** No epoch is above; a peer that names one has its carrier closed. One move a second takes 68 years. */
  epochMax: 2 ** 31,
  /** Sessions without a path are kept so long by default. */
  holdMs: 86_400_000,

  // ---- buffers
  /** One reused buffer: holds the frame of a full record. Smaller and larger ones are not reused. */
  blockBytes: 68 * KIB,
  /** Blocks kept while nobody needs them: about what one busy stream has in use. More are left to the collector. */
  blocksKeptMax: 64,

  // ---- platform/
  /** The one buffer of the process that sockets read into: several records, so that few frames are cut and copied. */
  slabBytes: 256 * KIB,
  /** The first read of an application, and the most of one when memory is short; four times as much after a full one. */
  readBytesMin: 16 * KIB,
  /** Bytes queued in an application socket at which `write` says stop; the window bounds it. */
  applicationHighWaterBytes: 256 * KIB,
  /** Chunks below this that wait for an application to read are copied together: each by itself would cost 250 B more. */
  gatherBytes: 2 * KIB,
  /** ...into blocks of this, one at a time for each socket on which they wait. */
  gatherBlockBytes: 16 * KIB,
  /** So many times as large as a slice that waits may the buffer be that it keeps in memory. A smaller slice is copied. */
  slicePinMax: 8,
  /** A reset waits so long for what was written before to be acknowledged, looking this often; then it is dropped. */
  resetDrainMs: 1_000,
  resetPollMs: 5,
  /** ...and so long where the kernel cannot be asked. */
  resetBlindMs: 50,
  /** Of an application that has ended its own direction, a later reset is looked for so often: nothing tells of it. */
  endedPollMs: 1_000,
  /** An application that is silent for so long is probed (TCP keepalive): load balancers forget after 240 s. No answer: reset. */
  keepAliveIdleMs: 120_000,

  // ---- capture/
  /** A PROXY header of version 1, as its specification bounds it. No end until there: the connection is reset. */
  proxyTextHeaderBytesMax: 107,
  /** One of version 2, with the names of TLS certificates and the like in it; nginx takes as much. A longer one: reset. */
  proxyHeaderBytesMax: 4 * KIB,
  /** A PROXY header has so long to come whole: a proxy sends it first, and a lost SYN or segment costs 1 to 3 s. Then: reset. */
  proxyHeaderMs: 5_000,
  /** Connections of one listener that wait for their PROXY header. More are reset with OVERLOADED. */
  proxyHeadersPendingMax: 1_024,

  // ---- watch/
  /** Events of the kernel within this time of the first are told as one change. */
  watchCoalesceMs: 2,
  /** The clocks are compared so often, and without netlink the addresses. */
  watchTickMs: 1_000,
  /** It is looked for so often whether there are file descriptors left; a shortage in between is not told. */
  descriptorLookMs: 1_000,
  /** The clocks must part by so much to show sleep: some systems tell the uptime in whole seconds. */
  wakeJumpMs: 2_000,
  /** A tick so late, without our own work to blame, shows that the process or the machine stood still. */
  standstillMs: 5_000,
  /** Events waiting in the kernel. More are lost, which it tells: then everything is read anew. */
  netlinkBufferBytes: MIB,
  /** One answer of the kernel when everything is read, in parts and milliseconds. More: polling takes over. */
  netlinkDumpPartsMax: 4_096,
  netlinkDumpMs: 1_000,

  // ---- firewall/
  /** `nft` and `ip` have so long to apply rules. Then they are ended, and the capture fails. */
  firewallMs: 10_000,

  /** Rules of routing and routes of one capture. Each TCP connection that is opened is compared with the rules. More: it does not start. */
  captureRulesMax: 1_024,
  /**
   * The kernel drops packets of a lost carrier so long, unless they are let pass again before. The socket has been closed by
   * then (carrierCloseMs). After it, also when the sidecar was killed, they go where they would without us.
   */
  suspensionMs: 10_000,
  /** Lost carriers whose packets are dropped at once, and the size of the kernel's sets. Packets of more are not dropped. */
  suspensionsMax: 4_096,
  /** Networks of clients whose addresses are kept, of all rules: each is a route. More: the sidecar does not start. */
  clientNetworksMax: 1_024,
  /** Connections to this host itself with the address of a client: the size of the kernel's sets. More get no answer. */
  localAnswersMax: 65_536,
  /** The kernel forgets such a connection when it sends nothing for so long; keepalive (keepAliveIdleMs) sends sooner. */
  localAnswerMs: 600_000,
  /** Processes of `nft` that wait for their script: one adds a suspension, one withdraws it. A third is made when needed. */
  nftSparesMax: 2,
  /** They are made anew when there was no transaction for so long: a migration is over then, or will take long anyway. */
  nftSpareDelayMs: 1_000,
  /** Characters of what `nft` says: on failing its first line is shown. More are dropped, and counts with them. */
  nftMessageCharsMax: 4_096,
  /** A scrape waits so long for what the kernel counted. Then it goes without. */
  nftCountsMs: 500,
  /** ...and asks at most so often, for each asking is a process. In between it shows what was read last. */
  nftCountsEveryMs: 5_000,

  // ---- config/
  /** Entries of one configuration. More is a fault, told with the others. */
  configListenMax: 16,
  configPeersMax: 1_000,
  configForwardsMax: 1_000,
  configRoutesMax: 1_000,
  configProxiesMax: 16,
  /** Ports and ranges of one route. More is a fault. */
  routePortsMax: 64,
  /** Users, and cgroups, that a capture chooses or leaves out: each is a rule that packets pass. More is a fault. */
  captureChoicesMax: 64,
  /** Allow rules of one peer: each open is compared with all of them. More is a fault. */
  allowRulesMax: 256,
  /** Networks whose connections to one forward begin with a PROXY header: each connection is compared with all. More is a fault. */
  proxySourcesMax: 64,
  /** Networks of clients of one allow rule: each connection is compared with all. More is a fault. */
  clientsPerRuleMax: 64,
  /** Characters of a peer's name. More is a fault. */
  peerNameCharsMax: 64,
  /** Bytes of a proxy's user, and of its password: SOCKS5 has one byte for their length. More is a fault. */
  proxyAuthBytesMax: 255,
  /** What `hold` may be set to. Outside is a fault. */
  holdMinMs: 1_000,
  holdMaxMs: 30 * 86_400_000,
  /** Node 20 silently cuts a longer path of a unix socket. More is a fault. */
  socketPathBytesMax: 107,
  /** A ticket is pasted into terminals and chats. A longer one is refused, and not made. */
  ticketCharsMax: 4_096,

  // ---- capture/
  /** The head of one HTTP request to a proxy. A longer one is answered with 431. */
  proxyHeadBytesMax: 8 * KIB,
  /** From connect to a whole request to a proxy. Later: reset. */
  proxyGreetingMs: 10_000,
  /**
   * Connections of one proxy that have not asked yet, or were refused and read why: as many from this host, and from all
   * others; and from one other address (/64 for IPv6). More are reset.
   */
  proxyGreetingsMax: 256,
  proxyGreetingsPerAddressMax: 64,
  /** A program that was refused has so long to read why and to end. Then it is reset. */
  proxyLingerMs: 2_000,

  // ---- sidecar/
  /** A destination has so long to accept. Then OpenResult says TIMED_OUT. */
  egressConnectMs: 10_000,
  /** Name lookups for destinations that run at once, one for each peer: libuv runs no more. More wait their turn. */
  egressLookupsMax: 2,
  /** Names of one peer's destinations that are looked up or wait for it. Above: the open fails with OVERLOADED. */
  egressLookupsPerPeerMax: 16,
  /** The same for this host's own programs: a browser asks for many names at once. */
  ownLookupsMax: 256,
  /** A connection that may go around a peer without a sidecar waits so long for what the dialing finds. Then it is held as any. */
  presenceMs: 20_000,
  /** Such connections that wait, for each peer. More are held at once. */
  presenceAskersMax: 1_024,
  /** The admin socket: open connections, one request, its body. More are refused. */
  adminConnectionsMax: 16,
  adminRequestMs: 10_000,
  adminBodyBytesMax: 4 * KIB,
  /** An orderly stop; then what is left is reset. */
  shutdownMs: 5_000,
  /** Of that, connections have so long to send what is queued and to be closed by the other end; then they are cut. */
  farewellMs: 3_000,
  /** Migrations remembered for `holdfast status`. */
  migrationsRememberedMax: 64,
  /** Machines that use one ticket at once. The one that was idle for longest gives way; if none is, more are refused. */
  ticketPeersMax: 256,

  // ---- cli/
  /** How much the heap may grow between two full collections, in percent of what the last one left. V8's own measure is less. */
  heapGrowingPercent: 400,
  /** Log lines with one code in this time: strangers cause some of them. More are counted, and the next line says how many. */
  logLinesPerCodeMax: 50,
  logSpanMs: 10_000,
} as const
