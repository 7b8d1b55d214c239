/** Runs one sidecar in the foreground until a signal ends it, or there is no use in going on. */
import { LIMITS } from '../base/limits.ts'
import type { Config } from '../config/config.ts'
import type { Identity } from '../secure/identity.ts'
import type { Log, Sidecar, SidecarOptions } from '../sidecar/sidecar-api.ts'
import { letHeapGrow } from './heap.ts'
import { outliveReaders } from './standard-streams.ts'

export interface RunOptions {
  readonly config: Config
  readonly identity: Identity
  readonly log: Log
  readonly create: (options: SidecarOptions) => Sidecar
  /** Called once everything listens: say so. */
  onReady(sidecar: Sidecar): void
  /** Rejects when there is no use in going on. */
  readonly over?: Promise<never>
}

/**
 * Stops in order at SIGTERM, SIGINT (Ctrl+C; on Windows Ctrl+Break, too) or SIGHUP (its terminal is closed) within
 * LIMITS.shutdownMs; a second signal ends the process at once.
 * @returns the exit code
 * @throws OperatorError when something cannot be listened on or read, and what `over` rejects with; nothing stays behind then
 */
export async function runSidecar({ config, identity, log, create, onReady, over }: RunOptions): Promise<number> {
  letHeapGrow()
  outliveReaders()
  const stop = signalled()
  const sidecar = create({ config, identity, log })
  // First, so that a second sidecar of the same configuration says so, rather than that some port is taken.
  const admin = await startAdmin(config.admin.socket, sidecar)
  try {
    await sidecar.start()
    onReady(sidecar)
    const signal = await Promise.race([stop, over ?? stop])
    log.info(`stopping on ${signal}`)
  } catch (error) {
    await Promise.all([sidecar.stop(), admin.close()])
    throw error
  }
  const deadline = setTimeout(() => {
    log.warn('what did not end in time was cut', { shutdownMs: LIMITS.shutdownMs })
    process.exit(1)
  }, LIMITS.shutdownMs)
  await Promise.all([sidecar.stop(), admin.close()])
  clearTimeout(deadline)
  return 0
}

async function startAdmin(socket: string | undefined, sidecar: Sidecar): Promise<{ close(): Promise<void> }> {
  if (socket === undefined) return { close: async () => {} }
  const { startAdminServer } = await import('../admin/admin-server.ts')
  return startAdminServer(socket, sidecar)
}

function signalled(): Promise<string> {
  return new Promise(resolve => {
    let count = 0
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGBREAK', 'SIGHUP'] as const) {
      process.on(signal, () => {
        // A terminal that is closed says so twice: its shell does, and the kernel.
        if (count++ > 0 && signal !== 'SIGHUP') process.exit(1)
        resolve(signal)
      })
    }
  })
}
