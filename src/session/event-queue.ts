/** Events for the owner, in order. Taking the first of a long array would move all others. */
import type { EngineEvent } from './events.ts'

export class EventQueue {
  readonly #events: EngineEvent[] = []
  #taken = 0

  push(event: EngineEvent): void {
    this.#events.push(event)
  }

  shift(): EngineEvent | undefined {
    const event = this.#events[this.#taken++]
    if (event !== undefined) return event
    this.#events.length = 0
    this.#taken = 0
    return undefined
  }
}
