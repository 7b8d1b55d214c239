/**
 * Application sockets bound to sessions. Near: accepted by a capture. Far: dialed when the peer asks.
 *
 *     application -> onData -> copied once into the outbox         (paused while the outbox is full)
 *     'data' event -> socket.write, slices as they were decrypted  (credit returns as the kernel takes them)
 */
import { randomBytes } from 'node:crypto'
import { blocks } from '../base/blocks.ts'
import type { WireCode } from '../base/codes.ts'
import { formatHostPort } from '../base/endpoint.ts'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { type CapturedConnection, refuse } from '../capture/capture.ts'
import type { ApplicationSocket } from '../platform/application-socket.ts'
import type { Association } from '../session/association.ts'
import type { EngineEvent, Ref } from '../session/events.ts'
import { byteLength } from '../wire/bytes.ts'
import { type OpenRequest, SESSION_ID_BYTES } from '../wire/control.ts'
import type { Connections } from './connections.ts'
import type { TotalsCounter } from './totals.ts'

/** Dials a destination for the peer, if it is allowed. `explain` is told why it is not, where the code alone does not say. */
export type DialFar = (
  request: OpenRequest,
  signal: AbortSignal,
  explain: (why: string) => void,
) => Promise<{ readonly socket: ApplicationSocket; readonly remote: string } | WireCode>

export interface ApplicationsOptions {
  /** The engine in use; another one after the association expired. */
  readonly engine: () => Association
  readonly now: () => number
  /** Something was put into the engine. */
  readonly changed: () => void
  readonly dialFar: DialFar
  readonly connections: Connections
  readonly totals: TotalsCounter
  /** A session failed, or was reset by the other side; `why` says more than the code. */
  readonly onReset: (code: WireCode, ends: SessionEnds, why?: string) => void
  /** Memory is exhausted: nothing more is read from applications. */
  readonly isHeld: () => boolean
  /** What one read may bring. */
  readonly readBytesMax: () => number
}

/** `client` is the application, `to` the destination: host:port. */
export interface SessionEnds {
  readonly client: string
  readonly to: string
}

interface Binding {
  readonly ends: SessionEnds
  readonly engine: Association
  socket: ApplicationSocket | undefined
  /** Far side, until the destination is connected; bounded by the window, for no credit is returned. */
  readonly early: EarlyBytes
  isEndWaiting: boolean
  /** The application has sent something. */
  hasSpoken: boolean
  /** The engine takes no more for now. */
  isFull: boolean
  /** Far side, until the destination is connected. */
  abort: AbortController | undefined
  /** Near side, until the application was told what became of its open; then undefined. */
  answer: CapturedConnection['answer'] | undefined
  /** Call when the socket has closed, or is no longer ours. */
  leave: () => void
}

export class Applications {
  readonly #options: ApplicationsOptions
  readonly #bindings = new Map<Ref, Binding>()

  constructor(options: ApplicationsOptions) {
    this.#options = options
  }

  /** Near side: the connection becomes a session. It fails when a limit is reached. */
  open(connection: CapturedConnection): void {
    const { socket, to, client = formatHostPort(socket.remote), answer } = connection
    const engine = this.#options.engine()
    const sessionId = randomBytes(SESSION_ID_BYTES)
    const ends = { client, to: formatHostPort(to) }
    try {
      const request = { sessionId, host: to.host, port: to.port, client: ends.client }
      const ref = engine.open(request, this.#options.now())
      this.#options.totals.sessionsNear++
      this.#bind(ref, engine, ends, socket, answer)
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error
      this.#report(error.code, ends)
      refuse(connection, error.code)
    }
    this.#options.changed()
  }

  handle(event: EngineEvent): void {
    switch (event.type) {
      case 'open':
        return void this.#dial(event.ref, event.request)
      case 'opened':
        return this.#answer(event.ref, event.code, event.remote)
      case 'data':
        return this.#deliver(event.ref, event.parts)
      case 'end':
        return this.#finish(event.ref)
      case 'reset':
        return this.#reset(event.ref, event.code)
      case 'writable':
        return this.#resume(event.ref)
      case 'closed':
        this.#bindings.delete(event.ref)
        return
      default:
        return
    }
  }

  /** Carries out what `isHeld` now says, for all sockets. */
  handleHeld(): void {
    const isHeld = this.#options.isHeld()
    for (const { socket, isFull } of this.#bindings.values()) {
      if (isHeld) socket?.pause()
      else if (!isFull) socket?.resume()
    }
  }

  #resume(ref: Ref): void {
    const binding = this.#bindings.get(ref)
    if (binding === undefined) return
    binding.isFull = false
    if (!this.#options.isHeld()) binding.socket?.resume()
  }

  #bind(
    ref: Ref,
    engine: Association,
    ends: SessionEnds,
    socket?: ApplicationSocket,
    answer?: CapturedConnection['answer'],
  ): Binding {
    const binding: Binding = {
      ends,
      engine,
      socket,
      early: new EarlyBytes(),
      isEndWaiting: false,
      hasSpoken: false,
      isFull: false,
      abort: undefined,
      answer,
      leave: () => {},
    }
    this.#bindings.set(ref, binding)
    if (socket !== undefined) this.#attach(ref, binding, socket)
    return binding
  }

  #attach(ref: Ref, binding: Binding, socket: ApplicationSocket): void {
    const { now, changed, totals, isHeld, readBytesMax, connections } = this.#options
    const { engine } = binding
    binding.leave = connections.add(() => socket.reset())
    socket.attach({
      onData: chunk => {
        binding.hasSpoken = true
        totals.sentBytes += chunk.length
        // Even pieces: a small last one would be no block that is used again.
        const pieceBytes = Math.ceil(chunk.length / Math.ceil(chunk.length / LIMITS.dataBytesMax))
        for (let at = 0; at < chunk.length; at += pieceBytes) {
          const piece = chunk.subarray(at, at + pieceBytes)
          const bytes = blocks.take(piece.length)
          bytes.set(piece)
          binding.isFull = !engine.write(ref, bytes)
        }
        if (binding.isFull) socket.pause()
        changed()
      },
      onEnd: () => {
        if (binding.answer === undefined || binding.hasSpoken) engine.finish(ref)
        else this.#giveUp(ref, engine)
        changed()
      },
      onReset: () => {
        engine.reset(ref, 'APPLICATION_RESET')
        this.#bindings.delete(ref)
        changed()
      },
      // It is asked after a read for the next one, and much may be taken by others before a full outbox has room again.
      readBytesMax: () => (binding.isFull ? 0 : readBytesMax()),
      onDrain: () => {},
      onConsumed: bytes => {
        totals.receivedBytes += bytes
        engine.handleConsumed(ref, bytes, now())
        changed()
      },
      onClosed: binding.leave,
    })
    if (isHeld()) socket.pause()
  }

  /** The application has ended before its answer came, and has asked nothing of the destination: nobody waits for either. */
  #giveUp(ref: Ref, engine: Association): void {
    this.#answer(ref, 'APPLICATION_RESET', '')
    this.#bindings.delete(ref)
    engine.reset(ref, 'APPLICATION_RESET')
  }

  async #dial(ref: Ref, request: OpenRequest): Promise<void> {
    const engine = this.#options.engine()
    this.#options.totals.sessionsFar++
    const binding = this.#bind(ref, engine, { client: request.client, to: formatHostPort(request) })
    binding.abort = new AbortController()
    let why: string | undefined
    const explain = (words: string) => {
      why = words
    }
    const answer = await this.#options.dialFar(request, binding.abort.signal, explain)
    binding.abort = undefined
    if (this.#bindings.get(ref) !== binding) {
      if (typeof answer !== 'string') answer.socket.reset()
      return
    }
    if (typeof answer === 'string') {
      this.#report(answer, binding.ends, answer === 'SOURCE_REFUSED' ? why : undefined)
      this.#bindings.delete(ref)
      engine.reset(ref, answer)
    } else {
      engine.acceptOpen(ref, answer.remote)
      this.#connect(ref, binding, answer.socket)
    }
    this.#options.changed()
  }

  #connect(ref: Ref, binding: Binding, socket: ApplicationSocket): void {
    binding.socket = socket
    this.#attach(ref, binding, socket)
    socket.write(binding.early.take())
    if (binding.isEndWaiting) socket.end()
  }

  /** After a failure the socket is the capture's: it has something to say before the end. */
  #answer(ref: Ref, code: WireCode | undefined, remote: string): void {
    const binding = this.#bindings.get(ref)
    const answer = binding?.answer
    if (binding === undefined || answer === undefined) return
    binding.answer = undefined
    if (code !== undefined) {
      binding.socket = undefined
      binding.leave()
    }
    answer(code, remote)
  }

  #deliver(ref: Ref, parts: readonly Uint8Array[]): void {
    const binding = this.#bindings.get(ref)
    if (binding?.socket === undefined) binding?.early.add(parts)
    else binding.socket.write(parts)
  }

  #finish(ref: Ref): void {
    const binding = this.#bindings.get(ref)
    if (binding === undefined) return
    if (binding.socket === undefined) binding.isEndWaiting = true
    else binding.socket.end()
  }

  #reset(ref: Ref, code: WireCode): void {
    this.#answer(ref, code, '')
    const binding = this.#bindings.get(ref)
    this.#bindings.delete(ref)
    binding?.abort?.abort()
    binding?.socket?.reset()
    if (binding === undefined) this.#options.totals.countReset(code)
    else this.#report(code, binding.ends)
  }

  #report(code: WireCode, ends: SessionEnds, why?: string): void {
    this.#options.totals.countReset(code)
    this.#options.onReset(code, ends, why)
  }
}

/** Copied together: single bytes would cost a hundred times as much, and each would keep the record in memory that it came in. */
class EarlyBytes {
  #block = new Uint8Array(0)
  #bytes = 0

  add(parts: readonly Uint8Array[]): void {
    const bytes = this.#bytes + byteLength(parts)
    if (bytes > this.#block.length) {
      const larger = new Uint8Array(Math.max(bytes, 2 * this.#block.length))
      larger.set(this.#block)
      this.#block = larger
    }
    for (const part of parts) {
      this.#block.set(part, this.#bytes)
      this.#bytes += part.length
    }
  }

  take(): Uint8Array[] {
    const all = this.#block.subarray(0, this.#bytes)
    this.#block = new Uint8Array(0)
    this.#bytes = 0
    return all.length === 0 ? [] : [all]
  }
}
