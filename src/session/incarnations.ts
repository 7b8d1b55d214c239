/**
 * Which process of the peer's we speak with. An incarnation other than the one known means that the peer is another process
 * and its sessions are gone; but while the first still answers on the active carrier, the second is a duplicate:
 *
 *     Hello with     no carrier active        another carrier active
 *     the known      welcome                  welcome
 *     another        replaces the peer        its records are held, and the first is pinged:
 *                                               it answers                                      DUPLICATE_IDENTITY
 *                                               it is lost, or LIMITS.duplicateIdentityMs pass  replaces the peer
 */
import type { WireCode } from '../base/codes.ts'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength, equalBytes } from '../wire/bytes.ts'
import type { Hello } from '../wire/control.ts'
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
  /** The peer's, once it has said Hello. */
  peer: Uint8Array | undefined
  readonly #options: IncarnationsOptions
  #duplicate: { readonly link: Link; readonly since: number } | undefined

  constructor(options: IncarnationsOptions) {
    this.#options = options
  }

  get nextTimeout(): number {
    return this.#duplicate === undefined ? Number.POSITIVE_INFINITY : this.#duplicate.since + LIMITS.duplicateIdentityMs
  }

  /**
   * @returns false when the carrier of a second process has to wait, its records held
   * @throws RemoteError DUPLICATE_IDENTITY when one waits already
   */
  handleHello(link: Link, hello: Hello, record: readonly Uint8Array[], now: number): boolean {
    const { incarnation } = hello
    if (this.peer !== undefined && !equalBytes(this.peer, incarnation)) {
      const { active } = this.#options.migration
      if (active !== undefined && active !== link) {
        if (this.#duplicate !== undefined) throw new RemoteError('DUPLICATE_IDENTITY')
        this.#duplicate = { link, since: now }
        link.held = [record]
        active.ping(now, 0)
        return false
      }
      this.#replacePeer(link, now)
    }
    this.peer = incarnation
    return true
  }

  /** @throws RemoteError DUPLICATE_IDENTITY when too much comes before the first has answered */
  hold(link: Link, record: readonly Uint8Array[]): void {
    link.held!.push(record)
    const bytes = link.held!.reduce((sum, one) => sum + byteLength(one), 0)
    if (bytes > LIMITS.earlyBytesMax) {
      throw new RemoteError('DUPLICATE_IDENTITY', 'too much came before the first had answered')
    }
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

  /** The peer said goodbye, or its sessions are gone: refs start anew. */
  forget(): void {
    this.peer = undefined
    this.#options.sessions.forget()
  }

  /** The first is gone, or silent for long enough: the second takes its place. */
  #admit(now: number): void {
    if (this.#duplicate === undefined) return
    const { link } = this.#duplicate
    const held = link.held!
    this.#duplicate = undefined
    link.held = undefined
    this.#replacePeer(link, now)
    try {
      for (const record of held) this.#options.handleRecord(link, record, now)
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error
      this.#options.close(link, error.code, error.message, now)
    }
  }

  #replacePeer(survivor: Link, now: number): void {
    const { migration, sessions, emit, close } = this.#options
    sessions.dropAll('PEER_RESTARTED')
    this.forget()
    for (const link of [...migration.links.values()]) {
      if (link !== survivor && link.isHelloReceived) close(link, 'SUPERSEDED', 'the peer restarted', now)
    }
    emit({ type: 'peerRestarted' })
  }
}
