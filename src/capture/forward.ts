/** A forward: whoever connects to a local address reaches one destination on the far side. */
import type { HostPort } from '../base/endpoint.ts'
import type { Capture, OnConnection } from './capture.ts'
import { listenApplications } from './listen.ts'
import type { ProxySources } from './proxy-sources.ts'

export interface ForwardOptions {
  /** Port 0 takes any free one. */
  readonly listen: HostPort
  /** Who must begin with a PROXY header. @default nobody */
  readonly proxySources?: ProxySources | undefined
}

export type Forward = Capture

/** @throws OperatorError ADDRESS_IN_USE or ADDRESS_UNAVAILABLE, naming the address */
export async function listenForward(
  { listen, proxySources }: ForwardOptions,
  onConnection: OnConnection,
): Promise<Forward> {
  if (proxySources === undefined) return listenApplications(listen, onConnection)
  const capture = await listenApplications(listen, socket => proxySources.take(socket, onConnection))
  return {
    ...capture,
    close: () => {
      proxySources.close()
      return capture.close()
    },
  }
}
