/** Where the configuration of this user is. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { OperatorError } from '../base/errors.ts'
import { atHome } from '../config/home.ts'

export const CONFIG_FILE = 'holdfast.yaml'

/** @throws OperatorError CONFIG_MISSING naming every place that was looked at */
export function findConfig(named: string | undefined): string {
  const places =
    named === undefined ? [resolve(CONFIG_FILE), join(userDirectory(), CONFIG_FILE)] : [resolve(atHome(named))]
  const found = places.find(place => existsSync(place))
  if (found !== undefined) return found
  const todo = 'run `holdfast init`, or name a file with --config'
  throw new OperatorError('CONFIG_MISSING', `there is no configuration at ${places.join(' or ')}: ${todo}`)
}

function userDirectory(): string {
  if (process.platform === 'win32') return join(process.env['APPDATA'] ?? homedir(), 'holdfast')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'holdfast')
  return join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'holdfast')
}
