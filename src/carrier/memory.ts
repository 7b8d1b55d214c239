import type { HostPort } from '../base/endpoint.ts'
import type { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { byteLength } from '../wire/bytes.ts'
import { type Carrier, type CarrierClose, type CarrierHandlers, closeFrame } from './carrier.ts'
import { Delivery } from './delivery.ts'

export interface MemoryPairOptions {
  /** Runs a delivery later, in order. @default queueMicrotask */
  readonly schedule?: (run: () => void) => void
  /** @default 127.0.0.1:1 and 127.0.0.2:2 */
  readonly addresses?: readonly [HostPort, HostPort]
}

export interface MemoryPair {
  readonly carriers: readonly [Carrier, Carrier]
  /** The path dies: what is under way is lost and both ends are told. */
  cut(): void
}

/** Two carriers joined in memory, with the semantics of the others: for tests and the simulator. */
export function memoryPair(options: MemoryPairOptions = {}): MemoryPair {
  const [left, right] = options.addresses ?? [
    { host: '127.0.0.1', port: 1 },
    { host: '127.0.0.2', port: 2 },
  ]
  const schedule = options.schedule ?? queueMicrotask
  const a = new MemoryCarrier(left, right, schedule)
  const b = new MemoryCarrier(right, left, schedule)
  a.join(b)
  b.join(a)
  return { carriers: [a, b], cut: () => a.cut() }
}

/** What travels: bytes, or the end of the stream. */
type Parcel = readonly Uint8Array[] | CarrierClose

class MemoryCarrier implements Carrier {
  readonly scheme = 'memory'
  readonly local: HostPort
  readonly remote: HostPort
  readonly closed: Promise<void>
  readonly #schedule: (run: () => void) => void
  readonly #delivery = new Delivery()
  /** Set by `join`, before anybody has the carrier. */
  #peer!: MemoryCarrier
  #state: 'open' | 'closing' | 'closed' = 'open'
  #isReading = false
  #isDrainOwed = false
  #isScheduled = false
  #queue: Parcel[] = []
  #queuedBytes = 0
  #settleClosed: () => void = () => undefined

  constructor(local: HostPort, remote: HostPort, schedule: (run: () => void) => void) {
    this.local = local
    this.remote = remote
    this.#schedule = schedule
    this.closed = new Promise(resolve => {
      this.#settleClosed = resolve
    })
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  join(peer: MemoryCarrier): void {
    this.#peer = peer
  }

  attach(handlers: CarrierHandlers): void {
    this.#delivery.attach(handlers)
    this.#read()
  }

  send(parts: readonly Uint8Array[]): boolean {
    if (this.#state !== 'open') return false
    this.#push(parts, byteLength(parts))
    if (this.#queuedBytes < LIMITS.carrierHighWaterBytes) return true
    this.#isDrainOwed = true
    if (this.#queuedBytes >= LIMITS.carrierQueueBytesMax) {
      this.#fail({ code: 'OVERLOADED', detail: `${this.#queuedBytes} bytes were queued and the peer did not read` })
    }
    return false
  }

  close(): void {
    this.#delivery.stop()
    this.#endInOrder()
  }

  destroy(): void {
    this.#delivery.stop()
    this.#fail({ detail: 'the connection was cut' })
  }

  cut(): void {
    this.#fail({ detail: 'the connection was cut' })
  }

  #endInOrder(): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#push({ detail: 'the peer closed the connection' }, 0)
    this.#read()
  }

  #fail(reason: CarrierClose): void {
    this.#lose(reason)
    this.#peer.#lose({ detail: 'the connection was cut' })
  }

  #lose(reason: CarrierClose): void {
    this.#forget()
    this.#schedule(() => this.#delivery.handleClose(reason))
  }

  #forget(): void {
    this.#state = 'closed'
    this.#queue = []
    this.#queuedBytes = 0
    this.#settleClosed()
  }

  #read(): void {
    this.#isReading = true
    this.#peer.#deliverLater()
  }

  #push(parcel: Parcel, bytes: number): void {
    this.#queue.push(parcel)
    this.#queuedBytes += bytes
    this.#deliverLater()
  }

  #deliverLater(): void {
    if (this.#isScheduled || this.#queue.length === 0 || !this.#peer.#isReading) return
    this.#isScheduled = true
    this.#schedule(() => {
      this.#isScheduled = false
      this.#deliver()
    })
  }

  #deliver(): void {
    const parcels = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    for (const parcel of parcels) this.#peer.#receive(parcel)
    if (!this.#isDrainOwed || this.#state !== 'open') return
    this.#isDrainOwed = false
    this.#delivery.handleDrain()
  }

  #receive(parcel: Parcel): void {
    if (this.#state === 'closed') return
    if ('detail' in parcel) {
      this.#forget()
      this.#peer.#forget()
      this.#delivery.handleClose(parcel)
      return
    }
    for (const part of parcel) {
      const fault = this.#delivery.handleBytes(part)
      if (fault !== undefined) return this.#handleFault(fault)
    }
  }

  #handleFault(fault: RemoteError): void {
    if (this.#state === 'open') this.send(closeFrame(fault.code))
    this.#endInOrder()
    this.#delivery.handleClose({ code: fault.code, detail: fault.message })
  }
}
