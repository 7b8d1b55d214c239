/**
 * Whether a peer runs a sidecar at all, so far as this process can tell. Connections that may go around the peer ask here.
 *
 *     unknown -- a dialing round is over: somebody was asked, and nobody spoke as a sidecar does --> absent
 *     absent --- a round in which nobody was asked, or a sidecar spoke; an address is gone --------> unknown
 *     any ------ the peer's key was proved, whoever had dialed ------------------------------------> met, for good
 *
 * What was met once is held through every outage: else a cut network would turn protected connections into direct ones.
 */
import { LIMITS } from '../base/limits.ts'
import type { Clock } from '../carrier/clock.ts'
import type { DialFailure } from '../carrier/dial-round.ts'

/** A dialing round that came to nothing. */
export interface FailedRound {
  readonly failures: readonly DialFailure[]
  /** Connections that brought no record. */
  readonly lost: readonly { readonly hasFrame: boolean }[]
}

export interface PresenceOptions {
  readonly clock: Clock
  /** The first connection goes around the peer since it was found absent. */
  readonly onPassedBy: () => void
}

type Answer = (isAbsent: boolean) => void

export class Presence {
  readonly #options: PresenceOptions
  #state: 'unknown' | 'absent' | 'met' = 'unknown'
  #isTold = false
  /** Who waits, and what cancels the wait. */
  readonly #asking = new Map<Answer, () => void>()

  constructor(options: PresenceOptions) {
    this.#options = options
  }

  handleMet(): void {
    this.#state = 'met'
    this.#answerAll(false)
  }

  handleRoundFailed({ failures, lost }: FailedRound): void {
    if (this.#state === 'met') return
    const hasSpoken = lost.some(({ hasFrame }) => hasFrame) || failures.some(mayHideSidecar)
    const isAsked = lost.length > 0 || failures.some(wasAsked)
    if (hasSpoken || !isAsked) return this.#doubt()
    this.#state = 'absent'
    this.#answerAll(true)
  }

  /** The peer may be reachable from where this host is now. */
  handleMoved(): void {
    if (this.#state === 'absent') this.#doubt()
  }

  /**
   * Answers once, at the latest after LIMITS.presenceMs: whether a connection may go around the peer. What is not known by then
   * is no.
   */
  ask(answer: Answer): void {
    if (this.#state !== 'unknown') return this.#tell(answer, this.#state === 'absent')
    if (this.#asking.size >= LIMITS.presenceAskersMax) return answer(false)
    this.#asking.set(
      answer,
      this.#options.clock.after(LIMITS.presenceMs, () => {
        this.#asking.delete(answer)
        answer(false)
      }),
    )
  }

  /** Nobody is answered any more. */
  stop(): void {
    for (const cancel of this.#asking.values()) cancel()
    this.#asking.clear()
  }

  #doubt(): void {
    this.#state = 'unknown'
    this.#isTold = false
  }

  #answerAll(isAbsent: boolean): void {
    const answers = [...this.#asking.keys()]
    this.stop()
    for (const answer of answers) this.#tell(answer, isAbsent)
  }

  #tell(answer: Answer, isAbsent: boolean): void {
    if (isAbsent && !this.#isTold) this.#options.onPassedBy()
    this.#isTold ||= isAbsent
    answer(isAbsent)
  }
}

/** Too many connections for it, or a wrong certificate, which whoever is on the way has: a sidecar may well be there. */
function mayHideSidecar({ error }: DialFailure): boolean {
  return error.code === 'TOO_MANY_CONNECTIONS' || error.code === 'CERTIFICATE_UNTRUSTED'
}

/** Whether whoever is there could answer. Without a network or a name server of this host's, nothing is known of the peer. */
function wasAsked({ candidate, error }: DialFailure): boolean {
  if (candidate === undefined) return false
  return ANSWERS.has(error.code) || isNoWayToHost(error.cause)
}

const ANSWERS: ReadonlySet<string> = new Set([
  'REFUSED',
  'TIMED_OUT',
  'UPGRADE_REFUSED',
  'FRAME_MALFORMED',
  'HANDSHAKE_FAILED',
])

/** Said by whoever is on the way, and by many firewalls of the host itself. */
function isNoWayToHost(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'EHOSTUNREACH'
}
