/** What the steps of one attempt to reach an endpoint share, whatever its scheme. */
import { isIP, type Socket } from 'node:net'
import type { Endpoint } from '../base/endpoint.ts'
import type { DialOptions } from './dial.ts'

export interface Attempt {
  readonly endpoint: Endpoint
  readonly options: DialOptions
  /** For sentences. */
  readonly target: string
}

/** A socket that is connected, and how long that took. */
export interface Connected {
  readonly socket: Socket
  readonly connectMs: number
}

/** Also when it has happened already. */
export function onAbort(signal: AbortSignal, run: () => void): void {
  if (signal.aborted) run()
  else signal.addEventListener('abort', run, { once: true })
}

/** The name that certificates and Host headers speak of; '' for an address, which has no server name. */
export function serverName(endpoint: Endpoint): string {
  return isIP(endpoint.host) === 0 ? endpoint.host : ''
}
