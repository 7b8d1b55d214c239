/** What is asked of the kernel about a TCP socket and Node does not offer: linger, urgent bytes, keepalive as the host has it, the pending error, the send queue. */
import { loadLibc } from './libc.ts'
import { GENERIC_ARCHITECTURES } from './system.ts'

const SOL_SOCKET = 1
const SO_ERROR = 4
const SO_KEEPALIVE = 9
const SO_OOBINLINE = 10
const SO_LINGER = 13
const IPPROTO_TCP = 6
const TCP_KEEPIDLE = 4
const TCP_INFO = 11
/** The first byte of struct tcp_info, of a connection that is over. */
const TCP_CLOSE = 7
const SIOCOUTQ = 0x5411
/** struct linger: int l_onoff, int l_linger. */
const LINGER_BYTES = 8
const INT_BYTES = 4

export interface SocketCalls {
  /** On: close() drops what is queued and sends RST, also when the process is killed. Off: close() delivers, then FIN. */
  setReset(fd: number, isOn: boolean): void
  /** A byte that the peer sent as urgent is read where it stands among the others; else the kernel leaves it out. */
  keepUrgent(fd: number): void
  /** Probes a peer that has been silent for so long, as often and for as long as the host's settings say. */
  keepAlive(fd: number, idleSeconds: number): void
  /**
   * What ended the connection, taken away; an errno, 0 when nothing did. An ICMP error of a network that may be back soon leaves
   * an errno, too, while the connection lives: that is none.
   */
  takeError(fd: number): number
  /** Bytes (and the FIN) that the peer has not acknowledged yet. 0 when `fd` is no connected socket any more. */
  unacknowledgedBytes(fd: number): number
}

let loaded: { readonly calls: SocketCalls | null } | undefined

/** Declared once per process, at the first socket. @returns null where libc cannot be called */
export function socketCalls(): SocketCalls | null {
  loaded ??= { calls: declareCalls() }
  return loaded.calls
}

function declareCalls(): SocketCalls | null {
  const libc = loadLibc(GENERIC_ARCHITECTURES)
  if (libc === undefined) return null
  const setsockopt = libc.declare('int setsockopt(int fd, int level, int name, int32_t *value, uint32_t length)')
  const getsockopt = libc.declare(
    'int getsockopt(int fd, int level, int name, _Out_ int32_t *value, _Inout_ uint32_t *length)',
  )
  const ioctl = libc.declare('int ioctl(int fd, unsigned long request, _Out_ int32_t *value)')
  const getBytes = libc.declare('int getsockopt(int fd, int level, int name, uint8_t *value, _Inout_ uint32_t *length)')
  const out = [0]
  const info = new Uint8Array(INT_BYTES)
  const isOver = (fd: number) => getBytes(fd, IPPROTO_TCP, TCP_INFO, info, [info.length]) === 0 && info[0] === TCP_CLOSE
  return {
    setReset: (fd, isOn) => {
      setsockopt(fd, SOL_SOCKET, SO_LINGER, Int32Array.of(Number(isOn), 0), LINGER_BYTES)
    },
    keepUrgent: fd => {
      setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, Int32Array.of(1), INT_BYTES)
    },
    keepAlive: (fd, idleSeconds) => {
      setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, Int32Array.of(1), INT_BYTES)
      setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, Int32Array.of(idleSeconds), INT_BYTES)
    },
    takeError: fd => (isOver(fd) && getsockopt(fd, SOL_SOCKET, SO_ERROR, out, [INT_BYTES]) === 0 ? out[0]! : 0),
    unacknowledgedBytes: fd => (ioctl(fd, SIOCOUTQ, out) === 0 ? out[0]! : 0),
  }
}
