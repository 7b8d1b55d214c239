/**
 * Multipath TCP sockets (RFC 8684), which Node cannot ask the kernel for: IPPROTO_MPTCP instead of TCP in socket(2);
 * everything after that is an ordinary stream socket. The caller owns the descriptors and hands them to node:net.
 */
import koffi from 'koffi'

const AF_INET = 2
const SOCK_STREAM = 1
const SOCK_CLOEXEC = 0x80000
const IPPROTO_MPTCP = 262

interface Libc {
  readonly socket: (family: number, type: number, protocol: number) => number
  readonly bind: (fd: number, address: Uint8Array, length: number) => number
  readonly connect: (fd: number, address: Uint8Array, length: number) => number
  readonly strerror: (code: number) => string
}

/** @returns a bound descriptor, not yet listening. @throws Error when the kernel refuses */
export function boundMptcpSocket(host: string, port: number): number {
  const libc = openLibc()
  const fd = openSocket(libc)
  const address = socketAddress(host, port)
  check(libc, 'bind', libc.bind(fd, address, address.length))
  return fd
}

/** Blocks until connected. @returns the descriptor. @throws Error when the kernel or the other side refuses */
export function connectedMptcpSocket(host: string, port: number): number {
  const libc = openLibc()
  const fd = openSocket(libc)
  const address = socketAddress(host, port)
  check(libc, 'connect', libc.connect(fd, address, address.length))
  return fd
}

function openLibc(): Libc {
  const libc = koffi.load('libc.so.6')
  return {
    socket: libc.func('int socket(int family, int type, int protocol)') as Libc['socket'],
    bind: libc.func('int bind(int fd, const void *address, uint32_t length)') as Libc['bind'],
    connect: libc.func('int connect(int fd, const void *address, uint32_t length)') as Libc['connect'],
    strerror: libc.func('const char *strerror(int code)') as Libc['strerror'],
  }
}

function openSocket(libc: Libc): number {
  const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP)
  check(libc, 'socket', fd)
  return fd
}

/** struct sockaddr_in: the family in host order, port and address in network order. */
function socketAddress(host: string, port: number): Uint8Array {
  const address = Buffer.alloc(16)
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_INET
  address.writeUInt16BE(port, 2)
  address.set(host.split('.').map(Number), 4)
  return address
}

function check(libc: Libc, call: string, result: number): void {
  if (result < 0) throw new Error(`${call} of a multipath TCP socket: ${libc.strerror(koffi.errno())}`)
}
