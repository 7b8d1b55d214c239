// Regenerates src/wire/control.gen.js and .d.ts from the protocol definition.
import { spawnSync } from 'node:child_process'

const run = (bin, ...args) => {
  const { status } = spawnSync(`node_modules/.bin/${bin}`, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
const out = 'src/wire/control.gen'
run(
  'pbjs',
  '-t',
  'static-module',
  '-w',
  'esm',
  '-d',
  '--force-number',
  '--no-create',
  '--no-verify',
  '--no-convert',
  '--no-delimited',
  '--no-typeurl',
  '--no-service',
  '-o',
  `${out}.js`,
  'proto/holdfast/v1/control.proto',
)
run('pbts', '--no-comments', '-o', `${out}.d.ts`, `${out}.js`)
