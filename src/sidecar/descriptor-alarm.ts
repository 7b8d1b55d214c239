/**
 * Says when there are no file descriptors left, and when there are again. Without it nothing would be said: the runtime
 * accepts a connection then and closes it at once, and tells nobody. Keeps no process alive.
 */
import { LIMITS } from '../base/limits.ts'
import { isDescriptorLeft } from '../platform/descriptors.ts'
import type { Log } from './sidecar-api.ts'

const NONE_LEFT =
  'no file descriptors are left: new connections are closed at once and paths cannot be made, what runs goes on. Give ' +
  'the service well above one for each connection (LimitNOFILE, ulimit -n), or open fewer at a time'

export class DescriptorAlarm {
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  #wasLeft = true

  constructor(log: Log) {
    this.#log = log
    this.#timer = setInterval(() => this.#look(), LIMITS.descriptorLookMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const isLeft = isDescriptorLeft()
    if (isLeft === this.#wasLeft) return
    this.#wasLeft = isLeft
    if (isLeft) this.#log.info('there are file descriptors again')
    else this.#log.error(NONE_LEFT, { code: 'OVERLOADED' })
  }
}
