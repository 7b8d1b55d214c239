/**
 * SOCKS5 (RFC 1928) with user and password (RFC 1929), the part of a server. Only CONNECT.
 *
 *     program                                proxy
 *     05 N METHODS                     ->
 *                                      <-    05 METHOD             00 none, 02 user and password, FF none that will do
 *     01 N USER N PASSWORD             ->                          only after 02
 *                                      <-    01 STATUS             00 right, else it ends here
 *     05 CMD 00 TYPE ADDRESS PORT      ->
 *                                      <-    05 REPLY 00 01 00000000 0000
 *
 * A program may send all of its part at once, and bytes for the destination after it. BND.ADDR in the last line would be the
 * address that the far side connects from; nobody has told it, and it is zero, as OpenSSH has it.
 */
import type { WireCode } from '../base/codes.ts'
import { addressOfBytes } from '../base/ip-address.ts'
import { type Authorize, type Dialogue, destination, type ProxyFault, type Step } from './dialogue.ts'

const VERSION = 0x05
const PASSWORD_VERSION = 0x01
const METHOD = { none: 0x00, password: 0x02, noneWillDo: 0xff } as const
const CONNECT = 0x01
const TYPE = { ipv4: 0x01, name: 0x03, ipv6: 0x04 } as const
const REPLY = { connected: 0x00, failed: 0x01, commandUnsupported: 0x07, typeUnsupported: 0x08, hostUnreachable: 0x04 }

/** What is not here is a general failure, 01. */
const REPLIES: Partial<Record<WireCode, number>> = {
  NOT_ALLOWED: 0x02,
  SOURCE_REFUSED: 0x02,
  UNREACHABLE: 0x03,
  NAME_NOT_FOUND: REPLY.hostUnreachable,
  REFUSED: 0x05,
  TIMED_OUT: 0x06,
  HOLD_EXPIRED: 0x06,
}

const NOTHING = new Uint8Array(0)

export class Socks5 implements Dialogue {
  readonly #authorize: Authorize | undefined
  #phase: 'methods' | 'password' | 'request' = 'methods'
  /** Not taken yet; the phases bound it. */
  #bytes: Uint8Array = NOTHING

  /** @param authorize undefined: whoever comes is welcome */
  constructor(authorize: Authorize | undefined) {
    this.#authorize = authorize
  }

  push(chunk: Uint8Array): Step {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    let said: Uint8Array = NOTHING
    for (;;) {
      const step = this.#take()
      if (step === undefined) return { kind: 'more', reply: said }
      said = Buffer.concat([said, step.reply])
      if (step.kind !== 'more') return { ...step, reply: said }
    }
  }

  answer(code: WireCode | undefined): Uint8Array {
    return reply(code === undefined ? REPLY.connected : (REPLIES[code] ?? REPLY.failed))
  }

  /** @returns undefined when this phase needs more bytes */
  #take(): Step | undefined {
    if (this.#phase === 'methods') return this.#takeMethods()
    return this.#phase === 'password' ? this.#takePassword() : this.#takeRequest()
  }

  #takeMethods(): Step | undefined {
    const [version, count] = this.#bytes
    if (version !== undefined && version !== VERSION) return refuse(NOTHING, 'malformed', `SOCKS version ${version}`)
    if (count === undefined || this.#bytes.length < 2 + count) return undefined
    const method = this.#authorize === undefined ? METHOD.none : METHOD.password
    if (!this.#bytes.subarray(2, 2 + count).includes(method)) {
      const why = method === METHOD.none ? 'it insists on logging in' : 'it offers no user and password'
      return refuse([VERSION, METHOD.noneWillDo], 'unauthorized', why)
    }
    return this.#go(2 + count, method === METHOD.none ? 'request' : 'password', [VERSION, method])
  }

  #takePassword(): Step | undefined {
    const [version, userBytes] = this.#bytes
    if (version !== undefined && version !== PASSWORD_VERSION) {
      return refuse([PASSWORD_VERSION, 0x01], 'malformed', `version ${version} of the login`)
    }
    if (userBytes === undefined) return undefined
    const passwordAt = 3 + userBytes
    const passwordBytes = this.#bytes[passwordAt - 1]
    if (passwordBytes === undefined || this.#bytes.length < passwordAt + passwordBytes) return undefined
    const user = this.#bytes.subarray(2, 2 + userBytes)
    const password = this.#bytes.subarray(passwordAt, passwordAt + passwordBytes)
    if (this.#authorize?.(user, password) !== true) {
      return refuse([PASSWORD_VERSION, 0x01], 'unauthorized', 'wrong user or password')
    }
    return this.#go(passwordAt + passwordBytes, 'request', [PASSWORD_VERSION, 0x00])
  }

  #takeRequest(): Step | undefined {
    const [version, command, , type, nameBytes] = this.#bytes
    if (version !== undefined && version !== VERSION) {
      return refuse(reply(REPLY.failed), 'malformed', `SOCKS version ${version} of the request`)
    }
    if (type === undefined) return undefined
    const addressAt = type === TYPE.name ? 5 : 4
    const addressBytes = { [TYPE.ipv4]: 4, [TYPE.ipv6]: 16, [TYPE.name]: nameBytes }[type]
    if (addressBytes === undefined) {
      if (type === TYPE.name) return undefined
      return refuse(reply(REPLY.typeUnsupported), 'unsupported', `SOCKS address type ${type}`)
    }
    const end = addressAt + addressBytes
    if (this.#bytes.length < end + 2) return undefined
    if (command !== CONNECT) return refuse(reply(REPLY.commandUnsupported), 'unsupported', `SOCKS command ${command}`)
    const address = this.#bytes.subarray(addressAt, end)
    const host = type === TYPE.name ? Buffer.from(address).toString('latin1') : addressOfBytes(address).text
    const port = this.#bytes[end]! * 256 + this.#bytes[end + 1]!
    const to = destination(host, port)
    if (to === undefined) {
      return refuse(reply(REPLY.hostUnreachable), 'malformed', `${JSON.stringify(host)} is no name and no address`)
    }
    if (port === 0) return refuse(reply(REPLY.failed), 'malformed', 'port 0')
    return { kind: 'connect', reply: NOTHING, to, rest: this.#bytes.subarray(end + 2) }
  }

  #go(bytes: number, phase: 'password' | 'request', said: readonly number[]): Step {
    this.#bytes = this.#bytes.subarray(bytes)
    this.#phase = phase
    return { kind: 'more', reply: Uint8Array.from(said) }
  }
}

function reply(code: number): Uint8Array {
  return Uint8Array.from([VERSION, code, 0x00, TYPE.ipv4, 0, 0, 0, 0, 0, 0])
}

function refuse(said: ArrayLike<number>, fault: ProxyFault, why: string): Step {
  return { kind: 'refuse', reply: Uint8Array.from(said), fault, why }
}
