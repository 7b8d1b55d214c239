/**
 * Dials a destination for a peer. What was checked is what is dialed: a name is looked up once, each of its addresses is judged,
 * and the address itself is connected to, so a name cannot mean one thing to the rule and another to the connection.
 */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { WireCode } from '../base/codes.ts'
import { formatHostPort, type HostPort, plainAddress } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import { ApplicationSocket } from '../platform/application-socket.ts'
import type { AllowList } from './allow-list.ts'

export interface Destination {
  readonly socket: ApplicationSocket
  /** `host:port` of the address that answered. */
  readonly remote: string
}

/** @returns the connection, or NOT_ALLOWED, NAME_NOT_FOUND, REFUSED, TIMED_OUT or UNREACHABLE */
export async function dialDestination(
  to: HostPort,
  allow: AllowList,
  { signal }: { signal: AbortSignal },
): Promise<Destination | WireCode> {
  const addresses = await resolve(to.host)
  // A name that no rule knows must not be told apart from one that does not exist.
  const allowed = isIP(to.host) === 0 && allow.allowsName(to.host, to.port)
  if (addresses.length === 0) return allowed ? 'NAME_NOT_FOUND' : 'NOT_ALLOWED'
  if (!allowed && !addresses.every(address => allow.allowsAddress(address, to.port))) return 'NOT_ALLOWED'
  const deadline = AbortSignal.timeout(LIMITS.egressConnectMs)
  let code: WireCode = 'UNREACHABLE'
  for (const host of addresses) {
    try {
      const socket = await ApplicationSocket.connect({ host, port: to.port }, { signal: AbortSignal.any([signal, deadline]) })
      return { socket, remote: formatHostPort(socket.remote) }
    } catch (error) {
      code = deadline.aborted ? 'TIMED_OUT' : codeOf(error)
      if (signal.aborted || deadline.aborted) break
    }
  }
  return code
}

async function resolve(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [plainAddress(host)]
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('late')), LIMITS.resolveMs).unref()
  })
  try {
    const answers = await Promise.race([lookup(host, { all: true, verbatim: true }), late])
    return answers.map(({ address }) => plainAddress(address))
  } catch {
    return []
  }
}

function codeOf(error: unknown): WireCode {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ECONNREFUSED') return 'REFUSED'
  return code === 'ETIMEDOUT' ? 'TIMED_OUT' : 'UNREACHABLE'
}
