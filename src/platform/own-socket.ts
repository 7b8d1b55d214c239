/**
 * TCP sockets made before Node knows of them, since Node has no descriptor before it connects or listens: marked ones, whose
 * packets rules of the firewall know for the sidecar's own, and transparent ones, which accept connections to any address.
 *
 * All need CAP_NET_ADMIN. libuv opens descriptors that it did not make, connects and listens on them as on its own.
 */
import net from 'node:net'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { loadLibc } from './libc.ts'
import { GENERIC_ARCHITECTURES } from './system.ts'

const AF = { 4: 2, 6: 10 } as const
const SOCK_STREAM = 1
const SOCK_NONBLOCK = 0x800
const SOCK_CLOEXEC = 0x80000
const SOL_IP = 0
const SOL_SOCKET = 1
const SOL_IPV6 = 41
const SO_REUSEADDR = 2
const SO_MARK = 36
const IP_TRANSPARENT = 19
const IPV6_TRANSPARENT = 75
const IPV6_V6ONLY = 26
const INT_BYTES = 4
const SOCKADDR_IN_BYTES = 16
const SOCKADDR_IN6_BYTES = 28

interface Calls {
  socket(family: 4 | 6): number
  setOption(fd: number, level: number, name: number, value: number): boolean
  bind(fd: number, address: Buffer): boolean
  close(fd: number): void
}

let loaded: { readonly calls: Calls | undefined } | undefined

/** Whether this process may mark its sockets. */
export function canMark(mark: number): boolean {
  const fd = open(4, [[SOL_SOCKET, SO_MARK, mark]])
  if (fd !== undefined) declared()?.close(fd)
  return fd !== undefined
}

/**
 * A socket for `connect`, not connected, whose packets carry `mark`.
 * @throws Error with `code` (EPERM, EMFILE, ...) when there is none to be had: unmarked, its packets would be captured
 */
export function markedSocket(mark: number, host: string, options: net.SocketConstructorOpts): net.Socket {
  const fd = open(net.isIPv6(host) ? 6 : 4, [[SOL_SOCKET, SO_MARK, mark]])
  if (fd === undefined) {
    const code = getSystemErrorName(-(loadLibc()?.errno() || constants.errno.EPERM))
    throw Object.assign(new Error(`no marked socket can be made: ${code}`), { code })
  }
  // manualStart has no types: without it, Node reads at once, and a socket that is not connected has an error to tell.
  const untyped = { ...options, fd, readable: true, writable: true, manualStart: true }
  return new net.Socket(untyped as net.SocketConstructorOpts)
}

/** @returns a descriptor for `listen`, bound to the loopback address of the family, or undefined when it may not be made */
export function transparentListener(family: 4 | 6, port: number): number | undefined {
  const calls = declared()
  const options: [number, number, number][] =
    family === 4
      ? [[SOL_IP, IP_TRANSPARENT, 1]]
      : [
          [SOL_IPV6, IPV6_TRANSPARENT, 1],
          [SOL_IPV6, IPV6_V6ONLY, 1],
        ]
  const fd = open(family, [[SOL_SOCKET, SO_REUSEADDR, 1], ...options])
  if (fd === undefined || calls === undefined) return undefined
  if (calls.bind(fd, loopbackAddress(family, port))) return fd
  calls.close(fd)
  return undefined
}

function open(family: 4 | 6, options: readonly (readonly [level: number, name: number, value: number])[]) {
  const calls = declared()
  const fd = calls?.socket(family) ?? -1
  if (calls === undefined || fd < 0) return undefined
  if (options.every(([level, name, value]) => calls.setOption(fd, level, name, value))) return fd
  calls.close(fd)
  return undefined
}

function loopbackAddress(family: 4 | 6, port: number): Buffer {
  const bytes = Buffer.alloc(family === 4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES)
  // In the order of this machine.
  bytes.set(new Uint8Array(Uint16Array.of(AF[family]).buffer))
  bytes.writeUInt16BE(port, 2)
  if (family === 4) bytes.set([127, 0, 0, 1], 4)
  else bytes[23] = 1
  return bytes
}

function declared(): Calls | undefined {
  loaded ??= { calls: declare() }
  return loaded.calls
}

function declare(): Calls | undefined {
  const libc = loadLibc(GENERIC_ARCHITECTURES)
  if (libc === undefined) return undefined
  const socket = libc.declare('int socket(int domain, int type, int protocol)')
  const setsockopt = libc.declare('int setsockopt(int fd, int level, int name, int32_t *value, uint32_t length)')
  const bind = libc.declare('int bind(int fd, uint8_t *address, uint32_t length)')
  const close = libc.declare('int close(int fd)')
  return {
    socket: family => socket(AF[family], SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
    setOption: (fd, level, name, value) => setsockopt(fd, level, name, Int32Array.of(value), INT_BYTES) === 0,
    bind: (fd, address) => bind(fd, address, address.length) === 0,
    close: fd => {
      close(fd)
    },
  }
}
