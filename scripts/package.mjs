// Packs the built tree as it would be published, lets publint judge it, installs it in an empty folder as a user does, and runs
// the command and the library from there. Needs the registry, for the dependencies; so it is no part of npm test.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-package-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))

const tarball = pack()
run('node_modules/.bin/publint', ['run', tarball, '--strict'])
const user = install(tarball)
checkCommand(user)
checkLibrary(user)
console.log(`package: ok, holdfast ${version}`)

function pack() {
  // Without scripts: `prepare` would build anew, under the feet of whoever uses this tree.
  const [packed] = JSON.parse(run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]))
  const names = packed.files.map(({ path }) => path)
  for (const name of [
    'build/src/index.js',
    'build/src/index.d.ts',
    'build/src/cli/main.js',
    'build/config.schema.json',
  ]) {
    demand(names.includes(name), `${name} is not in the package`)
  }
  const strays = names.filter(name => /^(test|bench|src|scripts|build\/test|build\/bench)\/|tsbuildinfo$/.test(name))
  demand(strays.length === 0, `these do not belong into the package: ${strays.join(', ')}`)
  console.log(`package: ${names.length} files, ${packed.size} bytes packed, ${packed.unpackedSize} unpacked`)
  return join(folder, packed.filename)
}

function install(tarball) {
  const user = join(folder, 'user')
  mkdirSync(user)
  writeFileSync(join(user, 'package.json'), '{"name":"user","private":true,"type":"module"}')
  run('npm', ['install', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', tarball], user)
  return user
}

function checkCommand(user) {
  const holdfast = (...args) => run(join(user, 'node_modules/.bin/holdfast'), args, user)
  const said = holdfast('--version').trim()
  demand(said === version, `--version says ${said}, and package.json ${version}`)
  const peerId = holdfast('init').trim()
  demand(holdfast('id').trim() === peerId, 'init and id name different peers')
  holdfast('up', '--check')
}

/** Beside the identity that `holdfast init` made. */
function checkLibrary(user) {
  const program = `
    import { readFileSync } from 'node:fs'
    import { createRequire } from 'node:module'
    import { ConfigError, createSidecar } from 'holdfast'

    const sidecar = createSidecar({ identity: 'identity.pem', listen: ['tcp://127.0.0.1:0'] })
    await sidecar.start()
    if (sidecar.status().listening.length !== 1) throw new Error('it does not listen')
    await sidecar.stop()
    try {
      createSidecar({ hold: 'soon' })
      throw new Error('a fault was taken')
    } catch (error) {
      if (!(error instanceof ConfigError) || error.faults.length !== 1) throw error
    }
    const schema = createRequire(import.meta.url).resolve('holdfast/config.schema.json')
    if (JSON.parse(readFileSync(schema, 'utf8')).title !== 'Holdfast configuration') throw new Error('another schema')
    console.log('library: ok')
  `
  writeFileSync(join(user, 'example.js'), program)
  demand(existsSync(join(user, 'identity.pem')), 'init wrote no identity')
  run(process.execPath, ['example.js'], user)
}

/** @returns what it wrote to stdout */
function run(command, args, cwd = process.cwd()) {
  const { status, stdout, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  demand(status === 0, `${command} ${args.join(' ')} ended with ${status ?? error}:\n${stdout}`)
  return stdout
}

function demand(isMet, fault) {
  if (isMet) return
  console.error(`package: ${fault}`)
  process.exit(1)
}
