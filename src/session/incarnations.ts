/**
 * Which process of the peer's we speak with. An incarnation other than the one known means that the peer is another process
 * and its sessions are gone; but while the first still answers on the active carrier, the second is a duplicate:
 *
 *     Hello with     no carrier active        another carrier active
 *     the known      welcome                  welcome
 *     another        replaces the peer        its records are held, and the first is pinged:
 *                                               it answers                                      DUPLICATE_IDENTITY
 *                                               it is lost, or LIMITS.duplicateIdentityMs pass  replaces the peer
 *     an earlier     its records are held until it answers a ping there; then it is another
 *
 * An earlier one was replaced, or has said goodbye. What it sent may still be on its way, on carriers that its kernel has
 * not given up; taken for news, it would end the sessions of the process that is there now. But where late words of a dead
 * process have replaced a living one, the living one must be able to come back: so it is asked, not refused.
 */
import type { WireCode } from '../base/codes.ts'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength, equalBytes } from '../wire/bytes.ts'
import { decodeControl, type Hello } from '../wire/control.ts'
import { readInnerFrames } from '../wire/inner-frame.ts'
import type { EngineEvent } from './events.ts'
import { peekHello } from './hello.ts'
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
  /** The peer's, once it has said Hello. */
  peer: Uint8Array | undefined
  readonly #options: IncarnationsOptions
  /** Oldest first; at most LIMITS.incarnationsRememberedMax. */
  #earlier: Uint8Array[] = []
  #duplicate: { readonly link: Link; readonly since: number } | undefined

  constructor(options: IncarnationsOptions) {
    this.#options = options
  }

  get nextTimeout(): number {
    return this.#duplicate === undefined ? Number.POSITIVE_INFINITY : this.#duplicate.since + LIMITS.duplicateIdentityMs
  }

  /**
   * @returns false when the carrier of a second or an earlier process has to wait, its records held
   * @throws RemoteError DUPLICATE_IDENTITY when a second one waits already
   */
  handleHello(link: Link, hello: Hello, record: readonly Uint8Array[], now: number): boolean {
    const { incarnation } = hello
    if (this.#earlier.some(one => equalBytes(one, incarnation))) {
      hold(link, record, link.ping(now, 0))
      return false
    }
    if (this.peer !== undefined && !equalBytes(this.peer, incarnation)) {
      const { active } = this.#options.migration
      if (active !== undefined && active !== link) {
        if (this.#duplicate !== undefined) throw new RemoteError('DUPLICATE_IDENTITY')
        this.#duplicate = { link, since: now }
        hold(link, record, Number.POSITIVE_INFINITY)
        active.ping(now, 0)
        return false
      }
      this.#replacePeer(link, now)
    }
    this.peer = incarnation
    return true
  }

  /**
   * A record on a carrier that has to wait.
   * @throws RemoteError DUPLICATE_IDENTITY when too much comes meanwhile, and as Association.handleRecord
   */
  handleHeldRecord(link: Link, record: readonly Uint8Array[], now: number): void {
    keep(link, record)
    if (this.#duplicate?.link === link || !answers(link, record, now)) return
    const { incarnation } = peekHello(link.held!.records[0]!)
    this.#earlier = this.#earlier.filter(one => !equalBytes(one, incarnation))
    this.#readHeld(link, now)
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

  /** The peer is stopping. Nothing that it said before counts any more, on whatever carrier it still comes. */
  handleGoodbye(now: number): void {
    const { migration, sessions, emit, close } = this.#options
    sessions.dropAll('SHUTTING_DOWN')
    this.#forget()
    for (const link of [...migration.links.values()]) close(link, 'GOODBYE', 'the peer has said goodbye', now)
    emit({ type: 'peerStopped' })
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
    for (const link of [...migration.links.values()]) {
      if (link !== survivor && link.isHelloReceived) close(link, 'SUPERSEDED', 'the peer restarted', now)
    }
    emit({ type: 'peerRestarted' })
  }

  /** Refs and epochs start anew with the next process. */
  #forget(): void {
    if (this.peer !== undefined) this.#earlier.push(this.peer)
    if (this.#earlier.length > LIMITS.incarnationsRememberedMax) this.#earlier.shift()
    this.peer = undefined
    this.#options.sessions.forget()
    this.#options.migration.forget()
  }
}

/** What a held record costs beside its bytes. */
const RECORD_COST_BYTES = 32

/** @param askedBy the ping whose answer ends it; Infinity for none */
function hold(link: Link, record: readonly Uint8Array[], askedBy: number): void {
  link.held = { records: [], bytes: 0, askedBy }
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

/** Whether `record` answers the ping that was sent since: only a living process does. */
function answers(link: Link, record: readonly Uint8Array[], now: number): boolean {
  let hasAnswered = false
  const other = () => {}
  readInnerFrames(record, {
    onData: other,
    onAck: other,
    onReset: other,
    onGone: other,
    onControl: body => {
      const message = decodeControl(body)
      if (message?.type !== 'pong') return
      const isNew = message.id >= link.held!.askedBy
      hasAnswered = (link.handlePong(message.id, now) && isNew) || hasAnswered
    },
  })
  return hasAnswered
}
