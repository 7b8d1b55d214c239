/**
 * A TUN device opened inside a network namespace: whole IP packets by read and write, without the kernel's own headers.
 * Its descriptor keeps working after the process has gone on to another namespace.
 */
import { openSync, closeSync } from 'node:fs'
import { loadLibc, type LibcFunction } from '../../../src/platform/libc.ts'

const CLONE_NEWNET = 0x40000000
const TUNSETIFF = 0x400454ca
const IFF_TUN = 0x0001
const IFF_NO_PI = 0x1000
const O_RDWR = 0x0002
const O_NONBLOCK = 0x0800
const POLLIN = 0x0001
const POLLFD_BYTES = 8

export interface Syscalls {
  /** Bytes read, or -1 when there is nothing now. */
  read(fd: number, into: Uint8Array): number
  /** Bytes written, or -1 when the device does not take it (it is down): the packet is lost. */
  write(fd: number, from: Uint8Array, bytes: number): number
  /** Opens TUN device `device` in namespace `netns` (a name of `ip netns`); leaves this thread in that namespace. */
  openTun(netns: string, device: string): number
  /** Waits for one of `fds` or until `waitMs` has passed (undefined: without end); true for each that is ready. */
  poll(fds: readonly number[], waitMs: number | undefined): readonly boolean[]
}

/** @throws where libc cannot be reached, or a device or namespace cannot be opened */
export function loadSyscalls(): Syscalls {
  const libc = loadLibc()
  if (libc === undefined) throw new Error('the link needs Linux and koffi')
  const setns = libc.declare('int setns(int fd, int nstype)')
  const open = libc.declare('int open(const char *path, int flags)')
  const ioctl = libc.declare('int ioctl(int fd, unsigned long request, void *argument)')
  const read = libc.declare('long read(int fd, void *into, size_t bytes)')
  const write = libc.declare('long write(int fd, const void *from, size_t bytes)')
  const ppoll = libc.declare('int ppoll(void *fds, unsigned long count, const void *timeout, const void *mask)')
  const must = (what: string, result: number) => {
    if (result < 0) throw new Error(`${what} failed with errno ${libc.errno()}`)
    return result
  }
  return {
    read: (fd, into) => read(fd, into, into.length),
    write: (fd, from, bytes) => write(fd, from, bytes),
    poll: pollWith(ppoll),
    openTun(netns, device) {
      const namespace = openSync(`/var/run/netns/${netns}`, 'r')
      must(`setns to ${netns}`, setns(namespace, CLONE_NEWNET))
      closeSync(namespace)
      const fd = must('open /dev/net/tun', open('/dev/net/tun', O_RDWR | O_NONBLOCK))
      const request = Buffer.alloc(40)
      request.write(device)
      request.writeUInt16LE(IFF_TUN | IFF_NO_PI, 16)
      must(`making ${device} in ${netns}`, ioctl(fd, TUNSETIFF, request))
      return fd
    },
  }
}

function pollWith(ppoll: LibcFunction): Syscalls['poll'] {
  const timeout = Buffer.alloc(16)
  const set = Buffer.alloc(16 * POLLFD_BYTES)
  return (fds, waitMs) => {
    for (const [index, fd] of fds.entries()) {
      set.writeInt32LE(fd, index * POLLFD_BYTES)
      set.writeInt16LE(POLLIN, index * POLLFD_BYTES + 4)
      set.writeInt16LE(0, index * POLLFD_BYTES + 6)
    }
    const seconds = Math.floor((waitMs ?? 0) / 1000)
    timeout.writeBigInt64LE(BigInt(seconds), 0)
    timeout.writeBigInt64LE(BigInt(Math.floor(((waitMs ?? 0) - seconds * 1000) * 1e6)), 8)
    ppoll(set, fds.length, waitMs === undefined ? null : timeout, null)
    return fds.map((_, index) => set.readInt16LE(index * POLLFD_BYTES + 6) !== 0)
  }
}
