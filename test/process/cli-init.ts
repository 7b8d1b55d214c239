import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { MAIN, runCli, temporaryDirectory } from '../support/cli.ts'

const PEER_ID = /^hf1[a-z2-7]{51}[aq]\n$/

t.test(
  'init makes an identity for its user alone and a configuration that is good, and prints the peer ID',
  async t => {
    const directory = join(temporaryDirectory(t), 'made', 'anew')
    const { code, stdout, stderr } = await runCli(['init', '--dir', directory])
    t.equal(code, 0)
    t.match(stdout, PEER_ID)
    t.equal(
      stderr,
      `wrote ${directory}/identity.pem, the key of this host, and ${directory}/holdfast.yaml; its peer ID is
next: write this ID under \`peers\` on the other machine, and its ID under \`peers\` here; then run
  holdfast up --config ${directory}/holdfast.yaml
`,
    )
    t.equal(statSync(join(directory, 'identity.pem')).mode & 0o777, 0o600)
    const yaml = readFileSync(join(directory, 'holdfast.yaml'), 'utf8')
    t.match(yaml, stdout.trim(), 'the peer ID is in the comments')
    t.ok(yaml.split('\n').filter(line => line.startsWith('#')).length > 10, 'it has comments')
    const check = await runCli(['up', '--check', '--config', join(directory, 'holdfast.yaml')])
    t.same(check, { code: 0, stdout: `ok: ${directory}/holdfast.yaml: 0 peers, 0 forwards\n`, stderr: '' })
    t.same(await runCli(['id', '--dir', directory]), { code: 0, stdout, stderr: '' })
  },
)

for (const [how, mark] of [
  ['the # alone', /^#(?=\w| {2})/gm],
  ['the # and the blank after it', /^#(?:(?=\w)| (?= ))/gm],
] as const) {
  t.test(
    `the examples are a configuration as they stand when they lose ${how}; only the ID is to be put in`,
    async t => {
      const directory = temporaryDirectory(t)
      const id = (await runCli(['init', '--dir', directory])).stdout.trim()
      const file = join(directory, 'holdfast.yaml')
      const used = readFileSync(file, 'utf8').replace(mark, '')
      t.notMatch(used, /^#[^ ]|^# {2}/m, 'no example is left')
      writeFileSync(file, used)
      const { code, stderr } = await runCli(['up', '--check', '--config', file])
      t.equal(code, 2)
      t.match(
        stderr,
        /^holdfast: the configuration has 1 fault \(CONFIG_INVALID\):\n.* peers\[0\]\.id: "hf1…" is no peer ID/,
      )
      const other = id.slice(0, 10) + (id[10] === 'b' ? 'c' : 'b') + id.slice(11)
      writeFileSync(file, used.replace('hf1…', other))
      t.same(await runCli(['up', '--check', '--config', file]), {
        code: 0,
        stdout: `ok: ${file}: 1 peer, 1 forward\n`,
        stderr: '',
      })
    },
  )
}

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

t.test('init says why it cannot write', async t => {
  const cwd = temporaryDirectory(t)
  symlinkSync('nowhere', join(cwd, 'dangling'))
  writeFileSync(join(cwd, 'file'), '')
  for (const [name, why] of [
    ['dangling', 'EEXIST'],
    ['file', 'ENOTDIR'],
  ] as const) {
    const { code, stdout, stderr } = await runCli(['init', '--dir', `${name}/x`], { cwd })
    t.equal(code, 2)
    t.equal(stdout, '')
    t.match(stderr, new RegExp(`^holdfast: cannot write into ${cwd}/${name}/x: ${why}: .* \\(FILE_UNWRITABLE\\)\n$`))
  }
})

t.test('init leaves neither file where there is no room for both', { skip: process.platform === 'win32' }, async t => {
  const cwd = temporaryDirectory(t)
  // In blocks of 512 bytes: none, and enough for the identity alone.
  for (const blocks of [0, 2]) {
    const { status, stdout, stderr } = spawnSync(
      'sh',
      ['-c', `ulimit -f ${blocks}; unset NODE_OPTIONS; exec "$0" "$1" init`, process.execPath, MAIN],
      { cwd, encoding: 'utf8', env: { PATH: process.env['PATH'] } },
    )
    t.same([status, stdout], [2, ''])
    t.match(stderr, /^holdfast: cannot write into .*: EFBIG: file too large, write \(FILE_UNWRITABLE\)\n$/)
    t.same(readdirSync(cwd), [])
  }
})

t.test('prints its version', async t => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  t.same(await runCli(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
})
