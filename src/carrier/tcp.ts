import type { Socket } from 'node:net'
import { SocketCarrier } from './socket-carrier.ts'

/** Outer frames on a plain TCP connection, one after the other. */
export class TcpCarrier extends SocketCarrier {
  /** @param socket connected, and nobody has read from it; it belongs to the carrier from here on */
  constructor(socket: Socket) {
    super('tcp', socket)
    // Nagle would hold a control message back for a round trip. Keepalive stays off: liveness is the engine's.
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      const fault = this.delivery.handleBytes(chunk)
      if (fault !== undefined) this.handleFault(fault)
    })
    socket.on('end', () => this.handleEnd('the peer closed the connection'))
    socket.on('close', () => this.handleEnd('the connection was cut'))
    // The listener for 'data' would start the flow.
    socket.pause()
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
