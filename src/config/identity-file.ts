import { readFileSync, statSync } from 'node:fs'
import { OperatorError } from '../base/errors.ts'

/**
 * Reads a private key that only its user may read.
 * @throws OperatorError IDENTITY_EXPOSED when others can, FILE_UNREADABLE
 */
export function readIdentityFile(file: string): string {
  const text = readTextFile(file, 'run `holdfast init` first, or mend `identity` in the configuration')
  const mode = statSync(file).mode & 0o777
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    const shown = mode.toString(8).padStart(4, '0')
    throw new OperatorError(
      'IDENTITY_EXPOSED',
      `others can read the identity ${file} (mode ${shown}): chmod 600 ${file}`,
    )
  }
  return text
}

/** @throws OperatorError FILE_UNREADABLE */
export function readTextFile(file: string, todo = 'check the path and its permissions'): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : message
    throw new OperatorError('FILE_UNREADABLE', `cannot read ${file}: ${why}; ${todo}`, { cause })
  }
}
