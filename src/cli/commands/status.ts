import { setTimeout as wait } from 'node:timers/promises'
import { fetchStatus } from '../../admin/admin-client.ts'
import type { StatusReport } from '../../sidecar/status.ts'
import { findSocket, type SocketOptions } from '../find-socket.ts'
import { renderStatus } from '../status-text.ts'

export interface StatusOptions extends SocketOptions {
  readonly json?: boolean
  readonly watch?: boolean
}

const WATCH_MS = 1_000
/** Cursor to the top left, and the screen cleared. */
const HOME = '\x1b[H\x1b[2J'

export async function status(options: StatusOptions): Promise<void> {
  const socket = await findSocket(options)
  const { stdout } = process
  for (;;) {
    const report = await fetchStatus(socket)
    const text = options.json === true ? json(report, options.watch === true) : picture(report)
    stdout.write(options.watch === true && stdout.isTTY ? HOME + text : text)
    if (options.watch !== true) return
    await wait(WATCH_MS)
  }
}

/** One line for each report when there are several. */
function json(report: StatusReport, isCompact: boolean): string {
  return `${JSON.stringify(report, null, isCompact ? 0 : 2)}\n`
}

function picture(report: StatusReport): string {
  const isTerminal = process.stdout.isTTY === true
  const hasColor = isTerminal && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
  return renderStatus(report, { hasColor, columns: isTerminal ? process.stdout.columns : Number.POSITIVE_INFINITY })
}
