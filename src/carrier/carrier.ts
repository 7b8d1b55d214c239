/**
 * A carrier moves whole outer frames between two sidecars and knows nothing of keys or sessions.
 *
 * It is reliable and ordered until it is cut; then its tail is lost, at either end and without notice. Nothing above
 * needs more, and nothing in a carrier retransmits. Every implementation passes test/conformance/carrier.ts, which
 * proves what is promised here:
 *
 * - Handlers are called asynchronously: never from within `attach`, `send`, `close` or `destroy`.
 * - Frames that arrive before `attach` are kept, by not reading: the peer feels backpressure, memory does not grow.
 * - `onClose` is called once, and last. After our own `close` or `destroy` nothing is called at all.
 * - Whatever the network or the peer does ends as `onClose`, never as an exception or an unhandled event.
 */
import type { WireCode } from '../base/codes.ts'
import { wireOf } from '../base/codes.ts'
import type { HostPort, Scheme } from '../base/endpoint.ts'
import { putUint } from '../wire/bytes.ts'
import { OUTER, type OuterFrame, outerFrame } from '../wire/outer-frame.ts'

/** Why a carrier ended. */
export interface CarrierClose {
  /** The rule that was broken; undefined when the connection merely ended. */
  readonly code?: WireCode
  /** A clause for the operator, such as "the peer closed the connection". */
  readonly detail: string
}

export interface CarrierHandlers {
  /** A whole frame, valid only during the call. A RemoteError thrown here closes the carrier with its code. */
  onFrame(frame: OuterFrame): void
  /** After `send` said false: there is room again. */
  onDrain(): void
  onClose(reason: CarrierClose): void
}

export interface Carrier {
  readonly scheme: Scheme | 'memory'
  /** The addresses of the connection itself (through a proxy, `remote` is the proxy). Never in the `::ffff:` form. */
  readonly local: HostPort
  readonly remote: HostPort
  /** How long the connect of TCP took: about a round trip to `remote`. Undefined for an accepted carrier. */
  readonly connectMs?: number | undefined
  /** Bytes taken by `send` and not yet by the kernel. At least LIMITS.carrierQueueBytesMax destroys the carrier. */
  readonly queuedBytes: number
  /** Settles when the connection is closed on this host, whoever ended it: nothing of it is left in this process. */
  readonly closed: Promise<void>

  /** Starts the flow of frames. Once per carrier. */
  attach(handlers: CarrierHandlers): void

  /**
   * Queues pieces of one or several whole outer frames; no frame may be spread over two calls. The pieces must not be
   * changed afterwards. What one turn of the event loop sends leaves together.
   * @returns false when LIMITS.carrierHighWaterBytes are queued (`onDrain` follows), or when the carrier has ended
   */
  send(parts: readonly Uint8Array[]): boolean

  /** Flushes what was sent, then ends in order; gives up after LIMITS.carrierCloseMs. Harmless when repeated. */
  close(): void

  /** Ends at once; what is queued is lost. Harmless when repeated. */
  destroy(): void
}

/** A CLOSE frame: tells the peer's operator why this carrier ends. */
export function closeFrame(code: WireCode): Uint8Array[] {
  const body = new Uint8Array(2)
  putUint(body, 0, 2, wireOf(code))
  return outerFrame(OUTER.CLOSE, body)
}
