/**
 * Rules of the kernel that are this process's: they go when they are needed no more, and also when it ends out of order, as long
 * as it ends by itself. What could not be removed, the next start replaces.
 */
import type { Log } from './sidecar-api.ts'

export class OwnRules {
  readonly #remove: () => void

  /** @param remove throws an error whose message says why they stay */
  constructor(remove: () => void) {
    this.#remove = remove
    process.once('exit', this.#handleExit)
  }

  /** Harmless when repeated. */
  remove(log: Log): void {
    process.removeListener('exit', this.#handleExit)
    try {
      this.#remove()
    } catch (error) {
      log.error(`rules stay behind: ${(error as Error).message}`)
    }
  }

  readonly #handleExit = () => {
    try {
      this.#remove()
    } catch {
      // There is nobody left to tell.
    }
  }
}
