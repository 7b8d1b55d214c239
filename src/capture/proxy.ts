/**
 * A proxy: one port that speaks SOCKS5 and HTTP CONNECT, told apart by the first byte.
 *
 *     greeting --request--> captured --connected------> its bytes are the receiver's
 *        |                      `-----failed--.
 *        `--refused, or a page of our own-----+--> leaving --the program ends, or proxyLingerMs--> closed
 *
 * The answer to a request waits for the far side's, so a program is told the true reason of a failure. An optimistic proxy
 * answers at once: a round trip less, and a failure is a reset.
 */
import type { WireCode } from '../base/codes.ts'
import { formatHostPort, type HostPort, isLoopback } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import type { Place } from '../base/places.ts'
import type { ApplicationHandlers, ApplicationSocket } from '../platform/application-socket.ts'
import type { Capture, CapturedConnection } from './capture.ts'
import type { Authorize, Dialogue, ProxyFault, Step } from './dialogue.ts'
import { GreetingPlaces } from './greeting-places.ts'
import { HttpConnect } from './http-connect.ts'
import { listenApplications } from './listen.ts'
import { Socks5 } from './socks5.ts'

export interface ProxyOptions {
  /** Port 0 takes any free one. */
  readonly listen: HostPort
  /** Programs are told that they are connected before the far side has said so. */
  readonly isOptimistic: boolean
  /** Undefined: whoever comes is welcome. */
  readonly authorize: Authorize | undefined
  /** The text of /proxy.pac for a program that reaches this proxy at `place`, host:port. */
  readonly pac: (place: string) => string
  /** Milliseconds from connect to a whole request. @default LIMITS.proxyGreetingMs */
  readonly greetingMs?: number
  /** Milliseconds for a program that was refused, to read why and to end. @default LIMITS.proxyLingerMs */
  readonly lingerMs?: number
  /** Whether an address is this host's own. @default isLoopback */
  readonly isHere?: (address: string) => boolean
  /** `why` is half a sentence. */
  readonly onRefused: (fault: ProxyFault, why: string, client: string) => void
}

type OnCaptured = (connection: CapturedConnection) => void

/** @throws OperatorError ADDRESS_IN_USE or ADDRESS_UNAVAILABLE, naming the address */
export async function listenProxy(options: ProxyOptions, onCaptured: OnCaptured): Promise<Capture> {
  const house: House = {
    options,
    onCaptured,
    open: new Set(),
    places: new GreetingPlaces(options.isHere ?? isLoopback),
  }
  const { close, ...capture } = await listenApplications(options.listen, socket => {
    const place = house.places.take(socket.remote.host)
    if (place !== undefined) return new Conversation(socket, place, house).start()
    options.onRefused('overloaded', 'too many connections have not asked yet', formatHostPort(socket.remote))
    socket.reset()
  })
  return {
    ...capture,
    close: async () => {
      await close()
      for (const one of house.open) one.cut()
    },
  }
}

/** What the conversations of one proxy have in common. */
interface House {
  readonly options: ProxyOptions
  readonly onCaptured: OnCaptured
  readonly open: Set<Conversation>
  readonly places: GreetingPlaces
}

/** With one program, until its bytes are somebody else's. */
class Conversation implements ApplicationHandlers {
  readonly #socket: ApplicationSocket
  readonly #house: House
  readonly #options: ProxyOptions
  /** Undefined while it is captured, and after a failure when all are held. */
  #place: Place | undefined
  #state: 'greeting' | 'captured' | 'leaving' = 'greeting'
  #dialogue: Dialogue | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(socket: ApplicationSocket, place: Place, house: House) {
    this.#socket = socket
    this.#place = place
    this.#house = house
    this.#options = house.options
  }

  start(): void {
    this.#house.open.add(this)
    const { greetingMs = LIMITS.proxyGreetingMs } = this.#options
    this.#timer = setTimeout(() => {
      this.#report('late', `no whole request within ${greetingMs} ms`)
      this.#socket.reset()
    }, greetingMs)
    this.#socket.attach(this)
  }

  cut(): void {
    this.#socket.reset()
  }

  onData(chunk: Uint8Array): void {
    if (this.#state !== 'greeting') return
    this.#dialogue ??= this.#dialogueFor(chunk[0]!)
    if (this.#dialogue === undefined) {
      this.#report('foreign', foreignness(chunk[0]!))
      return this.#leave()
    }
    const step = this.#dialogue.push(chunk)
    this.#say(step.reply)
    if (step.kind === 'connect') return this.#capture(step, this.#dialogue)
    if (step.kind === 'refuse') this.#report(step.fault, step.why)
    if (step.kind !== 'more') this.#leave()
  }

  onEnd(): void {
    if (this.#state === 'greeting') this.#leave()
  }

  onReset(): void {}

  onDrain(): void {}

  onConsumed(): void {}

  onClosed(): void {
    clearTimeout(this.#timer)
    this.#place?.release()
    this.#house.open.delete(this)
  }

  #dialogueFor(first: number): Dialogue | undefined {
    const { authorize, pac } = this.#options
    if (first === 0x05) return new Socks5(authorize)
    return isLetter(first) ? new HttpConnect({ authorize, pac }) : undefined
  }

  #capture({ to, rest }: Step & { readonly kind: 'connect' }, dialogue: Dialogue): void {
    this.#state = 'captured'
    clearTimeout(this.#timer)
    this.#place?.release()
    this.#house.open.delete(this)
    const socket = this.#socket
    socket.unread(rest)
    if (this.#options.isOptimistic) {
      this.#say(dialogue.answer(undefined))
      return this.#house.onCaptured({ socket, to })
    }
    const answer = (code: WireCode | undefined) => {
      this.#say(dialogue.answer(code))
      if (code !== undefined) this.#leave()
    }
    this.#house.onCaptured({ socket, to, answer })
  }

  /** None of the session's bytes, for which its receiver gives credit. */
  #say(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#socket.writePreface(bytes)
  }

  /** Ends after what was said, and drops what still comes: bytes left unread would make of the end a reset. */
  #leave(): void {
    const isBack = this.#state === 'captured'
    this.#state = 'leaving'
    clearTimeout(this.#timer)
    if (isBack) this.#place = this.#house.places.take(this.#socket.remote.host)
    this.#house.open.add(this)
    this.#timer = setTimeout(() => this.#socket.reset(), this.#options.lingerMs ?? LIMITS.proxyLingerMs)
    if (isBack) this.#socket.attach(this)
    this.#socket.end()
  }

  #report(fault: ProxyFault, why: string): void {
    this.#options.onRefused(fault, why, formatHostPort(this.#socket.remote))
  }
}

function isLetter(byte: number): boolean {
  return /^[A-Za-z]$/.test(String.fromCharCode(byte))
}

/** What speaks so. */
const FOREIGN: Readonly<Record<number, string>> = {
  4: 'it speaks SOCKS4, and this proxy SOCKS5 and HTTP CONNECT',
  22: 'it speaks TLS to the proxy itself: write http:// before its address, not https://',
}

function foreignness(first: number): string {
  const known = FOREIGN[first]
  return known ?? `it begins with byte 0x${first.toString(16).padStart(2, '0')}: neither SOCKS5 nor HTTP`
}
