import type { Socket } from 'node:net'
import type { Reading } from '../platform/slab-socket.ts'
import { SocketCarrier } from './socket-carrier.ts'

/** Outer frames on a plain TCP connection, one after the other. */
export class TcpCarrier extends SocketCarrier {
  /** @param socket connected, paused, and made with `reading`; it belongs to the carrier from here on */
  constructor(socket: Socket, reading: Reading, connectMs?: number) {
    super('tcp', socket, connectMs)
    // Nagle would hold a control message back for a round trip. Keepalive stays off: liveness is the engine's.
    socket.setNoDelay(true)
    reading.receive = chunk => {
      const fault = this.delivery.handleBorrowed(chunk)
      if (fault !== undefined) this.handleFault(fault)
    }
    socket.on('end', () => this.handleEnd('the peer closed the connection'))
    socket.on('close', () => this.handleEnd('the connection was cut'))
  }

  protected override isWritable(): boolean {
    return this.socket.writable
  }

  protected override write(parts: readonly Uint8Array[]): void {
    this.writePieces(parts)
  }

  protected override resume(): void {
    this.socket.resume()
  }

  protected override end(): void {
    this.socket.end()
  }
}
