/** What a reader may do with bytes from outside: take them, or refuse them with a code. */
import { strict as assert } from 'node:assert'
import { CODES, type Code } from '../../src/base/codes.ts'
import { RemoteError } from '../../src/base/errors.ts'

/**
 * @returns the code of the refusal, or undefined
 * @throws what was thrown, if it is another error, or a refusal with another code
 */
export function refusalOf(read: () => void, codes: readonly Code[]): Code | undefined {
  try {
    read()
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error
    assert(codes.includes(error.code), `refused with ${error.code}, which is not one of ${codes.join()}`)
    assert(error.code in CODES)
    return error.code
  }
  return undefined
}
