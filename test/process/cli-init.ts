import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCli, temporaryDirectory } from '../support/cli.ts'

const PEER_ID = /^hf1[a-z2-7]{51}[aq]\n$/

t.test(
  'init makes an identity for its user alone and a configuration that is good, and prints the peer ID',
  async t => {
    const directory = join(temporaryDirectory(t), 'made', 'anew')
    const { code, stdout, stderr } = await runCli(['init', '--dir', directory])
    t.equal(code, 0)
    t.equal(stderr, '')
    t.match(stdout, PEER_ID)
    t.equal(statSync(join(directory, 'identity.pem')).mode & 0o777, 0o600)
    const yaml = readFileSync(join(directory, 'holdfast.yaml'), 'utf8')
    t.match(yaml, stdout.trim(), 'the peer ID is in the comments')
    t.ok(yaml.split('\n').filter(line => line.startsWith('#')).length > 10, 'it has comments')
    const check = await runCli(['up', '--check', '--config', join(directory, 'holdfast.yaml')])
    t.same(check, { code: 0, stdout: `ok: ${directory}/holdfast.yaml: 0 peers, 0 forwards\n`, stderr: '' })
    t.same(await runCli(['id', '--dir', directory]), { code: 0, stdout, stderr: '' })
  },
)

t.test('every example in the comments is good when it is used', async t => {
  const directory = temporaryDirectory(t)
  const id = (await runCli(['init', '--dir', directory])).stdout.trim()
  const yaml = readFileSync(join(directory, 'holdfast.yaml'), 'utf8')
  const other = id.slice(0, 10) + (id[10] === 'b' ? 'c' : 'b') + id.slice(11)
  const used = yaml
    .replace(/^(listen|peers|forward): .*\n/gm, (_line, key) => (key === 'listen' ? '' : `${key}:\n`))
    .replace(/^# (listen|advertise):/gm, '$1:')
    .replace(/^# ( +)(- |id|endpoints|allow)/gm, '$1$2')
    .replace('hf1…', other)
  const { checkConfig } = await import('../../src/config/load.ts')
  const { parse } = await import('yaml')
  const config = checkConfig(parse(used), directory)
  t.match(config, { listen: { length: 3 }, advertise: { length: 1 }, peers: [{ name: 'office', id: other }] })
  t.match(config.forward, [{ peer: 'office' }])
})

t.test('init overwrites nothing, and writes nothing beside what is there', async t => {
  for (const name of ['identity.pem', 'holdfast.yaml']) {
    const directory = t.testdir({ [name]: 'mine' })
    const { code, stderr } = await runCli(['init'], { cwd: directory })
    t.equal(code, 2)
    t.equal(
      stderr,
      `holdfast: ${directory}/${name} exists already, and nothing was written: choose another --dir (FILE_EXISTS)\n`,
    )
    t.equal(readFileSync(join(directory, name), 'utf8'), 'mine')
    t.notOk(existsSync(join(directory, name === 'identity.pem' ? 'holdfast.yaml' : 'identity.pem')))
  }
})

t.test('prints its version', async t => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  t.same(await runCli(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
})
