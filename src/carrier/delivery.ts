import { assert } from '../base/assert.ts'
import { RemoteError } from '../base/errors.ts'
import { OuterFrameParser } from '../wire/outer-frame.ts'
import type { CarrierClose, CarrierHandlers } from './carrier.ts'

/**
 * Stands between a connection and the handlers of its carrier and keeps the promises of carrier.ts: frames only while
 * attached, `onClose` once and last, nothing after `stop`.
 */
export class Delivery {
  readonly #parser = new OuterFrameParser()
  #handlers: CarrierHandlers | undefined
  /** The end of a carrier that nobody was attached to yet. */
  #unreported: CarrierClose | undefined
  #isOver = false
  /** Bytes of frames handed on, to tell whether a message ended with a frame. */
  #frameBytes = 0

  /** True once the end was reported, or is to be, or nothing may be reported any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  attach(handlers: CarrierHandlers): void {
    assert(this.#handlers === undefined, 'a carrier is attached once')
    this.#handlers = handlers
    if (this.#unreported !== undefined) queueMicrotask(() => this.#report())
  }

  /**
   * Hands on the frames that `chunk` completes.
   * @returns the fault that must end the carrier, or undefined
   */
  handleBytes(chunk: Uint8Array): RemoteError | undefined {
    if (this.#isOver) return undefined
    try {
      this.#parser.push(chunk, frame => {
        this.#frameBytes += frame.header.length
        for (const part of frame.body) this.#frameBytes += part.length
        if (!this.#isOver) this.#handlers?.onFrame(frame)
      })
      return undefined
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error
      return this.#isOver ? undefined : error
    }
  }

  /** As handleBytes; `chunk` may be overwritten afterwards. */
  handleBorrowed(chunk: Uint8Array): RemoteError | undefined {
    const fault = this.handleBytes(chunk)
    this.#parser.keepRest()
    return fault
  }

  /** Hands on the frames of a message, which must hold whole ones, and one at least: nothing else counts empty messages. */
  handleMessage(pieces: readonly Uint8Array[]): RemoteError | undefined {
    let missing = 0
    this.#frameBytes = 0
    for (const piece of pieces) {
      const fault = this.handleBytes(piece)
      if (fault !== undefined) return fault
      missing += piece.length
    }
    if (this.#isOver) return undefined
    if (missing === 0) return new RemoteError('FRAME_MALFORMED', 'a message held no frame')
    if (missing === this.#frameBytes) return undefined
    return new RemoteError('FRAME_MALFORMED', 'a message ended inside a frame')
  }

  handleDrain(): void {
    if (!this.#isOver) this.#handlers?.onDrain()
  }

  /** The connection ended: reports it, unless something did before. */
  handleClose(reason: CarrierClose): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#unreported = reason
    this.#report()
  }

  /** Our own side ended it: nothing is reported from here on. */
  stop(): void {
    this.#isOver = true
    this.#unreported = undefined
  }

  #report(): void {
    const reason = this.#unreported
    if (reason === undefined || this.#handlers === undefined) return
    this.#unreported = undefined
    this.#handlers.onClose(reason)
  }
}
