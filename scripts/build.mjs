// Compiles every layer to build/. `--clean` first removes output of files that no longer exist.
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'

const run = (bin, ...args) => {
  const { status } = spawnSync(`node_modules/.bin/${bin}`, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
const node = script => {
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
if (process.argv.includes('--clean')) rmSync('build', { recursive: true, force: true })
if (!existsSync('.tap/test-built')) run('tap', 'build')
run('tsc', '-b')
// tsc cannot emit declarations for generated protobuf code (TS9005), so the module travels beside its .d.ts as it is.
mkdirSync('build/src/wire', { recursive: true })
copyFileSync('src/wire/control.gen.js', 'build/src/wire/control.gen.js')
// tsc knows no modes, and a link to the command must be one that can be run.
chmodSync('build/src/cli/main.js', 0o755)
// The JSON Schema of holdfast.yaml, for editors.
node('scripts/schema.mjs')
