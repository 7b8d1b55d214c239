/** Where the configuration of this user is. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { OperatorError } from '../base/errors.ts'
import { atHome } from '../config/home.ts'
import { configDirectory } from '../platform/system.ts'

export const CONFIG_FILE = 'holdfast.yaml'

/** @throws OperatorError CONFIG_MISSING naming every place that was looked at */
export function findConfig(named: string | undefined): string {
  const places =
    named === undefined
      ? [resolve(CONFIG_FILE), join(configDirectory(), 'holdfast', CONFIG_FILE)]
      : [resolve(atHome(named))]
  const found = places.find(place => existsSync(place))
  if (found !== undefined) return found
  const todo = 'run `holdfast init`, or name a file with --config'
  throw new OperatorError('CONFIG_MISSING', `there is no configuration at ${places.join(' or ')}: ${todo}`)
}
