// npm test: everything that needs neither root nor other programs. Arguments are options of tap (--fail-skip) and compiled
// test files, for some by themselves.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const FOLDERS = ['house', 'unit', 'property', 'conformance', 'sim', 'process']
const RESULTS = '.tap/test-results'

const options = process.argv.slice(2).filter(word => word.startsWith('--'))
const named = process.argv.slice(2).filter(word => !word.startsWith('--'))
const files =
  named.length > 0
    ? named
    : FOLDERS.map(name => `build/test/${name}`)
        .filter(existsSync)
        .flatMap(testsIn)
rmSync(RESULTS, { recursive: true, force: true })
const args = ['run', '--disable-coverage', '--reporter=terse', ...options, ...files]
const { status } = spawnSync('node_modules/.bin/tap', args, { stdio: 'inherit' })
if (status !== 0) tellSilent()
process.exit(status ?? 1)

/** A file is a test if it imports tap; the others support one. */
function testsIn(folder) {
  return readdirSync(folder)
    .filter(name => name.endsWith('.js'))
    .map(name => `${folder}/${name}`)
    .filter(path => readFileSync(path, 'utf8').includes("from 'tap'"))
}

/** The reporter shows assertions that failed, but neither what was skipped nor a file without any test. */
function tellSilent() {
  for (const name of existsSync(RESULTS) ? readdirSync(RESULTS, { recursive: true }) : []) {
    if (!name.endsWith('.tap')) continue
    const text = readFileSync(join(RESULTS, name), 'utf8')
    if (!/^ *(?:not )?ok\b/m.test(text)) console.error(`${name}: no test in it`)
    for (const [line] of text.matchAll(/^ *ok .*# (?:SKIP|TODO).*$/gim)) console.error(`${name}: ${line.trim()}`)
  }
}
