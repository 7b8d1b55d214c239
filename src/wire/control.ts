/**
 * Control messages as plain values, to and from protobuf. proto/holdfast/v1/control.proto is the normative text.
 * What is too long or too many is refused or cut here, so that no table behind grows by a peer's will.
 */
import { codeOf, type WireCode } from '../base/codes.ts'
import { RemoteError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { copyBytes } from './bytes.ts'
import { holdfast } from './control.gen.js'

const { Control: ControlCodec, OpenSession: OpenSessionCodec, OpenResult: OpenResultCodec } = holdfast.v1

export const MIGRATE_REASONS = ['unspecified', 'first', 'gone', 'better', 'doubt', 'command', 'rekey'] as const
export type MigrateReason = (typeof MIGRATE_REASONS)[number]

export interface Hello {
  readonly incarnation: Uint8Array
  readonly knownIncarnation: Uint8Array
  readonly sessionsMax: number
  readonly holdSeconds: number
  readonly features: number
  readonly endpoints: readonly string[]
}

export type Control =
  | ({ readonly type: 'hello' } & Hello)
  | {
      readonly type: 'migrate'
      readonly epoch: number
      readonly reason: MigrateReason
      readonly endpoints: readonly string[]
    }
  | { readonly type: 'migrateAck'; readonly epoch: number; readonly accepted: boolean; readonly greatestEpoch: number }
  | { readonly type: 'endpointUpdate'; readonly endpoints: readonly string[] }
  | { readonly type: 'ping' | 'pong'; readonly id: number }
  | { readonly type: 'drain' | 'goodbye' }

export interface OpenRequest {
  /** 16 bytes, the same on both sidecars. */
  readonly sessionId: Uint8Array
  readonly host: string
  readonly port: number
  /** The application's address, `host:port`, as the near side saw it. */
  readonly client: string
}

export interface OpenResult {
  /** 0 when connected, else a wire code. */
  readonly code: number
  readonly remote: string
}

export const INCARNATION_BYTES = 16
export const SESSION_ID_BYTES = 16

export function encodeControl(message: Control): Uint8Array {
  const { type, ...body } = message
  const coded = message.type === 'migrate' ? { ...body, reason: MIGRATE_REASONS.indexOf(message.reason) } : body
  return ControlCodec.encode({ [type]: coded }).finish()
}

/**
 * @returns undefined for a message of a newer version, which is skipped
 * @throws RemoteError PROTOCOL_VIOLATION for anything that is no protobuf or breaks a stated bound
 */
export function decodeControl(bytes: Uint8Array): Control | undefined {
  const control = guard(() => ControlCodec.decode(bytes))
  if (control.hello) return readHello(control.hello)
  if (control.migrate) {
    const { epoch, reason, endpoints } = whole(control.migrate)
    return {
      type: 'migrate',
      epoch,
      reason: MIGRATE_REASONS[reason] ?? 'unspecified',
      endpoints: readEndpoints(endpoints),
    }
  }
  if (control.migrateAck) {
    const { epoch, accepted, greatestEpoch } = whole(control.migrateAck)
    return { type: 'migrateAck', epoch, accepted, greatestEpoch }
  }
  if (control.endpointUpdate)
    return { type: 'endpointUpdate', endpoints: readEndpoints(whole(control.endpointUpdate).endpoints) }
  if (control.ping) return { type: 'ping', id: whole(control.ping).id }
  if (control.pong) return { type: 'pong', id: whole(control.pong).id }
  if (control.drain) return { type: 'drain' }
  if (control.goodbye) return { type: 'goodbye' }
  return undefined
}

export function encodeOpenRequest(request: OpenRequest): Uint8Array {
  return OpenSessionCodec.encode(request).finish()
}

/** @throws RemoteError PROTOCOL_VIOLATION */
export function decodeOpenRequest(bytes: Uint8Array): OpenRequest {
  const { sessionId, host, port, client } = guard(() => OpenSessionCodec.decode(bytes))
  const isSound = sessionId.length === SESSION_ID_BYTES && isHost(host) && isHost(client)
  if (!isSound || port < 1 || port > 65_535 || host === '') {
    throw new RemoteError('PROTOCOL_VIOLATION', 'an OpenSession without a session ID, host or port')
  }
  // A view would pin the whole record for as long as the session lives.
  return { sessionId: copyBytes(sessionId), host, port, client }
}

export function encodeOpenResult(result: OpenResult): Uint8Array {
  return OpenResultCodec.encode(result).finish()
}

/** @throws RemoteError PROTOCOL_VIOLATION */
export function decodeOpenResult(bytes: Uint8Array): OpenResult {
  const { code, remote } = guard(() => OpenResultCodec.decode(bytes))
  if (!isHost(remote)) throw new RemoteError('PROTOCOL_VIOLATION', 'an OpenResult with an oversized address')
  return { code, remote }
}

/** @returns undefined when the destination is connected */
export function codeOfOpenResult(code: number): WireCode | undefined {
  return code === 0 ? undefined : codeOf(code)
}

function readHello(hello: holdfast.v1.Hello.$Properties): Control {
  const { incarnation, knownIncarnation, sessionsMax, holdSeconds, features, endpoints } = whole(hello)
  const isKnownSound = knownIncarnation.length === 0 || knownIncarnation.length === INCARNATION_BYTES
  if (incarnation.length !== INCARNATION_BYTES || !isKnownSound) {
    throw new RemoteError('PROTOCOL_VIOLATION', 'a Hello without a sound incarnation')
  }
  return {
    type: 'hello',
    incarnation: copyBytes(incarnation),
    knownIncarnation: copyBytes(knownIncarnation),
    sessionsMax,
    holdSeconds,
    features,
    endpoints: readEndpoints(endpoints),
  }
}

/** A message within a decoded one: none of its fields is missing, since prototypes hold the defaults. */
function whole<T>(message: T): { readonly [K in keyof T]-?: NonNullable<T[K]> } {
  return message as { readonly [K in keyof T]-?: NonNullable<T[K]> }
}

function readEndpoints(endpoints: readonly string[]): readonly string[] {
  return endpoints.filter(isHost).slice(0, LIMITS.endpointsPerPeerMax)
}

/** Printable and bounded: it goes to logs and tables. */
function isHost(text: string): boolean {
  return text.length <= LIMITS.hostBytesMax && /^[\x21-\x7e]*$/.test(text)
}

function guard<T>(decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    throw new RemoteError('PROTOCOL_VIOLATION', `a control message is no protobuf: ${(cause as Error).message}`)
  }
}
