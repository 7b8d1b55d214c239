/**
 * The emulated path, a process of its own: two TUN devices in two namespaces with a rate and a delay between them.
 * It blocks in ppoll and never comes back to Node's loop; it ends when its standard input closes or by a signal.
 *
 * Usage: node link.js '{"ends":[{"netns":"x","device":"wan"},{"netns":"y","device":"wan"}],"shape":{...}}'
 */
import { writeSync } from 'node:fs'
import { PacketQueue, type PathShape } from './packet-queue.ts'
import { loadSyscalls, type Syscalls } from './tun.ts'

export interface LinkOptions {
  readonly ends: readonly [LinkEnd, LinkEnd]
  readonly shape: PathShape
}

export interface LinkEnd {
  /** Name of a network namespace, as `ip netns` knows it. */
  readonly netns: string
  readonly device: string
}

/** Packets read from one device before the other one and the due ones get their turn. */
const BATCH_PACKETS = 64

const options = JSON.parse(process.argv[2] ?? '') as LinkOptions
const syscalls = loadSyscalls()
const fds = options.ends.map(end => syscalls.openTun(end.netns, end.device))
const queues = fds.map(() => new PacketQueue(options.shape))
writeSync(1, 'ready\n')
carry(syscalls, fds as [number, number], queues as [PacketQueue, PacketQueue])

/** Queue i takes what device i read and gives it to the other device. */
function carry(system: Syscalls, [a, b]: [number, number], [fromA, fromB]: [PacketQueue, PacketQueue]): void {
  const watched = [a, b, 0]
  const toA = (packet: Uint8Array, bytes: number) => void system.write(a, packet, bytes)
  const toB = (packet: Uint8Array, bytes: number) => void system.write(b, packet, bytes)
  for (;;) {
    const dueMs = Math.min(fromA.dueMs ?? Number.POSITIVE_INFINITY, fromB.dueMs ?? Number.POSITIVE_INFINITY)
    const waitMs = dueMs === Number.POSITIVE_INFINITY ? undefined : Math.max(0, dueMs - performance.now())
    const [readableA, readableB, parentGone] = system.poll(watched, waitMs)
    if (parentGone === true) return
    if (readableA === true) take(system, a, fromA)
    if (readableB === true) take(system, b, fromB)
    const nowMs = performance.now()
    fromA.drain(nowMs, toB)
    fromB.drain(nowMs, toA)
  }
}

function take(system: Syscalls, fd: number, queue: PacketQueue): void {
  for (let packet = 0; packet < BATCH_PACKETS; packet++) {
    const bytes = system.read(fd, queue.nextSlot)
    if (bytes <= 0) return
    queue.push(bytes, performance.now())
  }
}
