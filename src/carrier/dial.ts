import { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Endpoint } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import { ownSocket } from '../platform/own-socket.ts'
import { Reading } from '../platform/slab-socket.ts'
import { type Attempt, type Connected, onAbort } from './attempt.ts'
import type { Carrier } from './carrier.ts'
import { type Clock, systemClock } from './clock.ts'
import { DialError, describeTarget, fromSystemError } from './dial-error.ts'
import { TcpCarrier } from './tcp.ts'
import { loadWs, upgradeToCarrier } from './websocket-dial.ts'

export interface DialOptions {
  /** The address behind the endpoint's name. Host header and TLS server name stay the name. @default resolve it */
  readonly address?: string
  /** Bind to this address of this host. @default the kernel chooses */
  readonly localAddress?: string
  /** Gives the attempt up. */
  readonly signal?: AbortSignal
  /** Of the packets of its socket (SO_MARK); needs `address`. @default none */
  readonly mark?: number | undefined
  /** PEM certificates of the authorities trusted for wss, in place of Node's. */
  readonly ca?: string | Buffer
  /** @default the system's */
  readonly clock?: Clock
}

/**
 * Opens a carrier to an endpoint, up to where frames can be sent, within LIMITS.connectMs.
 * @throws DialError REFUSED, TIMED_OUT, UNREACHABLE, NAME_NOT_FOUND; ws and wss also UPGRADE_REFUSED, FRAME_MALFORMED,
 *   CERTIFICATE_UNTRUSTED, HANDSHAKE_FAILED, TOO_MANY_CONNECTIONS; SUPERSEDED when `signal` gave it up
 */
export function dialCarrier(endpoint: Endpoint, options: DialOptions = {}): Promise<Carrier> {
  const attempt = { endpoint, options, target: describeTarget(endpoint, options.address) }
  return bounded(attempt, endpoint.scheme === 'tcp' ? dialTcp : dialWebSocket)
}

async function dialTcp(attempt: Attempt, signal: AbortSignal): Promise<Carrier> {
  const reading = new Reading()
  const { socket, connectMs } = await connectTcp(attempt, signal, reading.options)
  return new TcpCarrier(socket, reading, connectMs)
}

async function dialWebSocket(attempt: Attempt, signal: AbortSignal): Promise<Carrier> {
  const ws = loadWs(attempt)
  return upgradeToCarrier(ws, attempt, await connectTcp(attempt, signal), signal)
}

function connectTcp(
  { endpoint, options, target }: Attempt,
  signal: AbortSignal,
  reading: Partial<Reading['options']> = {},
): Promise<Connected> {
  return new Promise((resolve, reject) => {
    const sinceMs = performance.now()
    const socket = newSocket(options, reading, target)
    socket.on('error', error => reject(fromSystemError(error, target)))
    socket.once('connect', () => {
      resolve({ socket: socket.setNoDelay(true), connectMs: performance.now() - sinceMs })
    })
    socket.connect({
      host: options.address ?? endpoint.host,
      port: endpoint.port,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    })
    // With a reading of its own it does not begin to read when it is connected, but when somebody is attached.
    if (reading.onread !== undefined) socket.pause()
    onAbort(signal, () => socket.destroy())
  })
}

function newSocket({ mark, address }: DialOptions, reading: Partial<Reading['options']>, target: string): Socket {
  const options = { allowHalfOpen: false, ...reading }
  // Of a name, Node would try several addresses, each with a socket of its own.
  if (mark === undefined || address === undefined) return new Socket(options)
  try {
    return ownSocket({ mark }, address, options)
  } catch (error) {
    throw fromSystemError(error as Error, target)
  }
}

/**
 * Runs an attempt under its deadline and the caller's signal. Each step watches the signal it is given and frees what
 * it began; a carrier that comes too late is destroyed.
 */
async function bounded(
  attempt: Attempt,
  run: (attempt: Attempt, signal: AbortSignal) => Promise<Carrier>,
): Promise<Carrier> {
  const { signal, clock = systemClock } = attempt.options
  const stop = new AbortController()
  const giveUp = () => stop.abort(new DialError('SUPERSEDED', `the attempt to reach ${attempt.target} was given up`))
  const late = `${attempt.target} did not answer within ${LIMITS.connectMs / 1_000} s`
  const cancel = clock.after(LIMITS.connectMs, () => stop.abort(new DialError('TIMED_OUT', late)))
  if (signal?.aborted === true) giveUp()
  signal?.addEventListener('abort', giveUp)
  const aborted = new Promise<never>((_, reject) => onAbort(stop.signal, () => reject(stop.signal.reason)))
  const carrier = run(attempt, stop.signal)
  try {
    return await Promise.race([carrier, aborted])
  } catch (error) {
    carrier.then(
      late => late.destroy(),
      () => undefined,
    )
    throw error
  } finally {
    cancel()
    signal?.removeEventListener('abort', giveUp)
  }
}
