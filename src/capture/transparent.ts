/**
 * Transparent capture: connections that rules of the firewall lead here, whoever they were for.
 *
 *     redirect   the destination was rewritten; conntrack remembers the one that was asked for
 *     tproxy     nothing was rewritten: the accepted socket's own address is the destination
 *
 * Whoever connects to the listener itself was led here by nobody, and would be led to the listener again: a loop. So is
 * whatever arrives while its destination is not known. Both are reset.
 */

import { formatHostPort, type HostPort } from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'
import type { ApplicationSocket } from '../platform/application-socket.ts'
import { transparentListener } from '../platform/own-socket.ts'
import type { Capture, CapturedConnection } from './capture.ts'
import { type ListenPlace, listenApplications } from './listen.ts'

export interface TransparentOptions {
  readonly mode: 'redirect' | 'tproxy'
  /** Taken on the loopback address of each family. Not 0: rules name it. */
  readonly port: number
  readonly families: readonly (4 | 6)[]
  /** Descriptors of listening sockets that this process was started with, in place of its own. */
  readonly inherited: readonly number[]
}

/** @throws OperatorError ADDRESS_IN_USE, ADDRESS_UNAVAILABLE, CAPTURE_UNAVAILABLE; nothing listens then */
export async function listenTransparent(
  options: TransparentOptions,
  onConnection: (connection: CapturedConnection) => void,
): Promise<readonly Capture[]> {
  const captures: Capture[] = []
  try {
    for (const place of placesOf(options)) {
      const capture = await listenApplications(place, socket => {
        const to = destinationOf(socket, options)
        if (to === undefined) socket.reset()
        else onConnection({ socket, to })
      })
      captures.push(capture)
    }
  } catch (error) {
    await Promise.all(captures.map(capture => capture.close()))
    throw error
  }
  return captures
}

const LOOPBACK = { 4: '127.0.0.1', 6: '::1' } as const

/** One by one: a descriptor is made when it is listened on, and whatever fails before leaves none. */
function* placesOf({ mode, port, families, inherited }: TransparentOptions): Generator<ListenPlace> {
  if (inherited.length > 0) return yield* inherited.map(fd => ({ fd, host: `inherited descriptor ${fd}`, port: 0 }))
  for (const family of families) {
    const place = { host: LOOPBACK[family], port }
    yield mode === 'redirect' ? place : { ...place, fd: transparentDescriptor(family, place) }
  }
}

function transparentDescriptor(family: 4 | 6, place: HostPort): number {
  const fd = transparentListener(family, place.port)
  if (fd !== undefined) return fd
  const why =
    'the port is taken, or this user may not (CAP_NET_ADMIN); run as root, or pass a socket with Transparent=yes'
  throw new OperatorError('CAPTURE_UNAVAILABLE', `cannot listen transparently on ${formatHostPort(place)}: ${why}`)
}

function destinationOf(socket: ApplicationSocket, { mode, port }: TransparentOptions): HostPort | undefined {
  const { local } = socket
  const to = mode === 'tproxy' ? local : socket.originalDestination()
  const isListener = to?.port === port && (to.host === LOOPBACK[4] || to.host === LOOPBACK[6])
  return isListener || (mode === 'redirect' && isSame(to, local)) ? undefined : to
}

function isSame(a: HostPort | undefined, b: HostPort): boolean {
  return a?.host === b.host && a.port === b.port
}
