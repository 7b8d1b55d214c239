/**
 * One direction of an emulated path: a bottleneck of a given rate with a drop-tail buffer before it, then a fixed delay.
 * Pure: time comes in as `now`. Packets live in a ring of slots made once; a packet is read straight into its slot.
 *
 *   arrival -> [ buffer, at most bufferMs deep ] -> bottleneck (bits/s) -> delayMs -> departure
 */
export interface PathShape {
  /** One-way delay in milliseconds, apart from the bottleneck. */
  readonly delayMs: number
  /** Rate of the bottleneck in Mbit/s. */
  readonly mbits: number
  /** How long a packet may wait before the bottleneck; the next one is dropped. */
  readonly bufferMs: number
}

const SLOT_BYTES = 2048
const SLOTS = 8192

export class PacketQueue {
  readonly #shape: PathShape
  readonly #slots: readonly Uint8Array[]
  readonly #bytes = new Uint16Array(SLOTS)
  readonly #dueMs = new Float64Array(SLOTS)
  #head = 0
  #count = 0
  /** When the bottleneck will have sent all it was given. */
  #freeAtMs = 0
  droppedPackets = 0

  constructor(shape: PathShape) {
    this.#shape = shape
    const memory = Buffer.alloc(SLOT_BYTES * SLOTS)
    this.#slots = Array.from({ length: SLOTS }, (_, index) => memory.subarray(index * SLOT_BYTES, (index + 1) * SLOT_BYTES))
  }

  /** Where the next packet may be written; nothing is taken before `push`. */
  get nextSlot(): Uint8Array {
    return this.#slots[(this.#head + this.#count) % SLOTS] as Uint8Array
  }

  /** Milliseconds of `now`'s clock at which the first packet leaves, or undefined when none waits. */
  get dueMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#dueMs[this.#head]
  }

  /** Takes the `bytes` long packet in `nextSlot`, or drops it when the buffer is full. */
  push(bytes: number, nowMs: number): void {
    const startsMs = Math.max(nowMs, this.#freeAtMs)
    if (startsMs - nowMs > this.#shape.bufferMs || this.#count === SLOTS - 1) {
      this.droppedPackets++
      return
    }
    this.#freeAtMs = startsMs + (bytes * 8) / (this.#shape.mbits * 1000)
    const index = (this.#head + this.#count) % SLOTS
    this.#bytes[index] = bytes
    this.#dueMs[index] = this.#freeAtMs + this.#shape.delayMs
    this.#count++
  }

  /** Gives every packet that is due to `send`, in order. */
  drain(nowMs: number, send: (packet: Uint8Array, bytes: number) => void): void {
    while (this.#count > 0 && (this.#dueMs[this.#head] as number) <= nowMs) {
      send(this.#slots[this.#head] as Uint8Array, this.#bytes[this.#head] as number)
      this.#head = (this.#head + 1) % SLOTS
      this.#count--
    }
  }
}
