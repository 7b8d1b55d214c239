/** File descriptors of this process. */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { devNull } from 'node:os'
import { isLinux } from './system.ts'

/** Of this process, and of the whole host. */
const SHORTAGES: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE'])

/** Whether one more can be had: it is opened and closed again. */
export function isDescriptorLeft(): boolean {
  try {
    closeSync(openSync(devNull, 'r'))
    return true
  } catch (error) {
    return !SHORTAGES.has((error as NodeJS.ErrnoException).code)
  }
}

/** @returns how many are open and how many may be; undefined on other systems than Linux, and where /proc cannot be read */
export function descriptorCounts(): { readonly open: number; readonly max: number } | undefined {
  if (!isLinux()) return undefined
  try {
    const max = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1])
    // One is that of reading the directory.
    return Number.isNaN(max) ? undefined : { open: readdirSync('/proc/self/fd').length - 1, max }
  } catch {
    return undefined
  }
}
