/**
 * Clocks of one program that jump while it runs, and nobody else's: libfaketime (Debian package faketime) answers it in the
 * kernel's place.
 *
 *     jump         wall   monotonic   uptime    as when
 *     step         yes    no          no        NTP or a person sets the clock
 *     sleep        yes    no          yes       the machine has slept
 *     standstill   yes    yes         yes       a virtual machine was stopped, and its clocks have gone on
 *
 * Node takes the uptime from /proc/uptime, of which libfaketime knows nothing, so another file is mounted over it, in the mount
 * namespace that `ip netns exec` has made for the program. An empty one makes Node ask for CLOCK_BOOTTIME, which libfaketime
 * moves together with the monotonic clock. For a sleep it is one that is ahead, and stands still there: no further sleep.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './shell.ts'

export type Jump = 'step' | 'sleep' | 'standstill'

/** How soon a jump is seen at the latest: libfaketime reads its file that often. */
const CACHE_SECONDS = 1
const UPTIME = '/proc/uptime'

export class FalseClocks {
  readonly kind: Jump
  readonly #directory: string
  readonly #offsetFile: string

  /** @param directory of the program: its files are made there */
  constructor(directory: string, kind: Jump) {
    this.kind = kind
    this.#directory = directory
    this.#offsetFile = join(directory, 'clock-offset')
    this.#write(0)
  }

  /** The command with these clocks. */
  wrap(command: readonly string[]): readonly string[] {
    const isMonotonicTrue = this.kind === 'standstill' ? 0 : 1
    const clocks = [
      'env',
      `LD_PRELOAD=${findLibrary()}`,
      `FAKETIME_TIMESTAMP_FILE=${this.#offsetFile}`,
      `FAKETIME_CACHE_DURATION=${CACHE_SECONDS}`,
      `FAKETIME_DONT_FAKE_MONOTONIC=${isMonotonicTrue}`,
      ...command,
    ]
    if (this.kind !== 'standstill') return clocks
    return ['sh', '-c', `mount --bind /dev/null ${UPTIME} && exec "$@"`, 'sh', ...clocks]
  }

  /** Forwards, or back; seen a second later at the latest. */
  async jump(pid: number, ms: number): Promise<void> {
    this.#write(ms / 1_000)
    if (this.kind !== 'sleep') return
    const ahead = join(this.#directory, 'uptime')
    writeFileSync(ahead, `${Number(readFileSync(UPTIME, 'utf8').split(' ')[0]) + ms / 1_000} 0.00\n`)
    await run(['nsenter', '--target', String(pid), '--mount', 'mount', '--bind', ahead, UPTIME])
  }

  /** Removes what libfaketime leaves of a program that was killed. */
  sweep(pid: number): void {
    for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
      rmSync(join('/dev/shm', name), { force: true })
  }

  /** At once: a file that is read half written would end the program. */
  #write(seconds: number): void {
    const next = `${this.#offsetFile}.next`
    writeFileSync(next, `${seconds < 0 ? '' : '+'}${seconds}\n`)
    renameSync(next, this.#offsetFile)
  }
}

/** Where Debian has it: /usr/lib/ARCHITECTURE/faketime. @throws Error when it is not installed */
function findLibrary(): string {
  const files = readdirSync('/usr/lib').map(name => join('/usr/lib', name, 'faketime/libfaketimeMT.so.1'))
  const found = files.find(existsSync)
  if (found === undefined)
    throw new Error('there is no libfaketimeMT.so.1 below /usr/lib: install the package faketime')
  return found
}
