/**
 * The manners of application and destination TCP sockets, accepted and dialed alike. A relay must end each stream the
 * way the other end did: FIN for FIN, RST for RST, and nothing that was written may get lost on the way.
 *
 *     open --end() and the peer's FIN--> closed     (FIN; the kernel delivers what it still holds)
 *     open --RST, or any socket error--> closed     (onReset)
 *     open --reset()--> resetting --what was written is acknowledged, or time is up--> closed     (RST)
 *
 * - A killed process would close with FIN and make a truncated stream look complete. So SO_LINGER {1,0} is on from
 *   accept or dial: every close() is an RST, whoever calls it. It is cleared just before an orderly close, and only
 *   there, or close() would throw away what the kernel has not sent.
 * - libuv before Node 24 can report a received RST as a clean end. An end counts as FIN only when the socket has no
 *   pending error; where SO_ERROR cannot be read, when a zero-length write succeeds. (Without SO_ERROR and after our
 *   own FIN nothing can be written, so there the end is believed.)
 * - An RST overtakes data in the kernel's send queue, so reset() first waits until SIOCOUTQ says it is acknowledged.
 * - All sockets of the process read into one slab: a buffer per socket would cost 64 KiB at rest. libuv reads and
 *   calls back in one go, so the slab is free again when the call returns. `onread` can only be given to a new
 *   net.Socket, so an accepted socket gives up its handle to one.
 */
import net from 'node:net'
import { type HostPort } from '../base/endpoint.ts'
import { type SocketCalls } from './socket-calls.ts'
export interface ApplicationHandlers {
  /** `chunk` is valid only during the call: the receiver copies. */
  onData(chunk: Uint8Array): void
  /** The peer half-closed: a genuine FIN. */
  onEnd(): void
  /** RST from the peer, or any socket error. Not called for our own `reset()`. */
  onReset(): void
  /** After `write()` returned false: the queue is empty again. */
  onDrain(): void
  /** So many bytes given to `write()` were taken by the kernel. */
  onConsumed(bytes: number): void
  /** Exactly once, last: after both directions ended, or after a reset. */
  onClosed(): void
}
export declare class ApplicationSocket {
  #private
  readonly local: HostPort
  readonly remote: HostPort
  /** Takes a socket accepted by a server with `pauseOnConnect`; the given object is dead afterwards. */
  static adopt(accepted: net.Socket, calls?: SocketCalls | undefined): ApplicationSocket
  /**
   * @param to an IP address: no name is looked up
   * @throws the error of Node (`code` ECONNREFUSED ...), or the reason of `signal`
   */
  static connect(
    to: HostPort,
    {
      signal,
    }: {
      signal: AbortSignal
    },
    calls?: SocketCalls | undefined,
  ): Promise<ApplicationSocket>
  private constructor()
  /** Bytes given to `write()` that the kernel has not taken. */
  get queuedBytes(): number
  /** Nothing is read before this; reading starts now. */
  attach(handlers: ApplicationHandlers): void
  /**
   * Queues `chunks` as one vectored write. They must not change until they are consumed.
   * @returns false when the queue is at its high-water mark; onDrain follows. After a reset the bytes are dropped.
   */
  write(chunks: readonly Uint8Array[]): boolean
  /** FIN after what is queued; the other direction goes on. */
  end(): void
  /** Nothing more is read; RST after what was written has arrived, or LIMITS.resetDrainMs have passed. */
  reset(): void
  pause(): void
  resume(): void
}
