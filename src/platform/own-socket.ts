/**
 * TCP sockets made before Node knows of them, since Node has no descriptor before it connects or listens: marked ones, whose
 * packets rules of the firewall know for the sidecar's own, and transparent ones, which accept connections to any address or
 * have any address as their source.
 *
 * All need CAP_NET_ADMIN. libuv opens descriptors that it did not make, connects and listens on them as on its own.
 */
import net from 'node:net'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { formatHostPort, type HostPort } from '../base/endpoint.ts'
import { addressBytes, parseIpAddress } from '../base/ip-address.ts'
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
const IP_BIND_ADDRESS_NO_PORT = 24
const INT_BYTES = 4
const SOCKADDR_IN_BYTES = 16
const SOCKADDR_IN6_BYTES = 28

type Option = readonly [level: number, name: number, value: number]

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

/** Whether this process may make sockets whose source is an address of others. */
export function canKeepSource(): boolean {
  const fd = open(4, transparent(4))
  if (fd !== undefined) declared()?.close(fd)
  return fd !== undefined
}

export interface OwnSocketOptions {
  /** Of its packets. @default none */
  readonly mark?: number | undefined
  /**
   * An address of whatever host, of the family of the destination. With port 0, the kernel chooses one that is free on the way to
   * the destination. @default the kernel chooses an address of this host
   */
  readonly source?: HostPort | undefined
}

/**
 * A socket for `connect`, not connected.
 * @throws Error with `code` (EPERM, EMFILE, ...) when there is none to be had: without its mark its packets would be captured,
 * and with another source it would be believed to be somebody else's
 */
export function ownSocket({ mark, source }: OwnSocketOptions, host: string, options: net.SocketConstructorOpts) {
  const family = net.isIPv6(host) ? 6 : 4
  const marked: readonly Option[] = mark === undefined ? [] : [[SOL_SOCKET, SO_MARK, mark]]
  const fd = open(family, source === undefined ? marked : [...marked, ...transparent(family), ...portOptions(source)])
  if (fd === undefined) throw failure('no marked or bound socket can be made')
  if (source !== undefined && !declared()!.bind(fd, socketAddress(family, source))) {
    const error = failure(`no socket can be bound to ${formatHostPort(source)}`)
    declared()!.close(fd)
    throw error
  }
  // manualStart has no types: without it, Node reads at once, and a socket that is not connected has an error to tell.
  const untyped = { ...options, fd, readable: true, writable: true, manualStart: true }
  return new net.Socket(untyped as net.SocketConstructorOpts)
}

/**
 * Many connections may have one address and port, as long as their destinations differ; with port 0 it is chosen when the
 * destination is known, else each would take a port of that address from all others.
 */
function portOptions({ port }: HostPort): readonly Option[] {
  return port === 0 ? [[SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1]] : [[SOL_SOCKET, SO_REUSEADDR, 1]]
}

function transparent(family: 4 | 6): readonly Option[] {
  return family === 4 ? [[SOL_IP, IP_TRANSPARENT, 1]] : [[SOL_IPV6, IPV6_TRANSPARENT, 1]]
}

/** Why the last call failed. */
function failure(what: string): Error {
  const code = getSystemErrorName(-(loadLibc()?.errno() || constants.errno.EPERM))
  return Object.assign(new Error(`${what}: ${code}`), { code })
}

/** @returns a descriptor for `listen`, bound to the loopback address of the family, or undefined when it may not be made */
export function transparentListener(family: 4 | 6, port: number): number | undefined {
  const calls = declared()
  const only: readonly Option[] = family === 4 ? [] : [[SOL_IPV6, IPV6_V6ONLY, 1]]
  const fd = open(family, [[SOL_SOCKET, SO_REUSEADDR, 1], ...transparent(family), ...only])
  if (fd === undefined || calls === undefined) return undefined
  if (calls.bind(fd, socketAddress(family, { host: family === 4 ? '127.0.0.1' : '::1', port }))) return fd
  calls.close(fd)
  return undefined
}

function open(family: 4 | 6, options: readonly Option[]): number | undefined {
  const calls = declared()
  const fd = calls?.socket(family) ?? -1
  if (calls === undefined || fd < 0) return undefined
  if (options.every(([level, name, value]) => calls.setOption(fd, level, name, value))) return fd
  calls.close(fd)
  return undefined
}

/** struct sockaddr_in, or sockaddr_in6 without flow and zone. */
function socketAddress(family: 4 | 6, { host, port }: HostPort): Buffer {
  const bytes = Buffer.alloc(family === 4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES)
  // In the order of this machine.
  bytes.set(new Uint8Array(Uint16Array.of(AF[family]).buffer))
  bytes.writeUInt16BE(port, 2)
  bytes.set(addressBytes(parseIpAddress(host)!), family === 4 ? 4 : 8)
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
