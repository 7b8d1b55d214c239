/** What the kernel says of TCP sockets in the network namespace of a process, and of a process's own. Linux only. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { formatHostPort, plainAddress } from '../../src/base/endpoint.ts'
import { addressOfBytes } from '../../src/base/ip-address.ts'
import { loadLibc } from '../../src/platform/libc.ts'

export interface KernelSocket {
  /** host:port */
  readonly local: string
  readonly remote: string
  readonly state: 'ESTABLISHED' | 'TIME_WAIT' | 'LISTEN' | 'closing'
  /** '0' when no process has it open. */
  readonly inode: string
}

const STATES: Readonly<Record<string, KernelSocket['state']>> = {
  '01': 'ESTABLISHED',
  '06': 'TIME_WAIT',
  '0A': 'LISTEN',
}

/** Of all processes in the network namespace of this one. */
export function kernelSockets(pid: number): readonly KernelSocket[] {
  return ['tcp', 'tcp6'].flatMap(file => {
    const [, ...lines] = readFileSync(`/proc/${pid}/net/${file}`, 'utf8').trimEnd().split('\n')
    return lines.map(line => {
      const fields = line.trim().split(/\s+/)
      const [, local, remote, state] = fields
      return {
        local: placeOf(local!),
        remote: placeOf(remote!),
        state: STATES[state!] ?? 'closing',
        inode: fields[9]!,
      }
    })
  })
}

/** `0100007F:0016`: each four bytes of the address are a number of this machine, which has its low byte first. */
function placeOf(text: string): string {
  const [address, port] = text.split(':')
  const { text: host } = addressOfBytes(Buffer.from(address!, 'hex').swap32())
  return formatHostPort({ host: plainAddress(host), port: Number.parseInt(port!, 16) })
}

/** What a process has open, by descriptor: a path, or such as `socket:[INODE]`. */
function openFiles(pid: number): ReadonlyMap<number, string> {
  const files = new Map<number, string>()
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    try {
      files.set(Number(name), readlinkSync(`/proc/${pid}/fd/${name}`))
    } catch {
      // It was closed meanwhile.
    }
  }
  return files
}

/** Kinds of what a process has open. Not of sockets but TCP: whoever asks it for its state opens some. */
export function openKinds(pid: number): readonly string[] {
  const files = [...openFiles(pid).values()].filter(file => !file.startsWith('socket:'))
  const connections = connectionsOf(pid).map(({ state }) => `TCP ${state}`)
  return [...files.map(file => file.replace(/\d+/, 'N')), ...connections].sort()
}

/** TCP sockets that a process has open, with their descriptors, but for those that listen. */
export function connectionsOf(pid: number): readonly (KernelSocket & { readonly descriptor: number })[] {
  const known = new Map(kernelSockets(pid).map(socket => [`socket:[${socket.inode}]`, socket]))
  return [...openFiles(pid)].flatMap(([descriptor, file]) => {
    const socket = known.get(file)
    return socket === undefined || socket.state === 'LISTEN' ? [] : [{ ...socket, descriptor }]
  })
}

const SYS_PIDFD_OPEN = 434
const SYS_PIDFD_GETFD = 438
const SOL_SOCKET = 1
const IPPROTO_TCP = 6
const OPTIONS = {
  keepAlive: [SOL_SOCKET, 9, 1],
  keepAliveIdleSeconds: [IPPROTO_TCP, 4, 1],
  noDelay: [IPPROTO_TCP, 1, 1],
  urgentInline: [SOL_SOCKET, 10, 1],
  /** On or off, then seconds. */
  linger: [SOL_SOCKET, 13, 2],
} as const
const INT_BYTES = 4

export type SocketOptions = Readonly<Record<keyof typeof OPTIONS, readonly number[]>>

/** Of a socket of a child process. @returns undefined when the kernel does not let us, as in some containers */
export function readOptions(pid: number, descriptor: number): SocketOptions | undefined {
  const libc = loadLibc()
  if (libc === undefined) return undefined
  const syscall = libc.declare('long syscall(long number, long a, long b, long c)')
  const getsockopt = libc.declare(
    'int getsockopt(int fd, int level, int name, _Out_ int32_t *value, _Inout_ uint32_t *length)',
  )
  const close = libc.declare('int close(int fd)')
  const process = syscall(SYS_PIDFD_OPEN, pid, 0, 0)
  const socket = syscall(SYS_PIDFD_GETFD, process, descriptor, 0)
  const values = Object.entries(OPTIONS).map(([name, [level, option, count]]) => {
    const value = Array<number>(count).fill(0)
    getsockopt(socket, level, option, value, [count * INT_BYTES])
    return [name, value]
  })
  for (const fd of [socket, process]) if (fd >= 0) close(fd)
  if (socket < 0) return undefined
  return Object.fromEntries(values) as SocketOptions
}
