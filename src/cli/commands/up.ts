import { readIdentityFile } from '../../config/identity-file.ts'
import { loadIdentity } from '../../secure/identity.ts'
import { findConfig } from '../find-config.ts'
import { createLog, type LogFormat, type LogLevel } from '../log.ts'
import { runSidecar } from '../run.ts'

export interface UpOptions {
  readonly config?: string
  readonly check?: boolean
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

export async function up(options: UpOptions): Promise<void> {
  const file = findConfig(options.config)
  // zod and yaml cost memory: they are loaded for this moment only.
  const { loadConfig } = await import('../../config/load.ts')
  const unchecked = loadConfig(file)
  const identity = loadIdentity(readIdentityFile(unchecked.identity))
  const config = loadConfig(file, identity.peerId)
  if (options.check === true) {
    process.stdout.write(`ok: ${file} has ${config.peers.length} peers and ${config.forward.length} forwards\n`)
    return
  }
  process.exitCode = await runSidecar({
    config,
    identity,
    log: createLog(options.logLevel, options.logFormat),
    onReady: sidecar => {
      const where = sidecar.listening.length === 0 ? 'nothing (this host only dials)' : sidecar.listening.join(', ')
      const forwards = sidecar.forwards.map(({ listen, peer, to }) => `${listen} -> ${peer} ${to}`).join(', ') || 'no forwards'
      process.stdout.write(`ready: ${sidecar.peerId} listening on ${where}; ${forwards}; admin socket ${config.admin.socket}\n`)
    },
  })
}
