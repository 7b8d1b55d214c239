import { OperatorError } from '../base/errors.ts'
import { readIdentityFile } from '../config/identity-file.ts'
import { type Identity, loadIdentity } from '../secure/identity.ts'

/** @throws OperatorError FILE_UNREADABLE, IDENTITY_EXPOSED, IDENTITY_INVALID; each names the file */
export function identityOf(file: string): Identity {
  const pem = readIdentityFile(file)
  try {
    return loadIdentity(pem)
  } catch (cause) {
    if (!(cause instanceof OperatorError)) throw cause
    throw new OperatorError(cause.code, `${file}: ${cause.message}`, { cause })
  }
}

/** @returns undefined where there is no usable identity; somebody else says why */
export function peerIdOf(file: string): string | undefined {
  try {
    return identityOf(file).peerId
  } catch {
    return undefined
  }
}
