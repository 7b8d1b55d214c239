// npm test: everything that needs neither root nor other programs. Arguments are options of tap (--fail-skip) and compiled
// test files, for some by themselves.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

const FOLDERS = ['house', 'unit', 'property', 'conformance', 'sim', 'process']
const NOT_TESTS = new Set(['main.js', 'world.js', 'host.js', 'clock.js', 'network.js', 'application.js'])

const options = process.argv.slice(2).filter(word => word.startsWith('--'))
const named = process.argv.slice(2).filter(word => !word.startsWith('--'))
const files =
  named.length > 0
    ? named
    : FOLDERS.map(name => `build/test/${name}`)
        .filter(existsSync)
        .flatMap(testsIn)
const args = ['run', '--disable-coverage', '--reporter=terse', ...options, ...files]
const { status } = spawnSync('node_modules/.bin/tap', args, { stdio: 'inherit' })
process.exit(status ?? 1)

function testsIn(folder) {
  return readdirSync(folder)
    .filter(name => name.endsWith('.js') && !(folder.endsWith('sim') && NOT_TESTS.has(name)))
    .map(name => `${folder}/${name}`)
}
