/**
 * A NETLINK_ROUTE socket that hears of links, addresses and routes. Node has no such socket; koffi does the libc calls, and
 * `recv` waits on one of libuv's threads. It has a receive timeout, for a thread that waits for ever would keep the process.
 */
import { type Libc, loadLibc } from './libc.ts'

const AF_NETLINK = 16
const SOCK_RAW_CLOEXEC = 3 | 0o2000000
const NETLINK_ROUTE = 0
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
/** RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE (linux/rtnetlink.h). */
const GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
const TIMEOUT_SECONDS = 1
const BUFFER_BYTES = 16_384
const EAGAIN = 11
const EINTR = 4
const ENOBUFS = 105

export interface NetlinkSocket {
  close(): Promise<void>
}

/**
 * @param onMessages the messages of one read; undefined when the kernel dropped some, so that only a full look will do
 * @returns undefined where there is no netlink
 */
export function openNetlink(onMessages: (bytes: Uint8Array | undefined) => void): NetlinkSocket | undefined {
  const libc = loadLibc()
  return libc === undefined ? undefined : listenNetlink(libc, onMessages)
}

function listenNetlink(libc: Libc, onMessages: (bytes: Uint8Array | undefined) => void): NetlinkSocket | undefined {
  const socket = libc.declare('int socket(int domain, int type, int protocol)')
  const bind = libc.declare('int bind(int fd, uint8_t *address, uint32_t length)')
  const setsockopt = libc.declare('int setsockopt(int fd, int level, int name, int64_t *value, uint32_t length)')
  const recv = libc.declare('long recv(int fd, _Out_ uint8_t *buffer, size_t length, int flags)')
  const close = libc.declare('int close(int fd)')
  const fd = socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE)
  if (fd < 0) return undefined
  // struct sockaddr_nl: family 2, pad 2, pid 4, groups 4; host byte order.
  const address = new Uint8Array(12)
  const view = new DataView(address.buffer)
  view.setUint16(0, AF_NETLINK, true)
  view.setUint32(8, GROUPS, true)
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, BigInt64Array.of(BigInt(TIMEOUT_SECONDS), 0n), 16)
  if (bind(fd, address, address.length) !== 0) {
    close(fd)
    return undefined
  }
  const buffer = new Uint8Array(BUFFER_BYTES)
  let isClosing = false
  const closed = new Promise<void>(resolve => {
    const wait = () =>
      recv.async(fd, buffer, buffer.length, 0, (error: Error | null, length: number) => {
        const errno = length < 0 ? libc.errno() : 0
        if (isClosing || error !== null) {
          close(fd)
          return resolve()
        }
        if (length > 0) onMessages(buffer.slice(0, length))
        else if (errno === ENOBUFS) onMessages(undefined)
        else if (errno !== EAGAIN && errno !== EINTR && errno !== 0) {
          close(fd)
          return resolve()
        }
        wait()
      })
    wait()
  })
  return {
    close: () => {
      isClosing = true
      return closed
    },
  }
}
