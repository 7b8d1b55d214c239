/** What a program and a proxy say to each other before the bytes flow: bytes in, decisions out, no sockets. */
import { isHostName } from '../base/allow-rule.ts'
import type { WireCode } from '../base/codes.ts'
import type { HostPort } from '../base/endpoint.ts'
import { parseIpAddress } from '../base/ip-address.ts'

/** Why a program was turned away by the proxy itself, before any destination was asked for. */
export type ProxyFault = 'foreign' | 'late' | 'malformed' | 'overloaded' | 'unauthorized' | 'unsupported'

/** `reply` goes to the program at once; it may be empty. */
export type Step =
  /** The request is not whole yet. */
  | { readonly kind: 'more'; readonly reply: Uint8Array }
  /** The program asks for `to`, and has already sent `rest` for it. */
  | { readonly kind: 'connect'; readonly reply: Uint8Array; readonly to: HostPort; readonly rest: Uint8Array }
  /** After `reply` nothing follows. `why` is half a sentence, for the log. */
  | { readonly kind: 'refuse'; readonly reply: Uint8Array; readonly fault: ProxyFault; readonly why: string }
  /** The proxy itself was asked, and `reply` is the whole answer. */
  | { readonly kind: 'served'; readonly reply: Uint8Array }

export interface Dialogue {
  /** Takes more of what the program said. Of no use after a step that is not `more`. */
  push(chunk: Uint8Array): Step
  /** What the program is told after `connect`: the code of the failure, or undefined when it is connected. */
  answer(code: WireCode | undefined): Uint8Array
}

/** Whether these are the user and the password of the listener. */
export type Authorize = (user: Uint8Array, password: Uint8Array) => boolean

/**
 * A destination as one spelling, names as the program wrote them: the far side looks them up.
 * @returns undefined when `host` is neither a name nor an address: no short forms such as `127.1`, no zones
 */
export function destination(host: string, port: number): HostPort | undefined {
  const address = parseIpAddress(host)
  if (address !== undefined) return { host: address.text, port }
  return isHostName(host) ? { host, port } : undefined
}
