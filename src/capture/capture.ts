/** What every way of capturing application connections has in common. */
import type { HostPort } from '../base/endpoint.ts'
import type { ApplicationSocket } from '../platform/application-socket.ts'

/** Called once per accepted connection; from then on the socket is the receiver's to reset or end. */
export type OnConnection = (socket: ApplicationSocket) => void

export interface Capture {
  /** The address and the real port it listens on. */
  readonly local: HostPort
  /** Accepts no more; connections go on. Resolves when the port is free. Closing twice is harmless. */
  close(): Promise<void>
}
