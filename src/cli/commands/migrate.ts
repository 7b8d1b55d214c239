import { requestMigrate } from '../../admin/admin-client.ts'
import { findSocket, type SocketOptions } from '../find-socket.ts'

export async function migrate(options: SocketOptions & { readonly peer?: string }): Promise<void> {
  const results = await requestMigrate(await findSocket(options), options.peer)
  for (const { peer, code, message } of results) process.stdout.write(`${peer}: ${message} (${code})\n`)
  if (!results.some(({ code }) => code === 'moved')) process.exitCode = 1
}
