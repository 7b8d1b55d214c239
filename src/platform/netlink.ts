/**
 * NETLINK_ROUTE sockets (rtnetlink(7)): the kernel's own word on addresses, links and routes. Linux only.
 *
 * Events are read by Node's event loop, without a thread: a blocking recv() would hold one of libuv's four for good and
 * keep the process from exiting. Node opens no netlink sockets, but it opens the descriptor of a pipe; so a socket pair
 * lends its descriptor, and dup3() puts the netlink socket in its place before the loop has looked at it. libuv reads a
 * pipe with read(), which returns one datagram at a time.
 *
 * Only the kernel, or a process with CAP_NET_ADMIN, can send to a NETLINK_ROUTE socket, so senders are not checked.
 */
import net from 'node:net'
import { LIMITS } from '../base/limits.ts'
import { type LibcFunction, loadLibc } from './libc.ts'
import { LITTLE_ENDIAN_64_ARCHITECTURES } from './system.ts'

const AF_UNIX = 1
const AF_NETLINK = 16
const NETLINK_ROUTE = 0
const SOCK_STREAM = 1
const SOCK_RAW = 3
const SOCK_NONBLOCK = 0x800
const CLOEXEC = 0x80000
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_RCVTIMEO = 20
/** struct sockaddr_nl: family 2, padding 2, port 4, groups 4. */
const SOCKADDR_BYTES = 12
const SOCKADDR_GROUPS_AT = 8
/** struct timeval: two longs. */
const TIMEVAL_BYTES = 16
/** The kernel fills at most 32 KiB of it. */
const DATAGRAM_BYTES = 64 * 1024

export interface NetlinkHandlers {
  onDatagram(bytes: Uint8Array): void
  /** Events were lost (ENOBUFS), or the socket failed. It is closed: subscribe anew, and read everything anew. */
  onLost(): void
}

export interface Subscription {
  /** Nothing is called afterwards. Harmless when repeated. */
  close(): void
}

export interface Netlink {
  /**
   * Listens to multicast groups; does not keep the process alive.
   * @param groups RTMGRP_* bits
   * @returns undefined when the kernel refuses
   */
  subscribe(groups: number, handlers: NetlinkHandlers): Subscription | undefined
  /**
   * Sends one request and waits for the whole answer; well under 1 ms on most hosts, LIMITS.netlinkDumpMs at most.
   * @param isLast tells the last datagram of the answer
   * @returns undefined when the kernel refuses or the answer is cut short
   */
  ask(request: Uint8Array, isLast: (datagram: Uint8Array) => boolean): readonly Uint8Array[] | undefined
}

let loaded: { readonly netlink: Netlink | undefined } | undefined

/** Declared once per process, at the first call. @returns undefined where libc cannot be called */
export function loadNetlink(): Netlink | undefined {
  loaded ??= { netlink: declare() }
  return loaded.netlink
}

type Calls = Record<'socketpair' | 'socket' | 'bind' | 'setsockopt' | 'send' | 'recv' | 'dup3' | 'close', LibcFunction>

function declare(): Netlink | undefined {
  const libc = loadLibc(LITTLE_ENDIAN_64_ARCHITECTURES)
  if (libc === undefined) return undefined
  const calls: Calls = {
    socketpair: libc.declare('int socketpair(int domain, int type, int protocol, int32_t *fds)'),
    socket: libc.declare('int socket(int domain, int type, int protocol)'),
    bind: libc.declare('int bind(int fd, uint8_t *address, uint32_t length)'),
    setsockopt: libc.declare('int setsockopt(int fd, int level, int name, uint8_t *value, uint32_t length)'),
    send: libc.declare('long send(int fd, uint8_t *bytes, size_t length, int flags)'),
    recv: libc.declare('long recv(int fd, uint8_t *bytes, size_t length, int flags)'),
    dup3: libc.declare('int dup3(int from, int to, int flags)'),
    close: libc.declare('int close(int fd)'),
  }
  return {
    subscribe: (groups, handlers) => subscribe(calls, groups, handlers),
    ask: (request, isLast) => ask(calls, request, isLast),
  }
}

function subscribe(calls: Calls, groups: number, handlers: NetlinkHandlers): Subscription | undefined {
  const fd = openBound(calls, groups)
  if (fd < 0) return undefined
  const size = Buffer.alloc(4)
  size.writeUInt32LE(LIMITS.netlinkBufferBytes)
  calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, size.length)
  const pair = new Int32Array(2)
  if (calls.socketpair(AF_UNIX, SOCK_STREAM | CLOEXEC, 0, pair) !== 0) {
    calls.close(fd)
    return undefined
  }
  const stream = new net.Socket({ fd: pair[0]!, readable: true, writable: false })
  // Before the loop turns: it has not yet asked epoll to watch this descriptor.
  const isReplaced = calls.dup3(fd, pair[0]!, CLOEXEC) >= 0
  calls.close(fd)
  calls.close(pair[1]!)
  return listen(stream, isReplaced, handlers)
}

function listen(stream: net.Socket, isOpen: boolean, handlers: NetlinkHandlers): Subscription | undefined {
  let isOver = !isOpen
  const close = () => {
    isOver = true
    stream.destroy()
  }
  const lose = () => {
    if (isOver) return
    close()
    handlers.onLost()
  }
  stream.on('error', lose)
  stream.on('end', lose)
  stream.on('data', (bytes: Buffer) => {
    if (!isOver) handlers.onDatagram(bytes)
  })
  stream.unref()
  if (isOpen) return { close }
  stream.destroy()
  return undefined
}

/** @returns a non-blocking socket, or -1 */
function openBound(calls: Calls, groups: number): number {
  const fd = calls.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | CLOEXEC, NETLINK_ROUTE)
  if (fd < 0) return -1
  const address = Buffer.alloc(SOCKADDR_BYTES)
  address.writeUInt16LE(AF_NETLINK)
  address.writeUInt32LE(groups, SOCKADDR_GROUPS_AT)
  if (calls.bind(fd, address, address.length) === 0) return fd
  calls.close(fd)
  return -1
}

function ask(
  calls: Calls,
  request: Uint8Array,
  isLast: (datagram: Uint8Array) => boolean,
): readonly Uint8Array[] | undefined {
  const fd = calls.socket(AF_NETLINK, SOCK_RAW | CLOEXEC, NETLINK_ROUTE)
  if (fd < 0) return undefined
  try {
    const timeout = Buffer.alloc(TIMEVAL_BYTES)
    timeout.writeBigInt64LE(BigInt(LIMITS.netlinkDumpMs / 1_000))
    calls.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length)
    if (calls.send(fd, request, request.length, 0) !== request.length) return undefined
    return readAnswer(calls, fd, isLast)
  } finally {
    calls.close(fd)
  }
}

function readAnswer(calls: Calls, fd: number, isLast: (datagram: Uint8Array) => boolean): Uint8Array[] | undefined {
  const buffer = Buffer.allocUnsafe(DATAGRAM_BYTES)
  const parts: Uint8Array[] = []
  while (parts.length < LIMITS.netlinkDumpPartsMax) {
    const bytes = calls.recv(fd, buffer, buffer.length, 0)
    if (bytes <= 0) return undefined
    const part = Uint8Array.prototype.slice.call(buffer, 0, bytes)
    parts.push(part)
    if (isLast(part)) return parts
  }
  return undefined
}
