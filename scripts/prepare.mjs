// Runs after `npm ci`: builds, except in a production install, where there is no compiler.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

if (existsSync('node_modules/typescript')) {
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs', '--clean'], { stdio: 'inherit' })
  process.exit(status ?? 1)
}
