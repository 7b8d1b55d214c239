/**
 * Dials what a peer asks for, if its allow-list permits. What was checked is what is dialed: a name is looked up once,
 * and its addresses, not the name, go to connect().
 *
 *     address ----------------------------------> an address rule must hold it -> dial
 *     name that a name rule names --> look up -----------------------------------> dial all, in order
 *     any other name ---------------> look up --> those an address rule holds ---> dial, in order
 *
 * The rule that matched says whether the destination is first told who calls (proxy-protocol.ts), and whether it sees the
 * client's address as that of the connection (preserved-source.ts).
 */
import { isHostName } from '../base/allow-rule.ts'
import type { WireCode } from '../base/codes.ts'
import { formatHostPort, type HostPort } from '../base/endpoint.ts'
import { parseIpAddress } from '../base/ip-address.ts'
import { LIMITS } from '../base/limits.ts'
import { ApplicationSocket } from '../platform/application-socket.ts'
import { isOwnAddress } from '../platform/own-address.ts'
import type { AllowList, Permission } from './allow-list.ts'
import { systemLookup } from './lookups.ts'
import { isSameAddress, preservedSource } from './preserved-source.ts'
import { type Caller, proxyHeader } from './proxy-protocol.ts'

/**
 * Addresses of a name, best first. A failure with `code` TIMED_OUT or OVERLOADED is told as that, any other as
 * NAME_NOT_FOUND. When `signal` aborts, nobody waits for the answer any more.
 */
export type Lookup = (name: string, signal: AbortSignal) => Promise<readonly string[]>

export interface DialOptions {
  /** Aborted: the dial ends with APPLICATION_RESET. */
  readonly signal: AbortSignal
  /** Whom a PROXY header names, and whose address is kept, where the rule says so. @default nobody: no header, no source */
  readonly caller?: Caller
  /** Told beside SOURCE_REFUSED why, as a clause. */
  readonly explain?: (why: string) => void
  /**
   * Pass one that limits lookups (lookups.ts): each blocks a thread of libuv's four.
   * @default getaddrinfo
   */
  readonly lookup?: Lookup
  /** Of the packets of its sockets (SO_MARK). @default none */
  readonly mark?: number | undefined
  /** Milliseconds for all connects together. @default LIMITS.egressConnectMs */
  readonly connectMs?: number
  /** Milliseconds for the lookup. @default LIMITS.resolveMs */
  readonly resolveMs?: number
}

export interface Destination {
  readonly socket: ApplicationSocket
  /** `address:port` that answered. */
  readonly remote: string
}

/** @returns a code when there is no connection: of several failures the one that got furthest */
export async function dialDestination(
  to: HostPort,
  allow: AllowList,
  options: DialOptions,
): Promise<Destination | WireCode> {
  const { signal } = options
  const addresses = await candidates(to, allow, options)
  if (signal.aborted) return 'APPLICATION_RESET'
  if (typeof addresses === 'string') return addresses
  const dialable = withSources(addresses, options)
  if (dialable.length === 0) return 'SOURCE_REFUSED'
  const answer = await dialInOrder(dialable, to.port, options)
  if (!signal.aborted) return answer
  if (typeof answer !== 'string') answer.socket.reset()
  return 'APPLICATION_RESET'
}

/** An address that may be dialed, by which rule. */
interface Candidate {
  readonly host: string
  readonly rule: Permission
  /** Whose address is kept; undefined: the kernel chooses one of this host's. */
  readonly source?: HostPort
}

/** At least one. */
async function candidates(
  { host, port }: HostPort,
  allow: AllowList,
  options: DialOptions,
): Promise<readonly Candidate[] | WireCode> {
  const address = parseIpAddress(host)
  if (address !== undefined) {
    const rule = allow.forAddress(host, port)
    return rule === undefined ? 'NOT_ALLOWED' : [{ host: address.text, rule }]
  }
  const named = allow.forName(host, port)
  if (named === undefined && !allow.hasNetworksFor(port)) return 'NOT_ALLOWED'
  if (!isHostName(host)) return 'NAME_NOT_FOUND'
  const found = await lookUpName(host, options)
  if (typeof found === 'string') return found
  if (found.length === 0) return 'NAME_NOT_FOUND'
  const allowed = found.flatMap(answer => {
    const rule = named ?? allow.forAddress(answer, port)
    return rule === undefined ? [] : [{ host: answer, rule }]
  })
  return allowed.length > 0 ? allowed.slice(0, LIMITS.addressesPerNameMax) : 'NOT_ALLOWED'
}

/** Without those to which the client's address cannot be kept, and should be. */
function withSources(addresses: readonly Candidate[], { caller, explain }: DialOptions): readonly Candidate[] {
  return addresses.flatMap(candidate => {
    const { clients } = candidate.rule
    if (clients === undefined) return [candidate]
    const source = preservedSource(caller?.client, candidate.host, clients, isOwnAddress)
    if (typeof source !== 'string') return [{ ...candidate, source }]
    explain?.(source)
    return []
  })
}

export async function lookUpName(
  name: string,
  { lookup = systemLookup, resolveMs = LIMITS.resolveMs, signal }: DialOptions,
): Promise<readonly string[] | WireCode> {
  const deadline = new Deadline(resolveMs, signal)
  const late = new Promise<WireCode>(resolve => {
    deadline.signal.addEventListener('abort', () => resolve('TIMED_OUT'), { once: true })
  })
  const found = lookup(name, deadline.signal).catch(error => LOOKUP_CODES[codeOfError(error)] ?? 'NAME_NOT_FOUND')
  try {
    return await Promise.race([found, late])
  } finally {
    deadline.clear()
  }
}

const LOOKUP_CODES: Partial<Record<string, WireCode>> = { TIMED_OUT: 'TIMED_OUT', OVERLOADED: 'OVERLOADED' }

async function dialInOrder(
  addresses: readonly Candidate[],
  port: number,
  { connectMs = LIMITS.egressConnectMs, signal, mark, caller, explain }: DialOptions,
): Promise<Destination | WireCode> {
  const endsAt = performance.now() + connectMs
  let worst: WireCode = 'UNREACHABLE'
  for (const [index, { host, rule, source }] of addresses.entries()) {
    // An address that swallows packets takes its share of the time, and no more.
    const shareMs = (endsAt - performance.now()) / (addresses.length - index)
    const deadline = new Deadline(shareMs, signal)
    try {
      const socket = await connectFrom(source, { host, port }, { signal: deadline.signal, mark })
      if (source !== undefined && !isSameAddress(socket.local.host, source.host)) {
        socket.reset()
        explain?.(`the kernel did not take the client’s address ${source.host}`)
        return 'SOURCE_REFUSED'
      }
      const remote = formatHostPort(socket.remote)
      const { proxyProtocol } = rule
      if (proxyProtocol !== undefined && caller !== undefined) {
        socket.writePreface(proxyHeader(proxyProtocol, caller, remote))
      }
      return { socket, remote }
    } catch (error) {
      worst = further(worst, connectCode(error))
    } finally {
      deadline.clear()
    }
    if (signal.aborted) break
  }
  return worst
}

/** The client's port may be taken here; the connection is the client's without it, too. */
async function connectFrom(
  source: HostPort | undefined,
  to: HostPort,
  options: { readonly signal: AbortSignal; readonly mark: number | undefined },
): Promise<ApplicationSocket> {
  try {
    return await ApplicationSocket.connect(to, { ...options, source })
  } catch (error) {
    if (source === undefined || !PORT_CODES.has(codeOfError(error))) throw error
    return ApplicationSocket.connect(to, { ...options, source: { ...source, port: 0 } })
  }
}

/** Taken, taken on the way to this destination, below 1024 and not for this process. */
const PORT_CODES: ReadonlySet<string> = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES'])

/** How far an attempt got: refused means that the host is there. */
const PROGRESS: readonly WireCode[] = ['UNREACHABLE', 'OVERLOADED', 'TIMED_OUT', 'REFUSED']

function further(a: WireCode, b: WireCode): WireCode {
  return PROGRESS.indexOf(b) > PROGRESS.indexOf(a) ? b : a
}

const CONNECT_CODES: Partial<Record<string, WireCode>> = {
  ECONNREFUSED: 'REFUSED',
  // Accepted and reset before connect() could tell.
  ECONNRESET: 'REFUSED',
  ETIMEDOUT: 'TIMED_OUT',
  TIMED_OUT: 'TIMED_OUT',
  // Out of file descriptors or socket memory on this host.
  EMFILE: 'OVERLOADED',
  ENFILE: 'OVERLOADED',
  ENOBUFS: 'OVERLOADED',
  ENOMEM: 'OVERLOADED',
}

function connectCode(error: unknown): WireCode {
  return CONNECT_CODES[codeOfError(error)] ?? 'UNREACHABLE'
}

function codeOfError(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code)
}

/** A signal that aborts after some time, or when `outer` does. */
class Deadline {
  readonly #controller = new AbortController()
  readonly #outer: AbortSignal
  readonly #timer: NodeJS.Timeout
  readonly #abort = () => this.#controller.abort({ code: 'TIMED_OUT' })

  constructor(withinMs: number, outer: AbortSignal) {
    this.#outer = outer
    this.#timer = setTimeout(this.#abort, withinMs)
    outer.addEventListener('abort', this.#abort, { once: true })
    if (outer.aborted) this.#abort()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#outer.removeEventListener('abort', this.#abort)
  }
}
