// Runs the tests that have to do with Node, and the demo, under other versions of it: by default 22, 24 and 26, or those named.
// Each comes from npm's package `node`, installed in a folder outside the project.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

const wanted = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24', '26']
// base, wire, session and config cannot name anything of Node's; the others are about texts, files and faults that no version
// changes. The demo is run by itself.
const LEFT_OUT = /^(base|wire|session|config|adversary|bad-input|cli-|demo|readme|short|stop-under-load)/
const tests = ['unit', 'process'].flatMap(name =>
  readdirSync(`build/test/${name}`)
    .filter(file => file.endsWith('.js') && !LEFT_OUT.test(file))
    .map(file => `build/test/${name}/${file}`),
)
const results = wanted.map(version => {
  const folder = mkdtempSync(join(tmpdir(), `node-${version}-`))
  try {
    return tryVersion(version, folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
for (const { line } of results) console.log(line)
process.exit(results.every(({ isGood }) => isGood) ? 0 : 1)

function tryVersion(version, folder) {
  const install = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', `node@${version}`]
  if (!run('npm', install)) return { isGood: false, line: `node ${version}: cannot be installed` }
  const bin = join(folder, 'node_modules', 'node', 'bin')
  const node = join(bin, 'node')
  const exact = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim()
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}` }
  console.log(`== node ${exact}`)
  const isTested = run(node, ['scripts/test.mjs', ...tests], env)
  const isShown = run(node, ['build/src/cli/main.js', 'demo', '--mode', 'loopback', '--seconds', '12'], env)
  const verdict = isOk => (isOk ? 'passed' : 'FAILED')
  return { isGood: isTested && isShown, line: `node ${exact}: tests ${verdict(isTested)}, demo ${verdict(isShown)}` }
}

function run(command, args, env = process.env) {
  return spawnSync(command, args, { stdio: 'inherit', env }).status === 0
}
