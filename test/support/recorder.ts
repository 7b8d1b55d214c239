import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { type ApplicationHandlers, ApplicationSocket } from '../../src/platform/application-socket.ts'

/** What one application socket told its handlers, in order; data only as a count of bytes. */
export class Recorder implements ApplicationHandlers {
  readonly events: ('data' | 'end' | 'reset' | 'closed')[] = []
  receivedBytes = 0
  consumedBytes = 0
  drains = 0
  readonly #waiting = new Set<{ isMet: () => boolean; resolve: () => void }>()

  onData(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length
    this.#add('data')
  }
  onEnd(): void {
    this.#add('end')
  }
  onReset(): void {
    this.#add('reset')
  }
  onDrain(): void {
    this.drains++
    this.#wake()
  }
  onConsumed(bytes: number): void {
    this.consumedBytes += bytes
    this.#wake()
  }
  onClosed(): void {
    this.#add('closed')
  }

  /** Resolves when `isMet` holds after an event, or at once. */
  until(isMet: () => boolean): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.add({ isMet, resolve })
      this.#wake()
    })
  }

  closed(): Promise<void> {
    return this.until(() => this.events.includes('closed'))
  }

  #add(event: (typeof this.events)[number]): void {
    if (event !== 'data' || this.events.at(-1) !== 'data') this.events.push(event)
    this.#wake()
  }

  #wake(): void {
    for (const waiter of this.#waiting) {
      if (!waiter.isMet()) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
  }
}

/** A listener on a free loopback port that adopts the first connection. */
export async function listenOnce(
  adopt: (socket: net.Socket) => ApplicationSocket = ApplicationSocket.adopt,
): Promise<{ port: number; accepted: Promise<ApplicationSocket>; server: net.Server }> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
  const accepted = new Promise<ApplicationSocket>(resolve => server.once('connection', s => resolve(adopt(s))))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { port: (server.address() as AddressInfo).port, accepted, server }
}
