/**
 * Which process of the peer's we speak with. An incarnation other than the one known means that the peer is another process
 * and its sessions are gone; but while the first still answers on the active carrier, the second is a duplicate:
 *
 *     Hello with     no carrier active        another carrier active
 *     the known      welcome                  welcome
 *     another        replaces the peer        its records are held, and the first is pinged:
 *                                               it answers                                      DUPLICATE_IDENTITY
 *                                               it is lost, or LIMITS.duplicateIdentityMs pass  replaces the peer
 *
 * Another one is only believed once it is known to have lived later than when the known one was first heard of. What a dead
 * process sent may still be on its way, on carriers that its kernel has not given up; taken for news, it would end the
 * sessions of the process that is there now. A full handshake that began since proves it, as the peer has signed what we
 * sent; else the carrier has to answer a Ping first, and its records are held until it does. One that is dead never does.
 * A process that has said Goodbye is known until the next one comes, and not heard any more.
 */
import type { WireCode } from '../base/codes.ts'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength, equalBytes } from '../wire/bytes.ts'
import { decodeControl, type Hello } from '../wire/control.ts'
import { readInnerFrames } from '../wire/inner-frame.ts'
import type { EngineEvent } from './events.ts'
import type { Link } from './link.ts'
import type { Migration } from './migration.ts'
import type { Sessions } from './sessions.ts'

export interface IncarnationsOptions {
  readonly migration: Migration
  readonly sessions: Sessions
  readonly emit: (event: EngineEvent) => void
  readonly close: (link: Link, code: WireCode, detail: string, now: number) => void
  /** @throws RemoteError as Association.handleRecord */
  readonly handleRecord: (link: Link, record: readonly Uint8Array[], now: number) => void
}

export class Incarnations {
  readonly #options: IncarnationsOptions
  #known: Uint8Array | undefined
  /** When the known one was first heard of, or said Goodbye. Who answered what we sent later is not an earlier process. */
  #knownSince = Number.NEGATIVE_INFINITY
  #hasSaidGoodbye = false
  #duplicate: { readonly link: Link; readonly since: number } | undefined

  constructor(options: IncarnationsOptions) {
    this.#options = options
  }

  /** The peer's, once it has said Hello, and until it says Goodbye. */
  get peer(): Uint8Array | undefined {
    return this.#hasSaidGoodbye ? undefined : this.#known
  }

  get nextTimeout(): number {
    return this.#duplicate === undefined ? Number.POSITIVE_INFINITY : this.#duplicate.since + LIMITS.duplicateIdentityMs
  }

  /**
   * @returns false when the carrier of another process has to wait, its records held
   * @throws RemoteError DUPLICATE_IDENTITY when a second one waits already, GOODBYE after the process's own
   */
  handleHello(link: Link, hello: Hello, record: readonly Uint8Array[], now: number): boolean {
    const { incarnation } = hello
    const isKnown = this.#known !== undefined && equalBytes(this.#known, incarnation)
    if (isKnown && this.#hasSaidGoodbye) throw new RemoteError('GOODBYE', 'it is of a process that has said goodbye')
    if (isKnown) return true
    if (this.#known !== undefined) {
      if (!this.#isLater(link)) {
        hold(link, record)
        link.ping(now, 0)
        return false
      }
      const { active } = this.#options.migration
      if (active !== undefined && active !== link) {
        if (this.#duplicate !== undefined) throw new RemoteError('DUPLICATE_IDENTITY')
        this.#duplicate = { link, since: now }
        hold(link, record)
        active.ping(now, 0)
        return false
      }
      this.#replacePeer(link, now)
    }
    this.#known = incarnation
    this.#knownSince = now
    this.#hasSaidGoodbye = false
    return true
  }

  /**
   * A record on a carrier that has to wait.
   * @throws RemoteError DUPLICATE_IDENTITY when too much comes meanwhile, and as Association.handleRecord
   */
  handleHeldRecord(link: Link, record: readonly Uint8Array[], now: number): void {
    keep(link, record)
    if (this.#duplicate?.link === link || !answersPing(link, record, now)) return
    if (this.#isLater(link)) return this.#readHeld(link, now)
    // Since it was asked, yet another process has come.
    link.ping(now, 0)
  }

  /** The first process still answers: the second is refused. */
  handleHeard(link: Link, now: number): void {
    if (this.#duplicate === undefined || link !== this.#options.migration.active) return
    const { link: second } = this.#duplicate
    this.#duplicate = undefined
    this.#options.close(second, 'DUPLICATE_IDENTITY', 'the peer’s first process still answers', now)
  }

  handleLost(link: Link, now: number): void {
    if (this.#duplicate?.link === link) this.#duplicate = undefined
    if (this.#options.migration.active === undefined) this.#admit(now)
  }

  /** Our own loop was blocked: the first's answer may only be unread. */
  forgive(now: number): void {
    if (this.#duplicate !== undefined) this.#duplicate = { ...this.#duplicate, since: now }
  }

  handleTimeout(now: number): void {
    if (now >= this.nextTimeout) this.#admit(now)
  }

  /** The peer's process is stopping. Nothing that it said before counts any more, on whatever carrier it still comes. */
  handleGoodbye(now: number): void {
    const { migration, sessions, emit, close } = this.#options
    sessions.dropAll('SHUTTING_DOWN')
    this.#forget()
    this.#hasSaidGoodbye = true
    this.#knownSince = now
    // Another process that waits takes its place meanwhile.
    const itsLinks = [...migration.links.values()].filter(link => link.isHelloReceived)
    for (const link of itsLinks) close(link, 'GOODBYE', 'the peer has said goodbye', now)
    emit({ type: 'peerStopped' })
  }

  #isLater(link: Link): boolean {
    return link.aliveAfter > this.#knownSince
  }

  /** The first is gone, or silent for long enough: the second takes its place. */
  #admit(now: number): void {
    if (this.#duplicate === undefined) return
    const { link } = this.#duplicate
    this.#duplicate = undefined
    this.#replacePeer(link, now)
    try {
      this.#readHeld(link, now)
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error
      this.#options.close(link, error.code, error.message, now)
    }
  }

  #readHeld(link: Link, now: number): void {
    const { records } = link.held!
    link.held = undefined
    for (const record of records) this.#options.handleRecord(link, record, now)
  }

  #replacePeer(survivor: Link, now: number): void {
    const { migration, sessions, emit, close } = this.#options
    // What it was never told of can be opened with the new process as well.
    sessions.dropAll('PEER_RESTARTED', session => session.isShared)
    this.#forget()
    this.#known = undefined
    for (const link of [...migration.links.values()]) {
      if (link !== survivor && link.isHelloReceived) close(link, 'SUPERSEDED', 'the peer restarted', now)
    }
    if (!this.#hasSaidGoodbye) emit({ type: 'peerRestarted' })
  }

  /** Refs and epochs start anew with the next process. */
  #forget(): void {
    this.#options.sessions.forget()
    this.#options.migration.forget()
  }
}

/** What a held record costs beside its bytes. */
const RECORD_COST_BYTES = 32

function hold(link: Link, record: readonly Uint8Array[]): void {
  link.held = { records: [], bytes: 0 }
  keep(link, record)
}

function keep(link: Link, record: readonly Uint8Array[]): void {
  const held = link.held!
  held.records.push(record)
  held.bytes += RECORD_COST_BYTES + byteLength(record)
  if (held.bytes > LIMITS.earlyBytesMax) {
    throw new RemoteError('DUPLICATE_IDENTITY', 'too much came before it was known which process of the peer is alive')
  }
}

/** Whether `record` answers a ping of ours; `link` then knows when it was asked. */
function answersPing(link: Link, record: readonly Uint8Array[], now: number): boolean {
  let hasAnswered = false
  const other = () => {}
  readInnerFrames(record, {
    onData: other,
    onAck: other,
    onReset: other,
    onGone: other,
    onControl: body => {
      const message = decodeControl(body)
      if (message?.type === 'pong' && link.handlePong(message.id, now)) hasAnswered = true
    },
  })
  return hasAnswered
}
