/** Runs one sidecar in the foreground until a signal ends it. */
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import type { Config } from '../config/config.ts'
import type { Identity } from '../secure/identity.ts'
import { createSidecar } from '../sidecar/sidecar.ts'
import type { Log, Sidecar } from '../sidecar/sidecar-api.ts'

export interface RunOptions {
  readonly config: Config
  readonly identity: Identity
  readonly log: Log
  /** Called once everything listens: say so. */
  onReady(sidecar: Sidecar): void
}

/** @returns the exit code, after SIGTERM or SIGINT; a second signal ends at once */
export async function runSidecar({ config, identity, log, onReady }: RunOptions): Promise<number> {
  const stop = signalled()
  const sidecar = createSidecar({ config, identity, log })
  await sidecar.start()
  let closeAdmin = async () => {}
  try {
    if (config.admin.socket !== undefined) {
      const { startAdminServer } = await import('../admin/admin-server.ts')
      const admin = await startAdminServer(config.admin.socket, sidecar)
      closeAdmin = () => admin.close()
    }
  } catch (error) {
    await sidecar.stop()
    throw error
  }
  onReady(sidecar)
  const signal = await stop
  log.info(`stopping on ${signal}`)
  const deadline = setTimeout(() => process.exit(1), LIMITS.shutdownMs)
  await Promise.all([sidecar.stop(), closeAdmin()])
  clearTimeout(deadline)
  return 0
}

function signalled(): Promise<string> {
  return new Promise(resolve => {
    let count = 0
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (count++ > 0) process.exit(1)
        resolve(signal)
      })
    }
  })
}

export function isOperatorError(error: unknown): error is OperatorError {
  return error instanceof OperatorError
}
