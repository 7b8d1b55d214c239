import type { Code } from '../base/codes.ts'
import { type Endpoint, formatHostPort, printableEndpoint } from '../base/endpoint.ts'

/** One attempt to reach an endpoint failed. Normal life: the next one is tried; a person sees the last. */
export class DialError extends Error {
  override name = 'DialError'
  readonly code: Code

  /** @param message a sentence that names the endpoint */
  constructor(code: Code, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** Where an attempt goes, for sentences: the URL, and the address behind its name. */
export function describeTarget(endpoint: Endpoint, address: string | undefined): string {
  const url = printableEndpoint(endpoint)
  return address === undefined || address === endpoint.host
    ? url
    : `${url} (${formatHostPort({ host: address, port: endpoint.port })})`
}

const CODE_OF_ERRNO: Record<string, Code> = {
  ECONNREFUSED: 'REFUSED',
  ECONNRESET: 'REFUSED',
  ETIMEDOUT: 'TIMED_OUT',
  ENOTFOUND: 'NAME_NOT_FOUND',
  EAI_AGAIN: 'NAME_NOT_FOUND',
  EMFILE: 'OVERLOADED',
  ENFILE: 'OVERLOADED',
}

const CLAUSE: Partial<Record<Code, string>> = {
  REFUSED: 'refused the connection',
  TIMED_OUT: 'did not answer in time',
  NAME_NOT_FOUND: 'cannot be resolved',
  UNREACHABLE: 'cannot be reached from here',
  OVERLOADED: 'cannot be dialed without a file descriptor',
}

/** An error of node:net or node:dns as a DialError: EHOSTUNREACH, EADDRNOTAVAIL and the like are UNREACHABLE. */
export function fromSystemError(error: Error, target: string): DialError {
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error
  const errno = 'code' in first && typeof first.code === 'string' ? first.code : ''
  const code = CODE_OF_ERRNO[errno] ?? 'UNREACHABLE'
  return new DialError(code, `${target} ${CLAUSE[code]} (${errno || first.message})`, { cause: error })
}
