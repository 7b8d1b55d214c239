/**
 * The kinds of error. A lost carrier is none of them: it is normal life, an event.
 *
 * - Bug (assert.ts): the program is wrong.
 * - RemoteError: the peer broke a rule; it closes that session or carrier and nothing else.
 * - OperatorError: something a person set up is wrong; a sentence that says what, where, why and what to do.
 * - ConfigError: an OperatorError that lists every fault at once.
 */
import { CODES, type Code, type WireCode } from './codes.ts'

export class RemoteError extends Error {
  override name = 'RemoteError'
  readonly code: WireCode

  constructor(code: WireCode, detail: string = CODES[code].says) {
    super(detail)
    this.code = code
  }
}

export class OperatorError extends Error {
  override name = 'OperatorError'
  readonly code: Code

  /** @param message a whole sentence with the values and what to do */
  constructor(code: Code, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** One fault of a configuration: where it is, what was found, and what to write instead. */
export interface ConfigFault {
  /** Path in the document, such as `peers[0].endpoints[1]`. */
  readonly path: string
  /** 1-based line in the file, or undefined when the configuration came from code. */
  readonly line?: number
  readonly message: string
}

export class ConfigError extends OperatorError {
  override name = 'ConfigError'
  readonly faults: readonly ConfigFault[]

  constructor(file: string, faults: readonly ConfigFault[]) {
    const lines = faults.map(
      fault => `  ${file}${fault.line === undefined ? '' : `:${fault.line}`} ${fault.path}: ${fault.message}`,
    )
    super(
      'CONFIG_INVALID',
      [`the configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}:`, ...lines].join('\n'),
    )
    this.faults = faults
  }
}
