/**
 * Links with delay and a rate between network namespaces, for kernels without netem: node tun-link-process.js PLAN.
 *
 * A link is two TUN devices. What leaves one is held in a queue and written to the other when its time has come:
 *
 *   leaves the bottleneck = max(now, when the packet before it left) + size / rate
 *   arrives               = leaves the bottleneck + delay
 *
 * A packet that would wait longer than the queue allows is dropped, as a router would. One blocking process serves all
 * links: it sleeps in ppoll(2) until a packet comes or is due, so no event loop adds jitter. A TUN descriptor stays in
 * the namespace it was opened in; setns(2) is called once for each. Standard input takes orders, one JSON a line
 * (`{"link":"a","isDead":true}`), answered by `done`; when it closes the process ends, and its devices with it.
 */
import { writeSync } from 'node:fs'
import koffi from 'koffi'

export interface LinkEnd {
  /** Name of a namespace below /run/netns. */
  readonly namespace: string
  readonly device: string
}

export interface LinkPlan {
  readonly name: string
  readonly ends: readonly [LinkEnd, LinkEnd]
  /** One way. */
  readonly delayMs: number
  readonly mbitPerSecond: number
  /** A packet that would wait longer at the bottleneck is dropped. */
  readonly queueMs: number
}

/** From now on a dead link swallows everything, in both directions, also what is under way. */
export interface LinkOrder {
  readonly link: string
  readonly isDead: boolean
}

const O_RDWR = 0x2
const O_NONBLOCK = 0x800
const O_CLOEXEC = 0x80000
const CLONE_NEWNET = 0x40000000
const TUNSETIFF = 0x400454ca
const IFF_TUN_NO_PI = 0x1001
const POLLIN = 0x1
const POLLFD_BYTES = 8
const PACKET_BYTES_MAX = 65_536
/** Packets read from one device before the others get a turn. */
const READS_MAX = 64
const ORDER_BYTES_MAX = 4_096

const libc = koffi.load('libc.so.6')
const open = libc.func('int open(const char *path, int flags)') as (path: string, flags: number) => number
const close = libc.func('int close(int fd)') as (fd: number) => number
const setns = libc.func('int setns(int fd, int kind)') as (fd: number, kind: number) => number
const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)') as (
  fd: number,
  request: number,
  argument: Uint8Array,
) => number
type Transfer = (fd: number, bytes: Uint8Array, length: number) => number
const read = libc.func('long read(int fd, void *bytes, size_t length)') as Transfer
const write = libc.func('long write(int fd, const void *bytes, size_t length)') as Transfer
const ppoll = libc.func('int ppoll(void *fds, unsigned long count, const void *timeout, const void *mask)') as (
  fds: Uint8Array,
  count: number,
  timeout: Uint8Array | null,
  mask: null,
) => number
const strerror = libc.func('const char *strerror(int code)') as (code: number) => string

interface Packet {
  readonly bytes: Uint8Array
  readonly dueMs: number
}

/** One direction of a link. */
class Lane {
  readonly from: number
  readonly to: number
  readonly plan: LinkPlan
  isDead = false
  #queue: Packet[] = []
  #head = 0
  #bottleneckFreeMs = 0

  constructor(plan: LinkPlan, from: number, to: number) {
    this.plan = plan
    this.from = from
    this.to = to
  }

  /** When the next packet is due, or Infinity. */
  get dueMs(): number {
    return this.#queue[this.#head]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  take(buffer: Uint8Array, nowMs: number): void {
    for (let count = 0; count < READS_MAX; count++) {
      const length = read(this.from, buffer, buffer.length)
      if (length <= 0) return
      const startMs = Math.max(nowMs, this.#bottleneckFreeMs)
      if (this.isDead || startMs - nowMs > this.plan.queueMs) continue
      this.#bottleneckFreeMs = startMs + (length * 8) / (this.plan.mbitPerSecond * 1_000)
      this.#queue.push({ bytes: buffer.slice(0, length), dueMs: this.#bottleneckFreeMs + this.plan.delayMs })
    }
  }

  deliver(nowMs: number): void {
    for (let packet = this.#queue[this.#head]; packet !== undefined; packet = this.#queue[this.#head]) {
      if (packet.dueMs > nowMs) break
      // A device that is down refuses the packet, which is then lost as on a cut cable.
      if (!this.isDead) write(this.to, packet.bytes, packet.bytes.length)
      this.#head++
    }
    if (this.#head > 1_024 || this.#head === this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
  }
}

function main(plans: readonly LinkPlan[]): void {
  const lanes = plans.flatMap(plan => {
    const [a, b] = plan.ends.map(openDevice) as [number, number]
    return [new Lane(plan, a, b), new Lane(plan, b, a)]
  })
  const polled = new Uint8Array((lanes.length + 1) * POLLFD_BYTES)
  const view = new DataView(polled.buffer)
  for (const [index, fd] of [0, ...lanes.map(lane => lane.from)].entries()) {
    view.setInt32(index * POLLFD_BYTES, fd, true)
    view.setInt16(index * POLLFD_BYTES + 4, POLLIN, true)
  }
  const buffer = new Uint8Array(PACKET_BYTES_MAX)
  writeSync(1, 'ready\n')
  for (;;) {
    ppoll(polled, lanes.length + 1, timeoutUntil(Math.min(...lanes.map(lane => lane.dueMs))), null)
    for (const [index, lane] of lanes.entries()) {
      if (view.getInt16((index + 1) * POLLFD_BYTES + 6, true) !== 0) lane.take(buffer, performance.now())
      lane.deliver(performance.now())
    }
    if (view.getInt16(6, true) !== 0 && !obey(lanes)) return
  }
}

/** @returns false when standard input has closed */
function obey(lanes: readonly Lane[]): boolean {
  const bytes = Buffer.alloc(ORDER_BYTES_MAX)
  const length = read(0, bytes, bytes.length)
  if (length <= 0) return false
  for (const line of bytes.toString('utf8', 0, length).split('\n')) {
    if (line === '') continue
    const order = JSON.parse(line) as LinkOrder
    for (const lane of lanes) if (lane.plan.name === order.link) lane.isDead = order.isDead
    writeSync(1, 'done\n')
  }
  return true
}

/** struct timespec of the time left, or null to wait for ever. */
function timeoutUntil(dueMs: number): Uint8Array | null {
  if (dueMs === Number.POSITIVE_INFINITY) return null
  const leftMs = Math.max(0, dueMs - performance.now())
  const timespec = new BigInt64Array([BigInt(Math.floor(leftMs / 1_000)), BigInt(Math.round((leftMs % 1_000) * 1e6))])
  return new Uint8Array(timespec.buffer)
}

function openDevice({ namespace, device }: LinkEnd): number {
  const home = checked('open', open(`/run/netns/${namespace}`, O_CLOEXEC))
  checked('setns', setns(home, CLONE_NEWNET))
  close(home)
  const fd = checked('open of /dev/net/tun', open('/dev/net/tun', O_RDWR | O_NONBLOCK | O_CLOEXEC))
  const request = Buffer.alloc(40)
  request.write(device, 0, 15, 'latin1')
  request.writeUInt16LE(IFF_TUN_NO_PI, 16)
  checked(`making ${device}`, ioctl(fd, TUNSETIFF, request))
  return fd
}

function checked(what: string, result: number): number {
  if (result < 0) throw new Error(`${what}: ${strerror(koffi.errno())}`)
  return result
}

// The starter imports the types of this file; only the child runs it.
if (process.argv[1] === import.meta.filename) main(JSON.parse(process.argv[2] ?? '[]') as LinkPlan[])
