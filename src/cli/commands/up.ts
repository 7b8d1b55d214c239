import { ConfigError } from '../../base/errors.ts'
import type { OutsideCheck } from '../../config/check.ts'
import type { Config } from '../../config/config.ts'
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
  const config = await load(file)
  const identity = identityOf(config.identity)
  if (options.check === true) {
    process.stdout.write(`ok: ${file}: ${count(config.peers, 'peer')}, ${count(config.forward, 'forward')}\n`)
    if (isIdle(config))
      process.stdout.write(
        'hint: it has neither listen nor peers nor forward nor proxy, and a sidecar with it does nothing\n',
      )
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
      for (const { listen, peer } of sidecar.proxies) log.info('proxy', { listen, peer })
      process.stdout.write(`${readyLine(sidecar, config.admin.socket, options.logFormat)}\n`)
    },
  })
}

/** zod and yaml cost memory: serve and connect go without them. */
async function load(file: string): Promise<Config> {
  const { loadConfig } = await import('../../config/load.ts')
  const { reportFiles } = await import('../named-files.ts')
  const { reportLinuxOnly } = await import('../linux-only.ts')
  const reportOutside: OutsideCheck = (value, directory, report) => {
    reportLinuxOnly(value, report)
    reportFiles(value, directory, report)
  }
  try {
    return loadConfig(file, peerIdOf, reportOutside)
  } catch (error) {
    // Alone, what is wrong with the identity has a code of its own.
    const isIdentity = error instanceof ConfigError && error.faults.every(({ path }) => path === 'identity')
    if (isIdentity) identityOf(loadConfig(file).identity)
    throw error
  }
}

function isIdle({ listen, peers, forward, proxy }: Config): boolean {
  return listen.length + peers.length + forward.length + proxy.length === 0
}

/** Scripts wait for a line that begins with `ready: `, or, where they read JSON, has `"message":"ready"`. */
function readyLine(sidecar: Sidecar, socket: string | undefined, format: LogFormat): string {
  const { peerId, listening, forwards } = sidecar
  if (format === 'json') {
    const time = new Date().toISOString()
    return JSON.stringify({ time, level: 'info', message: 'ready', peerId, listening, forwards, socket })
  }
  const where = listening.length === 0 ? 'not listening (this host only dials)' : `listening on ${listening.join(', ')}`
  return `ready: ${peerId} ${where}, ${count(forwards, 'forward')}, admin socket ${socket}`
}

function count(things: readonly unknown[], word: string): string {
  return `${things.length} ${word}${things.length === 1 ? '' : 's'}`
}
