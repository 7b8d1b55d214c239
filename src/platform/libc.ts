/**
 * The few libc calls that Node lacks, through koffi; Linux only. Everywhere else, where koffi cannot load, and where
 * Linux is switched off (system.ts), there is no Libc and callers use what Node has.
 *
 * koffi costs several MiB, so it is loaded at the first call, and once per process: the loaded library is the one
 * piece of module state here, and it never changes after that. Other files of platform/ declare their own functions
 * with `declare`. Functions are declared as non-variadic; on the Linux ABIs of Node that is the same call.
 */
import { createRequire } from 'node:module'
import { isLinux } from './system.ts'

/** A libc function; out parameters are one-element arrays. `async` runs it on one of libuv's threads. */
export interface LibcFunction {
  (...args: unknown[]): number
  async(...args: unknown[]): unknown
}

export interface Libc {
  /** Declares a function by its C prototype. @throws when libc has none of this name */
  declare(prototype: string): LibcFunction
  /** Why the last call returned -1. */
  errno(): number
}

/** The part of koffi used here; spelled out so that its types are not loaded with ours. */
interface Koffi {
  load(path: string | null): { func(prototype: string): LibcFunction }
  errno(): number
}

let loaded: { readonly libc: Libc | undefined } | undefined

/**
 * @param architectures whose constants the caller knows; any by default
 * @returns undefined on other systems than Linux, and where koffi cannot load
 */
export function loadLibc(architectures?: readonly string[]): Libc | undefined {
  if (!isLinux(architectures)) return undefined
  loaded ??= { libc: load() }
  return loaded.libc
}

function load(): Libc | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi
    // No path: the libc that Node itself runs on, whatever its file is called (glibc, musl).
    const library = koffi.load(null)
    return { declare: prototype => library.func(prototype), errno: () => koffi.errno() }
  } catch {
    return undefined
  }
}
