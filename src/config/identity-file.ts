import { readFileSync, statSync } from 'node:fs'
import { OperatorError } from '../base/errors.ts'
import { hasFileModes } from '../platform/system.ts'

/**
 * Reads a private key that only its user may read.
 * @throws OperatorError IDENTITY_EXPOSED when others can, FILE_UNREADABLE
 */
export function readIdentityFile(file: string): string {
  const text = readTextFile(file, { ENOENT: 'run `holdfast init` first, or mend `identity` in the configuration' })
  const mode = statSync(file).mode & 0o777
  if (hasFileModes() && (mode & 0o077) !== 0) {
    const shown = mode.toString(8).padStart(4, '0')
    throw new OperatorError(
      'IDENTITY_EXPOSED',
      `others can read the identity ${file} (mode ${shown}): chmod 600 ${file}`,
    )
  }
  return text
}

/** What to do where a file cannot be read, by the code of the fault. */
const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'let the user that runs this read the file and enter its folders',
}

/**
 * @param todo what to do where that is something else
 * @throws OperatorError FILE_UNREADABLE
 */
export function readTextFile(file: string, todo: Readonly<Record<string, string>> = {}): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : message
    const advice = { ...ADVICE, ...todo }[String(code)] ?? 'check the path and its permissions'
    throw new OperatorError('FILE_UNREADABLE', `cannot read ${file}: ${why}; ${advice}`, { cause })
  }
}
