/**
 * Every code that Holdfast shows, sends or returns, in one table.
 *
 * `wire` is the number in RESET and CLOSE frames; a code without one never leaves the host.
 * `says` is what happened and `todo` what a person can do about it; docs/errors.md is checked against both.
 */
export const CODES = {
  // Sessions: the body of RESET, and of a failed OpenResult.
  APPLICATION_RESET: {
    wire: 0x01,
    says: 'the application reset its connection',
    todo: 'nothing: the reset is passed on',
  },
  INTERNAL: { wire: 0x02, says: 'a bug in Holdfast ended this session', todo: 'report it with the log line' },
  PEER_RESTARTED: {
    wire: 0x03,
    says: 'the other sidecar restarted and no longer holds this session',
    todo: 'reconnect',
  },
  HOLD_EXPIRED: {
    wire: 0x04,
    says: 'no path came back within the hold time',
    todo: 'raise `hold`, or repair the network',
  },
  OVERLOADED: {
    wire: 0x05,
    says: 'a limit on sessions, name lookups, file descriptors or buffered bytes was reached',
    todo: 'open fewer connections at a time, or share them among several sidecars',
  },
  NOT_ALLOWED: {
    wire: 0x06,
    says: 'the far side does not allow this destination',
    todo: 'add it to `allow` of this peer there',
  },
  REFUSED: { wire: 0x07, says: 'the destination refused the connection', todo: 'start the service there' },
  TIMED_OUT: { wire: 0x08, says: 'the destination did not answer in time', todo: 'check the route and the service' },
  UNREACHABLE: { wire: 0x09, says: 'there is no route to the destination', todo: 'check the route on the far side' },
  NAME_NOT_FOUND: { wire: 0x0a, says: 'the far side cannot resolve the name', todo: 'check the name and its DNS' },
  ACK_BEYOND_SENT: {
    wire: 0x0b,
    says: 'the peer acknowledged bytes that were never sent',
    todo: 'update the other sidecar',
  },
  LIMIT_EXCEEDED: { wire: 0x0c, says: 'the peer sent bytes beyond the limit', todo: 'update the other sidecar' },
  FINAL_OFFSET_CHANGED: {
    wire: 0x0d,
    says: 'the peer named two different ends of stream',
    todo: 'update the other sidecar',
  },
  OFFSET_EXHAUSTED: { wire: 0x0e, says: 'the session carried 2^53 bytes', todo: 'reconnect' },
  BUDGET_EXHAUSTED: {
    wire: 0x0f,
    says: 'memory was short and this session was suspended longest',
    todo: 'reconnect; move less while there is no path, or share it among several sidecars',
  },
  SHUTTING_DOWN: { wire: 0x10, says: 'the sidecar was stopped', todo: 'start it again' },
  SESSION_GONE: { wire: 0x11, says: 'the other sidecar no longer knows this session', todo: 'reconnect' },
  PEER_UNKNOWN_HERE: {
    wire: 0x12,
    says: 'no peer of this name or identity is configured',
    todo: 'add it under `peers`',
  },
  SOURCE_REFUSED: {
    wire: 0x13,
    says: 'the far side does not dial with the address of this client',
    todo: 'add the client to `clients` of the rule on the far side, or leave `source: preserve` out there',
  },

  // Carriers: the body of CLOSE. Never authenticated, shown only.
  HANDLE_UNKNOWN: {
    wire: 0x101,
    says: 'the resumption handle is unknown or spent',
    todo: 'nothing: a full handshake follows',
  },
  HANDSHAKE_FAILED: {
    wire: 0x102,
    says: 'the TLS handshake failed',
    todo: 'compare versions and clocks of both sides',
  },
  PEER_UNKNOWN: { wire: 0x103, says: 'this peer identity is not configured here', todo: 'add its ID under `peers`' },
  PEER_MISMATCH: {
    wire: 0x104,
    says: 'another identity answered at this endpoint',
    todo: 'check the endpoint and the peer ID',
  },
  VERSION_UNSUPPORTED: { wire: 0x105, says: 'the sides share no protocol version', todo: 'update the older side' },
  FRAME_TOO_LARGE: { wire: 0x106, says: 'a frame exceeded 128 KiB', todo: 'check that a sidecar is at this endpoint' },
  FRAME_MALFORMED: { wire: 0x107, says: 'a frame could not be read', todo: 'check that a sidecar is at this endpoint' },
  HANDSHAKE_TIMEOUT: { wire: 0x108, says: 'the handshake did not finish in time', todo: 'check the path' },
  RECORD_REJECTED: { wire: 0x109, says: 'a record failed authentication', todo: 'nothing: the carrier is replaced' },
  DUPLICATE_IDENTITY: {
    wire: 0x10a,
    says: 'another live sidecar uses this identity',
    todo: 'give each sidecar its own identity',
  },
  SUPERSEDED: { wire: 0x10b, says: 'another carrier took over', todo: 'nothing' },
  TOO_MANY_CONNECTIONS: {
    wire: 0x10c,
    says: 'too many unauthenticated connections',
    todo: 'wait; where it goes on, keep strangers from this port',
  },
  NOT_CONFIRMED: {
    wire: 0x10d,
    says: 'the resumed carrier was not confirmed in time',
    todo: 'nothing: the carrier is replaced',
  },
  TICKET_EXPIRED: { wire: 0x10e, says: 'the ticket has expired', todo: 'ask for a new one' },
  PROTOCOL_VIOLATION: { wire: 0x10f, says: 'the peer broke the protocol', todo: 'update the other sidecar' },
  GOODBYE: { wire: 0x110, says: 'the other sidecar is shutting down', todo: 'nothing' },
  KEY_EXHAUSTED: { wire: 0x111, says: 'one key sealed 2^40 bytes', todo: 'nothing: the carrier is replaced' },
  TICKET_IN_USE: {
    wire: 0x112,
    says: 'the ticket is in use on too many machines',
    todo: 'end one of them, or ask for another ticket',
  },

  // This host: the operator's part. Never sent.
  CONFIG_INVALID: { says: 'the configuration has faults', todo: 'mend every line listed' },
  CONFIG_MISSING: { says: 'there is no configuration file', todo: 'run `holdfast init`, or name one with --config' },
  FILE_EXISTS: { says: 'a file would be overwritten', todo: 'choose another directory' },
  FILE_UNREADABLE: { says: 'a file cannot be read', todo: 'check the path and its permissions' },
  FILE_UNWRITABLE: { says: 'a file cannot be written', todo: 'check the path, its permissions and the room there' },
  IDENTITY_EXPOSED: { says: 'others can read the identity file', todo: 'chmod 600' },
  IDENTITY_INVALID: { says: 'the identity file holds no usable key', todo: 'run `holdfast init` in a new directory' },
  TICKET_INVALID: { says: 'the ticket is damaged or altered', todo: 'copy it again, whole' },
  ADDRESS_IN_USE: { says: 'an address to listen on is taken', todo: 'stop the other program or choose another port' },
  ADDRESS_UNAVAILABLE: { says: 'an address to listen on is not on this host', todo: 'choose one that is' },
  PROXY_HEADER_INVALID: {
    says: 'a connection that must begin with a PROXY protocol header did not',
    todo: 'let the proxy there send one, or take its address out of `proxyProtocol` of this forward',
  },
  CAPTURE_UNAVAILABLE: {
    says: 'connections cannot be captured on this host',
    todo: 'install nftables and iproute2 and grant CAP_NET_ADMIN, or use a forward',
  },
  SUSPENSION_UNAVAILABLE: {
    says: 'packets of lost carriers cannot be dropped on this host',
    todo: 'install nftables and grant CAP_NET_ADMIN, or leave `firewall.suspend` out',
  },
  SOURCE_UNAVAILABLE: {
    says: 'addresses of clients cannot be kept on this host',
    todo: 'install nftables and iproute2 and grant CAP_NET_ADMIN, or leave `source: preserve` out',
  },
  PROXY_REFUSED: {
    says: 'a program spoke to a proxy of this host in a way that it does not take',
    todo: 'set the program to SOCKS5 or HTTP CONNECT, with user and password where the proxy has them',
  },
  CERTIFICATE_UNTRUSTED: {
    says: 'the TLS certificate of a wss endpoint is not trusted',
    todo: 'give the endpoint a certificate of a known authority for its name',
  },
  UPGRADE_REFUSED: {
    says: 'an HTTP server that is no sidecar answered at this endpoint',
    todo: 'check the path of the URL and the proxies in between',
  },
  SIDECAR_NOT_RUNNING: { says: 'no sidecar answers on the socket', todo: 'start `holdfast up`' },
  SIDECAR_RUNNING: { says: 'a sidecar already runs on this socket', todo: 'stop it first' },
  USAGE: { says: 'the command line has a fault', todo: 'see --help' },
} as const satisfies Record<string, { wire?: number; says: string; todo: string }>

export type Code = keyof typeof CODES
/** A code that has a number on the wire. */
export type WireCode = { [K in Code]: (typeof CODES)[K] extends { wire: number } ? K : never }[Code]

const NAMES = new Map<number, WireCode>()
for (const [name, row] of Object.entries(CODES)) if ('wire' in row) NAMES.set(row.wire, name as WireCode)

export function wireOf(code: WireCode): number {
  return CODES[code].wire
}

/** What happened, in detail, and what a person can do about it where that is anything: the words of a log line. */
export function withAdvice(code: Code, detail: string): string {
  const { todo } = CODES[code]
  return todo.startsWith('nothing') ? detail : `${detail}; ${todo}`
}

/** The name of a wire number; a number from a newer version reads as PROTOCOL_VIOLATION. */
export function codeOf(wire: number): WireCode {
  return NAMES.get(wire) ?? 'PROTOCOL_VIOLATION'
}
