/** What became of the connection that a ticket is for, as its status tells: the sidecar itself goes on trying for ever. */
import { setTimeout as wait } from 'node:timers/promises'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import type { Sidecar } from '../sidecar/sidecar-api.ts'
import type { PeerStatus } from '../sidecar/status.ts'

const LOOK_MS = 100
/** Without success so long, it says that it goes on; then after twice that, and so on. */
const FIRST_NOTICE_MS = 5_000

/** @throws OperatorError GOODBYE when the other side has ended, and with it the ticket */
export async function followTicket(sidecar: Sidecar): Promise<never> {
  const connection = new TicketConnection(Date.now())
  for (;;) {
    const [peer] = sidecar.status().peers
    const news = connection.look(peer!, Date.now())
    if (news === 'ready') process.stdout.write('ready\n')
    if (news === 'trying') {
      process.stderr.write(`not connected yet, still trying: ${peer!.lastFailure?.message ?? 'there is no answer'}\n`)
    }
    if (news === 'over') {
      throw new OperatorError('GOODBYE', 'the other side has ended, and the ticket with it: ask for a new ticket')
    }
    await wait(LOOK_MS)
  }
}

export class TicketConnection {
  #isReady = false
  #suspendedAtMs: number | undefined
  /** Migrations of an association that was given up here. */
  #forgotten = 0
  #sinceMs: number
  #noticeMs = FIRST_NOTICE_MS

  constructor(nowMs: number) {
    this.#sinceMs = nowMs
  }

  /** @returns what to tell now; `ready` once */
  look({ epoch, state, migrations }: PeerStatus, nowMs: number): 'ready' | 'trying' | 'over' | undefined {
    if (epoch > 0) this.#forgotten = 0
    if (epoch === 0 && migrations.length === this.#forgotten) return this.#wait(nowMs)
    if (!this.#isReady) {
      this.#isReady = true
      return 'ready'
    }
    if (epoch > 0) {
      this.#suspendedAtMs = state === 'suspended' ? (this.#suspendedAtMs ?? nowMs) : undefined
      return undefined
    }
    // An epoch is forgotten at a goodbye, and when there was no path for too long: then the ticket may still be good.
    const isExpired = this.#suspendedAtMs !== undefined && nowMs - this.#suspendedAtMs > LIMITS.holdMs / 2
    if (!isExpired) return 'over'
    this.#forgotten = migrations.length
    this.#sinceMs = nowMs
    return undefined
  }

  #wait(nowMs: number): 'trying' | undefined {
    if (nowMs - this.#sinceMs < this.#noticeMs) return undefined
    this.#noticeMs *= 2
    return 'trying'
  }
}
