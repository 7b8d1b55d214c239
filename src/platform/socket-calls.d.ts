export interface SocketCalls {
  /** On: close() drops what is queued and sends RST, also when the process is killed. Off: close() delivers, then FIN. */
  setReset(fd: number, isOn: boolean): void
  /** Takes the pending error away; an errno, 0 when there is none. */
  takeError(fd: number): number
  /** Bytes (and the FIN) that the peer has not acknowledged yet. 0 when `fd` is no connected socket any more. */
  unacknowledgedBytes(fd: number): number
}
/** Declared once per process, at the first socket. @returns undefined where libc cannot be called */
export declare function socketCalls(): SocketCalls | undefined
