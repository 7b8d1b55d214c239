import { homedir } from 'node:os'
import { join } from 'node:path'

/** `~` and `~/…` are in this user's home, as a shell has it; nobody else's home is looked up. */
export function atHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}
