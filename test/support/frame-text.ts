import { codeOf } from '../../src/base/codes.ts'
import { byteLength } from '../../src/wire/bytes.ts'
import { type Control, decodeControl, encodeControl } from '../../src/wire/control.ts'
import { controlFrame, FLAG_FIN, FLAG_OPEN, readInnerFrames } from '../../src/wire/inner-frame.ts'

/** The frames of a record in words, such as `DATA 2 @1+5 FIN`, `ACK 2 7/16385`, `MIGRATE 1 first`. */
export function frameTexts(record: readonly Uint8Array[]): string[] {
  const texts: string[] = []
  readInnerFrames(record, {
    onData: (ref, offset, flags, payload) => {
      const open = (flags & FLAG_OPEN) === 0 ? '' : ' OPEN'
      const size = open === '' ? `+${byteLength(payload)}` : ''
      texts.push(`DATA ${ref} @${offset}${size}${open}${(flags & FLAG_FIN) === 0 ? '' : ' FIN'}`)
    },
    onAck: (ref, received, limit) => texts.push(`ACK ${ref} ${received}/${limit}`),
    onReset: (ref, code, finalOffset) => texts.push(`RESET ${ref} ${codeOf(code)} @${finalOffset}`),
    onGone: ref => texts.push(`GONE ${ref}`),
    onControl: body => texts.push(controlText(decodeControl(body))),
  })
  return texts
}

export function control(message: Control): Uint8Array {
  return controlFrame(encodeControl(message))
}

function controlText(message: Control | undefined): string {
  switch (message?.type) {
    case 'ping':
    case 'pong':
      return `${message.type.toUpperCase()} ${message.id}`
    case 'migrate':
      return `MIGRATE ${message.epoch} ${message.reason}`
    case 'migrateAck':
      return `MIGRATE_ACK ${message.epoch} ${message.accepted ? 'yes' : 'no'} ${message.greatestEpoch}`
    case 'endpointUpdate':
      return `ENDPOINTS ${message.endpoints.join()}`
    default:
      return message?.type.toUpperCase() ?? 'UNKNOWN'
  }
}
