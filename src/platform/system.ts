/**
 * What this host is. Nobody else asks: what Linux alone has goes through `isLinux`, so it can be switched off on Linux, too.
 * With HOLDFAST_PLATFORM=portable there is what every system has: no calls of libc, no events of the kernel, no rules of
 * nftables, no namespaces. That is for tests, and to find out whether a fault is in one of those.
 */
import { homedir } from 'node:os'
import { join, win32 } from 'node:path'
import { OperatorError } from '../base/errors.ts'

const SWITCH = 'HOLDFAST_PLATFORM'

/** Whose constants are those of asm-generic (socket.h, ioctls.h). */
export const GENERIC_ARCHITECTURES: readonly string[] = ['x64', 'arm64', 'arm', 'ia32', 'riscv64', 'loong64', 's390x']
/** Of those, the ones that are little-endian and 64-bit, as structures of the kernel are read and written here. */
export const LITTLE_ENDIAN_64_ARCHITECTURES: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64']

/**
 * Whether the calls, programs and files of Linux may be used.
 * @param architectures those that the caller knows; any by default
 * @throws OperatorError USAGE when the switch has a value that is none
 */
export function isLinux(architectures: readonly string[] = [process.arch]): boolean {
  const value = process.env[SWITCH] ?? ''
  if (value !== '' && value !== 'portable') {
    throw new OperatorError('USAGE', `${SWITCH} is "${value}": write portable, or leave it out`)
  }
  return value === '' && process.platform === 'linux' && architectures.includes(process.arch)
}

/** Whether a mode says who may read a file. */
export function hasFileModes(): boolean {
  return process.platform !== 'win32'
}

/** Where programs keep the configuration of this user. */
export function configDirectory(): string {
  if (process.platform === 'win32') return process.env['APPDATA'] ?? homedir()
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support')
  return process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config')
}

/** What a local socket at `path` is called here: Windows has named pipes in place of sockets in the file system. */
export function localSocketName(path: string, platform: string = process.platform): string {
  if (platform !== 'win32' || /^[\\/]{2}[.?][\\/]pipe[\\/]/i.test(path)) return path
  return `\\\\?\\pipe\\${win32.resolve(path)}`
}

/** Whether a local socket is a file: it may be left behind by a process that was killed. */
export function hasSocketFiles(): boolean {
  return process.platform !== 'win32'
}
