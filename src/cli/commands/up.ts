import type { Config } from '../../config/config.ts'
import { readTextFile } from '../../config/identity-file.ts'
import { printableConfig } from '../../config/redact.ts'
import type { Sidecar } from '../../sidecar/sidecar-api.ts'
import { findConfig } from '../find-config.ts'
import { identityOf, peerIdOf } from '../identity-of.ts'
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
  // zod and yaml cost memory: serve and connect go without them.
  const { loadConfig } = await import('../../config/load.ts')
  const config = loadConfig(file, peerIdOf)
  const identity = identityOf(config.identity)
  for (const named of filesOf(config)) readTextFile(named)
  if (options.check === true) {
    process.stdout.write(`ok: ${file}: ${count(config.peers, 'peer')}, ${count(config.forward, 'forward')}\n`)
    return
  }
  const log = createLog(options.logLevel, options.logFormat)
  log.debug('configuration', printableConfig(config))
  const { createSidecar } = await import('../../sidecar/sidecar.ts')
  process.exitCode = await runSidecar({
    config,
    identity,
    log,
    create: createSidecar,
    onReady: sidecar => {
      for (const { listen, peer, to } of sidecar.forwards) log.info('forwarding', { listen, peer, to })
      process.stdout.write(`${readyLine(sidecar, config.admin.socket)}\n`)
    },
  })
}

/** Scripts wait for a line that begins with `ready: `. */
function readyLine({ peerId, listening, forwards }: Sidecar, socket: string | undefined): string {
  const where = listening.length === 0 ? 'not listening (this host only dials)' : `listening on ${listening.join(', ')}`
  return `ready: ${peerId} ${where}, ${count(forwards, 'forward')}, admin socket ${socket}`
}

function filesOf(config: Config): readonly string[] {
  const tls = config.listen.flatMap(one => (one.tls === undefined ? [] : [one.tls.certFile, one.tls.keyFile]))
  return config.ca === undefined ? tls : [...tls, config.ca]
}

function count(things: readonly unknown[], word: string): string {
  return `${things.length} ${word}${things.length === 1 ? '' : 's'}`
}
