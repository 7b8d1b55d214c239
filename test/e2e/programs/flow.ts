/** One application connection as an agent drives it: what it sends, and a judge of what it receives. */
import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  type FlowPlan,
  type FlowReport,
  GAP_MIN_MS,
  GAPS_MAX,
  type Gap,
  monotonicMs,
  TICK_BYTES,
  TICK_MS,
} from './agent-protocol.ts'
import { ByteStream } from './byte-stream.ts'

const CHUNK_BYTES = 32 * 1024
const PACE_MS = 4

export class Flow {
  readonly plan: FlowPlan
  readonly remotes: readonly string[]
  readonly #socket: Socket
  readonly #sends: boolean
  readonly #sentHash = createHash('sha256')
  readonly #receivedHash = createHash('sha256')
  readonly #toSend: ByteStream
  readonly #expected: ByteStream
  readonly #gaps: Gap[] = []
  #timer: NodeJS.Timeout | undefined
  #state: FlowReport['state'] = 'connecting'
  #error: string | null = null
  #failedAtMs: number | null = null
  #openedAtMs: number | null = null
  #sentBytes = 0
  #sentSha256: string | null = null
  #receivedBytes = 0
  #receivedSha256: string | null = null
  #wrongAt: number | null = null
  #lastArrivalMs: number | null = null
  #partialTick = Buffer.alloc(0)

  /** `remotes` are those of every connection accepted under this plan's ID; empty at the side that connected. */
  constructor(socket: Socket, plan: FlowPlan, connected: boolean, remotes: readonly string[]) {
    this.plan = plan
    this.#socket = socket
    this.#sends = connected ? plan.up : plan.down
    this.remotes = remotes
    this.#toSend = new ByteStream(`${plan.id} ${connected ? 'up' : 'down'}`)
    this.#expected = new ByteStream(`${plan.id} ${connected ? 'down' : 'up'}`)
    socket.setNoDelay(true)
    socket.on('data', bytes => this.handleBytes(bytes))
    socket.on('end', () => this.#handleEnd())
    socket.on('error', error => this.#fail((error as NodeJS.ErrnoException).code ?? error.message))
    socket.on('close', () => {
      clearInterval(this.#timer)
      if (this.#state === 'connecting' || this.#state === 'open') this.#state = 'closed'
    })
  }

  report(gapsFromMs: number): FlowReport {
    return {
      id: this.plan.id,
      state: this.#state,
      error: this.#error,
      failedAtMs: this.#failedAtMs,
      openedAtMs: this.#openedAtMs,
      accepts: this.remotes.length,
      remotes: this.remotes,
      sentBytes: this.#sentBytes,
      sentSha256: this.#sentSha256,
      receivedBytes: this.#receivedBytes,
      receivedSha256: this.#receivedSha256,
      wrongAt: this.#wrongAt,
      lastArrivalMs: this.#lastArrivalMs,
      gaps: this.#gaps.filter(gap => gap.toMs > gapsFromMs),
    }
  }

  handleBytes(bytes: Buffer): void {
    const nowMs = monotonicMs()
    const silentMs = nowMs - (this.#lastArrivalMs ?? nowMs)
    if (silentMs >= GAP_MIN_MS && this.#gaps.length < GAPS_MAX)
      this.#gaps.push({ fromMs: nowMs - silentMs, toMs: nowMs })
    this.#lastArrivalMs = nowMs
    this.#receivedHash.update(bytes)
    if (this.plan.kind === 'ticks') this.#judgeTicks(bytes)
    else this.#judgeBytes(bytes)
    this.#receivedBytes += bytes.length
  }

  /** The connection stands (or, accepted, its plan was read): begin to send. */
  begin(): void {
    this.#state = 'open'
    this.#openedAtMs = monotonicMs()
    if (this.#sends) this.#timer = this.plan.kind === 'ticks' ? this.#tick() : this.#stream()
  }

  stop(): void {
    clearInterval(this.#timer)
    if (this.#sentSha256 !== null) return
    this.#sentSha256 = this.#sentHash.digest('hex')
    this.#socket.end()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  reset(): void {
    clearInterval(this.#timer)
    this.#socket.resetAndDestroy()
  }

  #tick(): NodeJS.Timeout {
    const startMs = monotonicMs()
    return setInterval(() => {
      const due = Math.floor((monotonicMs() - startMs) / TICK_MS)
      // A timer that fires late sends what it owes, but no more than a few: the probe must not pile up by itself.
      for (let count = 0; count < 4 && this.#sentBytes / TICK_BYTES < due; count++) this.#sendTick()
    }, TICK_MS)
  }

  #sendTick(): void {
    const tick = Buffer.alloc(TICK_BYTES)
    tick.writeDoubleLE(this.#sentBytes / TICK_BYTES, 0)
    tick.writeDoubleLE(monotonicMs(), 8)
    this.#send(tick)
  }

  #stream(): NodeJS.Timeout {
    const startMs = monotonicMs()
    const bytesPerMs = ((this.plan.mbits ?? 1000) * 1000) / 8
    let forgivenBytes = 0
    return setInterval(() => {
      const dueBytes = (monotonicMs() - startMs) * bytesPerMs - forgivenBytes
      while (this.#sentBytes < dueBytes) {
        // While the connection takes nothing the debt is forgiven, so that the load after it is the load before it.
        if (this.#socket.writableLength > CHUNK_BYTES) {
          forgivenBytes += dueBytes - this.#sentBytes
          return
        }
        this.#send(this.#toSend.next(CHUNK_BYTES))
      }
    }, PACE_MS)
  }

  #send(bytes: Buffer): void {
    this.#sentHash.update(bytes)
    this.#sentBytes += bytes.length
    this.#socket.write(bytes)
  }

  #judgeBytes(bytes: Buffer): void {
    const expected = this.#expected.next(bytes.length)
    if (this.#wrongAt !== null || expected.equals(bytes)) return
    this.#wrongAt = this.#receivedBytes + bytes.findIndex((byte, index) => byte !== expected[index])
  }

  #judgeTicks(bytes: Buffer): void {
    const whole = Buffer.concat([this.#partialTick, bytes])
    const firstNumber = Math.floor(this.#receivedBytes / TICK_BYTES)
    const ticks = Math.floor(whole.length / TICK_BYTES)
    for (let index = 0; index < ticks; index++) {
      if (whole.readDoubleLE(index * TICK_BYTES) !== firstNumber + index) this.#wrongAt ??= firstNumber + index
    }
    this.#partialTick = whole.subarray(ticks * TICK_BYTES)
  }

  /** libuv before Node 24 can report a reset as an end; then a write fails, even of nothing. */
  #handleEnd(): void {
    if (this.#socket.writableEnded) return this.#finish()
    this.#socket.write('', error => {
      if (!error) this.#finish()
    })
  }

  /** Who sends as well goes on until it is stopped. */
  #finish(): void {
    this.#receivedSha256 = this.#receivedHash.digest('hex')
    if (!this.#sends) this.#socket.end()
  }

  #fail(code: string): void {
    this.#state = 'failed'
    this.#error = code
    this.#failedAtMs = monotonicMs()
  }
}
