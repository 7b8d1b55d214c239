/** An application that does not care what others do: it sends bytes and checks what an echo service sends back. */
import { createHash, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const TICK_MS = 10
const CHUNK_BYTES = 16 * 1024
/** Sent and not come back: keeps the pipe full without filling every buffer on the way. */
const FLIGHT_BYTES = 1024 * 1024

export class Bystander {
  readonly #socket: Socket
  readonly #sent = createHash('sha256')
  readonly #received = createHash('sha256')
  readonly #timer: NodeJS.Timeout
  #sentBytes = 0
  #receivedBytes = 0
  #idleTicks = 0
  #longestIdleTicks = 0
  #failure: Error | undefined

  static async start(port: number): Promise<Bystander> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    await once(socket, 'connect')
    return new Bystander(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', error => {
      this.#failure = error
    })
    socket.on('data', chunk => {
      this.#received.update(chunk)
      this.#receivedBytes += chunk.length
      this.#idleTicks = 0
    })
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** Counted in turns of this process, so that what it stood still itself is nobody's stall. */
  get longestStallMs(): number {
    return this.#longestIdleTicks * TICK_MS
  }

  /** What was before is nobody's stall from now on. */
  forgetStalls(): void {
    this.#longestIdleTicks = 0
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Resolves when so much more has come back. @throws when the connection failed */
  async progress(bytes: number): Promise<void> {
    const wanted = this.#receivedBytes + bytes
    while (this.#receivedBytes < wanted) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#socket.readableEnded) throw new Error('the connection ended early')
      await once(this.#socket, 'data')
    }
  }

  /** Ends its stream and waits for all of it to come back. @returns whether it is what was sent */
  async finish(): Promise<boolean> {
    clearInterval(this.#timer)
    const ended = once(this.#socket, 'end')
    this.#socket.end()
    await ended
    this.#socket.destroy()
    return this.#sentBytes === this.#receivedBytes && this.#sent.digest('hex') === this.#received.digest('hex')
  }

  destroy(): void {
    clearInterval(this.#timer)
    this.#socket.destroy()
  }

  #tick(): void {
    this.#idleTicks++
    this.#longestIdleTicks = Math.max(this.#longestIdleTicks, this.#idleTicks)
    if (this.#sentBytes - this.#receivedBytes > FLIGHT_BYTES) return
    const chunk = randomFillSync(Buffer.allocUnsafe(CHUNK_BYTES))
    this.#sent.update(chunk)
    this.#sentBytes += chunk.length
    this.#socket.write(chunk)
  }
}
