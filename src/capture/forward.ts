/** A forward: whoever connects to a local address reaches one destination on the far side. */
import type { HostPort } from '../base/endpoint.ts'
import type { Capture, OnConnection } from './capture.ts'
import { listenApplications } from './listen.ts'

export interface ForwardOptions {
  /** Port 0 takes any free one. */
  readonly listen: HostPort
}

export type Forward = Capture

/** @throws OperatorError ADDRESS_IN_USE or ADDRESS_UNAVAILABLE, naming the address */
export function listenForward({ listen }: ForwardOptions, onConnection: OnConnection): Promise<Forward> {
  return listenApplications(listen, onConnection)
}
