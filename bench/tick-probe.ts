/**
 * One end of a tick stream: node tick-probe.js listen|connect HOST PORT tcp|mptcp TICK_MS, with an IPC channel.
 *
 * A tick is a 64-bit counter. Both ends send one every TICK_MS and note when bytes arrive, on the clock that all
 * processes of a host share (CLOCK_MONOTONIC), and that the counter never skips. The parent asks afterwards for the
 * longest gap since an event. `listen` also opens a second port that only accepts, to measure round trips.
 */
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net'
import { boundMptcpSocket, connectedMptcpSocket } from './mptcp-socket.ts'

export type ProbeQuestion =
  | { readonly ask: 'gap'; readonly sinceMs: number }
  | { readonly ask: 'round-trip'; readonly host: string; readonly port: number; readonly from?: string }

export type ProbeAnswer =
  | { readonly tell: 'ready'; readonly port: number; readonly reachPort: number }
  | { readonly tell: 'gap'; readonly longestMs: number; readonly quietMs: number; readonly isIntact: boolean }
  | { readonly tell: 'round-trip'; readonly ms: number }
  | { readonly tell: 'failed'; readonly why: string }

const TICK_BYTES = 8
/** Arrivals remembered: more than a minute of ticks. */
const ARRIVALS_MAX = 65_536
const ROUND_TRIP_MS_MAX = 5_000

/** Milliseconds on the clock shared by all processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

class TickStream {
  #arrivals: number[] = []
  #sent = 0n
  #expected = 0n
  #rest: Buffer = Buffer.alloc(0)
  #isIntact = true

  attach(socket: Socket, tickMs: number): void {
    socket.setNoDelay(true)
    socket.on('data', bytes => this.#take(bytes))
    const timer = setInterval(() => {
      const tick = Buffer.alloc(TICK_BYTES)
      tick.writeBigUInt64BE(this.#sent++)
      socket.write(tick)
    }, tickMs)
    socket.on('error', error => tell({ tell: 'failed', why: error.message }))
    socket.on('close', () => {
      clearInterval(timer)
      tell({ tell: 'failed', why: 'the connection has closed' })
    })
  }

  gap(sinceMs: number): ProbeAnswer {
    const now = monotonicMs()
    const first = Math.max(
      0,
      this.#arrivals.findLastIndex(at => at < sinceMs),
    )
    const around = [...this.#arrivals.slice(first), now]
    const longestMs = around.reduce((most, at, index) => Math.max(most, at - (around[index - 1] ?? at)), 0)
    return { tell: 'gap', longestMs, quietMs: now - (this.#arrivals.at(-1) ?? 0), isIntact: this.#isIntact }
  }

  #take(bytes: Buffer): void {
    if (this.#arrivals.length >= ARRIVALS_MAX) this.#arrivals = this.#arrivals.slice(-ARRIVALS_MAX / 2)
    this.#arrivals.push(monotonicMs())
    const all = Buffer.concat([this.#rest, bytes])
    let at = 0
    for (; at + TICK_BYTES <= all.length; at += TICK_BYTES) {
      if (all.readBigUInt64BE(at) !== this.#expected++) this.#isIntact = false
    }
    this.#rest = all.subarray(at)
  }
}

function tell(answer: ProbeAnswer): void {
  if (process.connected) process.send?.(answer)
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).once('listening', () => resolve((server.address() as AddressInfo).port))
  })
}

async function listen(stream: TickStream, host: string, kind: string, tickMs: number): Promise<void> {
  const server = createServer(socket => stream.attach(socket, tickMs))
  const reach = createServer(socket => socket.on('error', () => socket.destroy()).end())
  const ports = [listening(server), listening(reach)] as const
  if (kind === 'mptcp') server.listen({ fd: boundMptcpSocket(host, 0) })
  else server.listen(0, host)
  reach.listen(0)
  const [port, reachPort] = await Promise.all(ports)
  tell({ tell: 'ready', port, reachPort })
}

async function open(stream: TickStream, host: string, port: number, kind: string, tickMs: number): Promise<void> {
  const socket = kind === 'mptcp' ? new Socket({ fd: connectedMptcpSocket(host, port) }) : connect(port, host)
  if (socket.connecting) await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  stream.attach(socket, tickMs)
  tell({ tell: 'ready', port, reachPort: 0 })
}

/** The time of a TCP connect: one round trip. */
function roundTrip(host: string, port: number, localAddress: string | undefined): void {
  const start = monotonicMs()
  const socket = connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) })
  socket.setTimeout(ROUND_TRIP_MS_MAX, () => socket.destroy(new Error(`no answer from ${host}:${port}`)))
  socket.on('error', error => tell({ tell: 'failed', why: error.message }))
  socket.on('connect', () => {
    tell({ tell: 'round-trip', ms: monotonicMs() - start })
    socket.end().resume()
  })
}

async function main(): Promise<void> {
  const [role, host = '', port = '', kind = '', tickMs = ''] = process.argv.slice(2)
  const stream = new TickStream()
  process.on('message', (question: ProbeQuestion) => {
    if (question.ask === 'gap') tell(stream.gap(question.sinceMs))
    else roundTrip(question.host, question.port, question.from)
  })
  process.on('disconnect', () => process.exit(0))
  if (role === 'listen') await listen(stream, host, kind, Number(tickMs))
  else await open(stream, host, Number(port), kind, Number(tickMs))
}

// The parent imports the types and the clock of this file; only the child runs it.
if (process.argv[1] === import.meta.filename) {
  await main().catch((error: Error) => {
    tell({ tell: 'failed', why: error.message })
    process.exitCode = 1
  })
}
