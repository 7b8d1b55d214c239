import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { decodeControl, type Hello } from '../wire/control.ts'
import { readInnerFrames } from '../wire/inner-frame.ts'
import type { AssociationOptions } from './association-options.ts'

/** What we say of ourselves. @param known the peer's incarnation, if it has said Hello before */
export function helloOf(
  options: AssociationOptions,
  endpoints: readonly string[],
  known: Uint8Array | undefined,
): Hello {
  const { incarnation, sessionsMax, holdMs } = options
  return {
    incarnation,
    knownIncarnation: known ?? new Uint8Array(0),
    sessionsMax,
    holdSeconds: Math.ceil(holdMs / 1000),
    features: 0,
    endpoints,
  }
}

/** As many as the peer would take, and as fit into one control message: a host may have hundreds of addresses. */
export function boundedEndpoints(endpoints: readonly string[]): readonly string[] {
  const fitting: string[] = []
  let room = LIMITS.controlBytesMax / 2
  for (const endpoint of endpoints) {
    if (fitting.length === LIMITS.endpointsPerPeerMax) break
    if (endpoint.length > Math.min(LIMITS.hostBytesMax, room)) continue
    fitting.push(endpoint)
    room -= endpoint.length
  }
  return fitting
}

/**
 * Reads the Hello that begins a carrier's first record, for an owner that chooses the association by incarnation.
 * @throws RemoteError PROTOCOL_VIOLATION when the record does not begin with one
 */
export function peekHello(record: readonly Uint8Array[]): Hello {
  let hello: Hello | undefined
  let isFirst = true
  const other = () => {
    isFirst = false
  }
  readInnerFrames(record, {
    onData: other,
    onAck: other,
    onReset: other,
    onGone: other,
    onControl: body => {
      const message = isFirst ? decodeControl(body) : undefined
      if (message?.type === 'hello') hello = message
      isFirst = false
    },
  })
  if (hello === undefined) throw new RemoteError('PROTOCOL_VIOLATION', 'a carrier that does not begin with Hello')
  return hello
}
