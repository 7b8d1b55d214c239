/** What every way of capturing application connections has in common. */
import type { WireCode } from '../base/codes.ts'
import type { HostPort } from '../base/endpoint.ts'
import type { ApplicationSocket } from '../platform/application-socket.ts'

/**
 * Called once per accepted connection; from then on the socket is the receiver's to reset or end.
 * @param client `address:port` of who connected, where that is not the socket's other end
 */
export type OnConnection = (socket: ApplicationSocket, client?: string) => void

/** A connection whose destination is known, where more than the socket is known of it. */
export interface CapturedConnection {
  readonly socket: ApplicationSocket
  readonly to: HostPort
  /** `address:port` of who connected. @default the socket's other end */
  readonly client?: string | undefined
  /**
   * Tells the application what became of it, once, before any byte of the destination: undefined when that is connected, at
   * `remote`. After a code, the socket is this function's to end. Without it the application sees a reset.
   */
  readonly answer?: (code: WireCode | undefined, remote: string) => void
}

/** The application is told so, or is reset where its capture has no words for it. */
export function refuse({ socket, answer }: CapturedConnection, code: WireCode): void {
  if (answer === undefined) socket.reset()
  else answer(code, '')
}

export interface Capture {
  /** The address and the real port it listens on. */
  readonly local: HostPort
  /** Settles when it accepts no more and everything that it accepted has closed, whoever's it was meanwhile. */
  readonly ended: Promise<void>
  /** Accepts no more; connections go on. Resolves when the port is free. Closing twice is harmless. */
  close(): Promise<void>
}
