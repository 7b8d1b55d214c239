import { fetchStatus } from '../../admin/admin-client.ts'
import { findSocket, type SocketOptions } from '../find-socket.ts'
import { renderStatus } from '../status-text.ts'

export async function status(options: SocketOptions & { readonly json?: boolean }): Promise<void> {
  const report = await fetchStatus(await findSocket(options))
  const hasColor = process.stdout.isTTY === true && !process.env['NO_COLOR']
  process.stdout.write(options.json === true ? `${JSON.stringify(report, null, 2)}\n` : renderStatus(report, hasColor))
}
