import { resolve } from 'node:path'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { atHome } from '../config/home.ts'
import { findConfig } from './find-config.ts'

export interface SocketOptions {
  readonly config?: string
  readonly socket?: string
}

/**
 * The admin socket of the running sidecar: named, or as its configuration says.
 * @throws OperatorError CONFIG_MISSING, CONFIG_INVALID, FILE_UNREADABLE, USAGE
 */
export async function findSocket({ config, socket }: SocketOptions): Promise<string> {
  if (socket === undefined) {
    const { loadConfig } = await import('../config/load.ts')
    return loadConfig(findConfig(config)).admin.socket!
  }
  const path = atHome(socket)
  if (Buffer.byteLength(resolve(path)) <= LIMITS.socketPathBytesMax) return path
  throw new OperatorError(
    'USAGE',
    `--socket ${socket} has more than ${LIMITS.socketPathBytesMax} bytes: no socket can be there`,
  )
}
