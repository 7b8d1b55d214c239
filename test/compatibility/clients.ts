/** The rows of the matrix. */
import type { Client } from './client.ts'
import { DATABASES } from './clients/databases.ts'
import { SHELLS } from './clients/shells.ts'
import { WEB } from './clients/web.ts'

export const CLIENTS: readonly Client[] = [...WEB, ...SHELLS, ...DATABASES]

/** Short, and of each kind one: what is played at every change. */
export const BOUNDED = ['curl HTTP/1.1', 'ssh', 'git over ssh', 'redis-cli', 'psql']
