import { requestMigrate } from '../../admin/admin-client.ts'
import { OperatorError } from '../../base/errors.ts'
import { findSocket, type SocketOptions } from '../find-socket.ts'

export interface MigrateOptions extends SocketOptions {
  readonly peer?: string
}

/**
 * Exit code 1 when nothing moved: the reasons go to stderr.
 * @throws OperatorError PEER_UNKNOWN_HERE, and what finding and asking the sidecar throw
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const results = await requestMigrate(await findSocket(options), options.peer)
  for (const { peer, code, message } of results) {
    if (code === 'moved') {
      process.stdout.write(`${peer}: ${message}\n`)
      continue
    }
    if (code === 'PEER_UNKNOWN_HERE') throw new OperatorError(code, message)
    process.stderr.write(`holdfast: ${peer}: ${message} (${code})\n`)
  }
  if (!results.some(({ code }) => code === 'moved')) process.exitCode = 1
}
