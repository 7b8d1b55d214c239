/** One direction of a session: an outbox, carriers that lose and repeat and reorder, an inbox. */
import fc from 'fast-check'
import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Inbox } from '../../src/session/inbox.ts'
import { lengthOf, Outbox, type OutboxPiece } from '../../src/session/outbox.ts'
import { concatBytes } from '../../src/wire/bytes.ts'
import { FLAG_FIN, FLAG_OPEN } from '../../src/wire/inner-frame.ts'
import { holds } from '../support/property.ts'

const LIMIT_STEP = 3_000

type Step =
  | { readonly do: 'write' | 'send'; readonly bytes: number; readonly isReplayOnly: boolean }
  | { readonly do: 'finish' | 'ack' | 'raise' | 'replay' }
  | { readonly do: 'deliver' | 'replayTo'; readonly which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('write' as const, 'send' as const, 'send' as const),
    bytes: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5_000 })),
    isReplayOnly: fc.boolean(),
  }),
  fc.record({ do: fc.constantFrom('finish' as const, 'ack' as const, 'raise' as const, 'replay' as const) }),
  fc.record({ do: fc.constantFrom('deliver' as const, 'deliver' as const, 'replayTo' as const), which: fc.nat(1_000) }),
)

/** A stream whose byte at each offset is known. */
class Stream {
  readonly outbox = new Outbox(1 + LIMIT_STEP)
  readonly inbox = new Inbox()
  readonly pieces: OutboxPiece[] = []
  limit = 1 + LIMIT_STEP
  delivered = 1
  #written = 1

  constructor() {
    this.outbox.open(Uint8Array.of(0xff))
  }

  apply(step: Step): void {
    const { outbox } = this
    if (step.do === 'write' && !outbox.isFinished) this.#write(step.bytes)
    else if (step.do === 'send') this.#send(step.bytes, step.isReplayOnly)
    else if (step.do === 'finish') outbox.finish()
    else if (step.do === 'ack') outbox.ack(this.inbox.received)
    else if (step.do === 'raise') outbox.limit = this.limit = Math.max(this.limit, this.delivered + LIMIT_STEP)
    else if (step.do === 'replay') outbox.replay()
    else if (step.do === 'replayTo') outbox.replay(step.which)
    else if (step.do === 'deliver' && this.pieces.length > 0)
      this.#deliver(this.pieces[step.which % this.pieces.length]!)
  }

  /** Faults have stopped: everything is sent again, in order, until all is acknowledged. */
  settle(): void {
    this.outbox.finish()
    this.outbox.replay()
    for (let rounds = 0; !this.outbox.isAllAcked; rounds++) {
      if (rounds > 1_000) throw new Error('the stream does not come to its end')
      while (this.#send(1_500, false)) this.#deliver(this.pieces.at(-1)!)
      this.apply({ do: 'ack' })
      this.apply({ do: 'raise' })
    }
  }

  #write(bytes: number): void {
    this.outbox.append(Uint8Array.from({ length: bytes }, (_, i) => byteAt(this.#written + i)))
    this.#written += bytes
  }

  #send(bytes: number, isReplayOnly: boolean): boolean {
    const sentBefore = this.outbox.sent
    const hadNext = this.outbox.hasNext(isReplayOnly)
    const piece = this.outbox.next(Math.max(1, bytes), isReplayOnly)
    if ((piece !== undefined) !== hadNext) throw new Error('hasNext and next do not agree')
    if (piece === undefined) return false
    if (piece.offset > sentBefore) throw new Error('a gap was sent')
    if (isReplayOnly && piece.offset + lengthOf(piece) > sentBefore) throw new Error('new bytes in a replay')
    if (piece.payloadBytes > 0 && piece.offset > 0 && piece.offset + piece.payloadBytes > this.outbox.limit) {
      throw new Error('bytes beyond the limit')
    }
    this.pieces.push({ ...piece, payload: [concatBytes(piece.payload).slice()] })
    return true
  }

  #deliver({ offset, flags, payload }: OutboxPiece): void {
    if ((flags & FLAG_OPEN) !== 0) {
      this.inbox.receiveOpen()
      return
    }
    const ordered = this.inbox.receive(offset, payload, (flags & FLAG_FIN) !== 0, this.limit)
    if (typeof ordered === 'string') throw new Error(`an honest peer was found at fault: ${ordered}`)
    for (const part of ordered) {
      for (const byte of part)
        if (byte !== byteAt(this.delivered++)) throw new Error(`a wrong byte at ${this.delivered - 1}`)
    }
  }
}

function byteAt(offset: number): number {
  return (offset * 7 + (offset >>> 8) * 13) & 0xff
}

t.test('whatever is lost, repeated or reordered, every byte arrives once and in order', async t => {
  const property = fc.property(fc.array(step, { maxLength: LIMITS.inboxGapsMax - 4 }), steps => {
    const stream = new Stream()
    for (const one of steps) stream.apply(one)
    stream.settle()
    return (
      stream.delivered === stream.outbox.bytesEnd && stream.inbox.isFinReceived && stream.outbox.bufferedBytes === 0
    )
  })
  await holds(t, property, 1_000)
})
