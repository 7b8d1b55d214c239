/**
 * Outer frames in binary WebSocket messages (RFC 6455), to cross HTTP proxies, ingresses and CDNs.
 *
 * - A message holds one or several whole outer frames, at most LIMITS.frameBytesMax.
 * - permessage-deflate is off: what is sealed does not compress.
 * - A client must mask, but the mask may be any 32 bits (5.3), and ours is zero, so nothing is copied or XORed.
 *   Masking protects old proxies from scripts that choose the bytes on the wire; here they are ciphertext or a
 *   TLS handshake, which no application chooses.
 * - `ws` makes and reads the connection, but message headers are written here: its `send` takes one piece of payload,
 *   so a frame of several would be concatenated (a copy) or sent as fragments. For 64 KiB records both took
 *   between a tenth and a half more CPU than one header and the pieces as they are.
 */
import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import type { Place } from '../base/places.ts'
import { byteLength, putUint } from '../wire/bytes.ts'
import { OuterFrameParser } from '../wire/outer-frame.ts'
import { SocketCarrier } from './socket-carrier.ts'

/** WebSocket.OPEN, without loading `ws` for a constant. */
const OPEN = 1
const CLOSE_NORMAL = 1000
const CLOSE_ABNORMAL = 1006
const FIN_BINARY = 0x82
const MASKED = 0x80
const LENGTH_16 = 126
const LENGTH_64 = 127
const MASK_BYTES = 4

export interface WebSocketParts {
  readonly websocket: WebSocket
  /** The socket below it, which `ws` does not show. */
  readonly socket: Socket
  readonly scheme: 'ws' | 'wss'
  /** True on the side that dialed: it masks. */
  readonly isClient: boolean
  readonly connectMs?: number
}

export class WebSocketCarrier extends SocketCarrier {
  readonly #websocket: WebSocket
  readonly #isClient: boolean

  /** Call in the turn in which the WebSocket opened, or frames are lost; it belongs to the carrier from here on. */
  constructor({ websocket, socket, scheme, isClient, connectMs }: WebSocketParts) {
    super(scheme, socket, connectMs)
    this.#websocket = websocket
    this.#isClient = isClient
    websocket.binaryType = 'fragments'
    websocket.pause()
    websocket.on('message', (data, isBinary) => this.#handleMessage(data, isBinary))
    websocket.on('error', error => this.#handleError(error))
    websocket.on('close', code => this.#handleClose(code))
  }

  /**
   * Counts pings and pongs of a stranger: they make no frame, so nobody else does, and each ping is answered. More than
   * LIMITS.strangerPingsMax close the carrier.
   * @returns the place to release when the peer is no stranger any more
   */
  boundStranger(place: Place): Place {
    let count = 0
    const handle = () => {
      if (++count === LIMITS.strangerPingsMax + 1) {
        this.handleFault(new RemoteError('PROTOCOL_VIOLATION', `${count} pings came before an identity was proved`))
      }
    }
    this.#websocket.on('ping', handle).on('pong', handle)
    return {
      release: () => {
        this.#websocket.off('ping', handle).off('pong', handle)
        place.release()
      },
    }
  }

  protected override isWritable(): boolean {
    return this.#websocket.readyState === OPEN && this.socket.writable
  }

  protected override write(parts: readonly Uint8Array[]): void {
    const bytes = byteLength(parts)
    if (bytes <= LIMITS.frameBytesMax) this.#writeMessage(parts, bytes)
    else for (const message of splitMessages(parts)) this.#writeMessage(message, byteLength(message))
  }

  protected override resume(): void {
    this.#websocket.resume()
  }

  protected override end(): void {
    this.#websocket.close(CLOSE_NORMAL)
  }

  /** What follows is thrown away unparsed, as `ws` itself does after an error: else it would cost as much as before. */
  protected override handleFault(fault: RemoteError): void {
    super.handleFault(fault)
    this.socket.removeAllListeners('data')
    this.socket.end()
    this.socket.resume()
  }

  #writeMessage(parts: readonly Uint8Array[], bytes: number): void {
    this.writePieces([messageHeader(bytes, this.#isClient), ...parts])
  }

  #handleMessage(data: RawData, isBinary: boolean): void {
    const fault = isBinary
      ? this.delivery.handleMessage(data as Buffer[])
      : new RemoteError('FRAME_MALFORMED', 'a text message came: this is not a holdfast peer')
    if (fault !== undefined) this.handleFault(fault)
  }

  /** `ws` has found the fault and is closing the connection with its own close code. */
  #handleError(error: Error & { code?: string }): void {
    if (error.code === undefined || !error.code.startsWith('WS_ERR_')) return
    const isTooLarge = error.code.startsWith('WS_ERR_UNSUPPORTED_')
    this.handleFault(new RemoteError(isTooLarge ? 'FRAME_TOO_LARGE' : 'FRAME_MALFORMED', error.message))
  }

  #handleClose(code: number): void {
    if (code === CLOSE_ABNORMAL) this.handleEnd('the connection was cut')
    else if (code === CLOSE_NORMAL) this.handleEnd('the peer closed the connection')
    else this.handleEnd(`the peer closed the connection with WebSocket code ${code}`)
  }
}

/** The header of an unfragmented binary message: RFC 6455 section 5.2. */
export function messageHeader(bytes: number, isMasked: boolean): Uint8Array {
  const lengthBytes = bytes < LENGTH_16 ? 0 : bytes < 2 ** 16 ? 2 : 8
  const header = new Uint8Array(2 + lengthBytes + (isMasked ? MASK_BYTES : 0))
  header[0] = FIN_BINARY
  header[1] = (isMasked ? MASKED : 0) | (lengthBytes === 0 ? bytes : lengthBytes === 2 ? LENGTH_16 : LENGTH_64)
  putUint(header, 2, lengthBytes, bytes)
  return header
}

/** Cuts pieces of many frames into messages of at most LIMITS.frameBytesMax, between frames. */
function splitMessages(parts: readonly Uint8Array[]): Uint8Array[][] {
  const messages: Uint8Array[][] = []
  let messageBytes = Number.POSITIVE_INFINITY
  const parser = new OuterFrameParser()
  for (const part of parts) {
    parser.push(part, ({ header, body }) => {
      const bytes = header.length + byteLength(body)
      if (messageBytes + bytes > LIMITS.frameBytesMax) {
        messages.push([])
        messageBytes = 0
      }
      messages[messages.length - 1]!.push(header, ...body)
      messageBytes += bytes
    })
  }
  return messages
}
