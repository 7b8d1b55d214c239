/** What becomes of the connection that a ticket is for: the sidecar itself goes on trying for ever. */
import { OperatorError } from '../base/errors.ts'
import type { SidecarOptions } from '../sidecar/sidecar-api.ts'

/** Without success so long, it says that it goes on; then after twice that, and so on. */
const FIRST_NOTICE_MS = 5_000

export interface TicketConnection {
  /** For the sidecar that is made for the ticket. */
  readonly events: Required<Pick<SidecarOptions, 'onPeerConnected' | 'onPeerStopped'>>
  /** Rejects with OperatorError GOODBYE when the other side has ended, and with it the ticket. */
  readonly over: Promise<never>
}

/**
 * @param onReady called once, when it is connected
 * @param onTrying called ever more seldom, until it is
 */
export function followTicket(onReady: () => void, onTrying: () => void): TicketConnection {
  let isReady = false
  let noticeMs = FIRST_NOTICE_MS
  const notice = () => {
    onTrying()
    noticeMs *= 2
    timer = setTimeout(notice, noticeMs).unref()
  }
  let timer = setTimeout(notice, noticeMs).unref()
  const { promise: over, reject } = rejection()
  return {
    over,
    events: {
      onPeerConnected: () => {
        clearTimeout(timer)
        if (!isReady) onReady()
        isReady = true
      },
      onPeerStopped: () => {
        const message = 'the other side has ended, and the ticket with it: ask for a new ticket'
        reject(new OperatorError('GOODBYE', message))
      },
    },
  }
}

function rejection(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<never>((_, no) => {
    reject = no
  })
  // It may come before anybody waits for it.
  promise.catch(() => {})
  return { promise, reject }
}
