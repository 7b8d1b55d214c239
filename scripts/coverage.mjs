// npm run coverage: the pure tests, which must reach every line and branch of the folders below. tap reports only files that
// a test imported, so every compiled file is looked for in its report, too.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const FOLDERS = ['base', 'wire', 'session', 'secure', 'config']
const REPORT = '.tap/report/lcov.info'
const GENERATED = /\.gen\.js$/

const isPure = name => name.endsWith('.js') && FOLDERS.some(folder => name.startsWith(`${folder}-`))
const unit = readdirSync('build/test/unit')
  .filter(isPure)
  .map(name => `build/test/unit/${name}`)
const property = readdirSync('build/test/property')
  .filter(name => name.endsWith('.js'))
  .map(name => `build/test/property/${name}`)
const excluded = readdirSync('build/src', { withFileTypes: true })
  .map(entry => (entry.isDirectory() ? `src/${entry.name}/**` : `src/${entry.name.replace(/\.js$/, '.ts')}`))
  .filter(glob => !FOLDERS.some(folder => glob === `src/${folder}/**`))
const args = ['run', '--reporter=terse', '--allow-incomplete-coverage', '--coverage-report=lcovonly']
for (const glob of [...excluded, 'src/wire/*.gen.js', 'test/**']) args.push(`--coverage-exclude=${glob}`)
const { status } = spawnSync('node_modules/.bin/tap', [...args, ...unit, ...property], { stdio: 'inherit' })

const reported = new Map(readReport(readFileSync(REPORT, 'utf8')))
const gaps = FOLDERS.flatMap(folder => sourcesOf(folder).flatMap(gapsIn))
for (const gap of gaps) console.error(gap)
console.log(
  `${reported.size} files of ${FOLDERS.join(', ')}: ${gaps.length === 0 ? 'every line and branch' : `${gaps.length} gaps`}`,
)
process.exit(status || (gaps.length === 0 ? 0 : 1))

function sourcesOf(folder) {
  return readdirSync(`build/src/${folder}`, { recursive: true })
    .filter(name => name.endsWith('.js') && !GENERATED.test(name) && hasCode(`build/src/${folder}/${name}`))
    .map(name => `src/${folder}/${name.replace(/\.js$/, '.ts')}`)
}

/** A file of types alone compiles to nothing that could run. */
function hasCode(compiled) {
  return !readFileSync(compiled, 'utf8').startsWith('export {};')
}

function gapsIn(source) {
  return reported.get(source) ?? [`${source} is imported by no pure test`]
}

/** Files with their uncovered lines and branches, as `path:line`. */
function readReport(lcov) {
  return lcov
    .split('end_of_record\n')
    .filter(record => record.includes('SF:'))
    .map(record => {
      const path = /^SF:(.*)$/m.exec(record)[1]
      const lines = [...record.matchAll(/^DA:(\d+),0$/gm)].map(match => `${path}:${match[1]} is never run`)
      const branches = [...record.matchAll(/^BRDA:(\d+),\d+,\d+,(?:0|-)$/gm)].map(
        match => `${path}:${match[1]} has a branch never taken`,
      )
      return [path, [...new Set([...lines, ...branches])]]
    })
}
