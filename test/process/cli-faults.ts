/** What a person gets wrong: one sentence on stderr that says what and what to do, nothing on stdout, exit code 2. */
import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, existsSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Code } from '../../src/base/codes.ts'
import { MAIN, runCli, temporaryDirectory } from '../support/cli.ts'

const COMMANDS = ['init', 'id', 'up', 'serve', 'connect', 'status', 'migrate', 'proxy-env', 'run', 'pipe', 'demo']

t.test('every command explains itself with an example', async t => {
  const whole = await runCli(['--help'])
  t.equal(whole.code, 0)
  for (const name of COMMANDS) t.match(whole.stdout, new RegExp(`^  ${name} `, 'm'), 'and is in the list of commands')
  const helps = await Promise.all(COMMANDS.map(name => runCli([name, '--help'])))
  helps.forEach(({ code, stdout, stderr }, i) => {
    t.equal(code, 0)
    t.match(stdout, new RegExp(`^Usage: holdfast ${COMMANDS[i]} `))
    t.match(stdout, new RegExp(`\\nExample:\\n  \\$ .*holdfast ${COMMANDS[i]}\\b`))
    t.equal(stderr, '')
  })
})

t.test('no command at all shows the help', async t => {
  const { code, stderr } = await runCli([])
  t.equal(code, 2)
  t.match(stderr, /^Usage: holdfast/)
})

const ROWS: readonly [command: string, code: Code, says: string | RegExp][] = [
  ['nosuch', 'USAGE', "unknown command 'nosuch'; see `holdfast --help`"],
  ['statu', 'USAGE', "unknown command 'statu' (Did you mean status?); see `holdfast --help`"],
  ['init --dri x', 'USAGE', "unknown option '--dri' (Did you mean --dir?); see `holdfast init --help`"],
  ['init here', 'USAGE', "too many arguments for 'init'. Expected 0 arguments but got 1; see `holdfast init --help`"],
  ['init --dir', 'USAGE', "option '--dir <dir>' argument missing; see `holdfast init --help`"],
  [
    'init --dir full',
    'FILE_EXISTS',
    '{}/full/identity.pem exists already, and nothing was written: choose another --dir',
  ],
  [
    'id --dir absent',
    'FILE_UNREADABLE',
    /^cannot read \{\}\/absent\/identity.pem: there is no such file; run `holdfast init` first/,
  ],
  [
    'id --dir exposed',
    'IDENTITY_EXPOSED',
    'others can read the identity {}/exposed/identity.pem (mode 0644): chmod 600 {}/exposed/identity.pem',
  ],
  [
    'id --dir full',
    'IDENTITY_INVALID',
    '{}/full/identity.pem: the identity is not usable: it has no "PRIVATE KEY" block; make a new one with `holdfast init` in a new directory',
  ],
  ['init --dir a --dir=b', 'USAGE', "option '--dir' is there twice; leave one; see `holdfast init --help`"],
  ['up --config a --config b', 'USAGE', "option '--config' is there twice; leave one; see `holdfast up --help`"],
  [
    'serve db:1 --listen tcp://a:1 --listen tcp://a:2',
    'USAGE',
    "option '--listen' is there twice; leave one; see `holdfast serve --help`",
  ],
  ['up --nosuch', 'USAGE', "unknown option '--nosuch'; see `holdfast up --help`"],
  [
    'up --log-level loud',
    'USAGE',
    "option '--log-level <level>' argument 'loud' is invalid. Allowed choices are debug, info, warn, error; see `holdfast up --help`",
  ],
  [
    'up --log-format xml',
    'USAGE',
    "option '--log-format <format>' argument 'xml' is invalid. Allowed choices are text, json; see `holdfast up --help`",
  ],
  [
    'up --config absent.yaml',
    'CONFIG_MISSING',
    'there is no configuration at {}/absent.yaml: run `holdfast init`, or name a file with --config',
  ],
  ['up --config full', 'FILE_UNREADABLE', /^cannot read \{\}\/full: EISDIR: .*; check the path and its permissions$/],
  [
    'up --config faulty.yaml',
    'CONFIG_INVALID',
    /^the configuration has 3 faults:\n {2}\{\}\/faulty.yaml:1 lisen: the key "lisen" is unknown; did you mean "listen"\?\n.*:1 identity: cannot read .*\n {2}\{\}\/faulty.yaml:2 hold: "1y" is no duration; write 24h, 15m or 90s$/,
  ],
  [
    'up --config holdfast.yaml',
    'FILE_UNREADABLE',
    /^cannot read \{\}\/identity.pem: there is no such file; run `holdfast init` first/,
  ],
  ['serve', 'USAGE', "missing required argument 'host:port'; see `holdfast serve --help`"],
  ['serve 5432', 'USAGE', '"5432" is no service: write host:port, such as 127.0.0.1:5432'],
  ['serve db:0', 'USAGE', '"db:0" is no service: write host:port, such as 127.0.0.1:5432'],
  ['serve *.internal:80', 'USAGE', '"*.internal:80" is no service: write host:port, such as 127.0.0.1:5432'],
  [
    'serve db:1 --listen http://a',
    'USAGE',
    '--listen http://a is no endpoint: write tcp://host:port or ws://host:port/path',
  ],
  [
    'serve db:1 --listen wss://a',
    'USAGE',
    '--listen wss://a would need certificate files: put it into a configuration and use `holdfast up`',
  ],
  [
    'serve db:1 --advertise tcp://[::]:1',
    'USAGE',
    '--advertise tcp://[::]:1 cannot be dialed: write host and port, such as tcp://host.example.com:7700',
  ],
  [
    'serve db:1 --listen tcp://*:1',
    'USAGE',
    '--listen tcp://*:1 is no endpoint: write tcp://host:port or ws://host:port/path',
  ],
  [
    'serve db:1 --advertise tcp://256.1.1.1:1',
    'USAGE',
    '--advertise tcp://256.1.1.1:1 cannot be dialed: write host and port, such as tcp://host.example.com:7700',
  ],
  ['serve db:1 --expires 0s', 'USAGE', '--expires 0s is no duration of at least a second: write 24h, 15m or 90s'],
  ['serve db:1 --expires soon', 'USAGE', '--expires soon is no duration of at least a second: write 24h, 15m or 90s'],
  ['connect', 'USAGE', "missing required argument 'ticket'; see `holdfast connect --help`"],
  [
    'connect hft1nonsense',
    'TICKET_INVALID',
    'the ticket is damaged or altered: copy it again, whole (it begins with hft1)',
  ],
  ['connect -', 'TICKET_INVALID', 'the ticket is damaged or altered: copy it again, whole (it begins with hft1)'],
  [
    'status --config absent.yaml',
    'CONFIG_MISSING',
    'there is no configuration at {}/absent.yaml: run `holdfast init`, or name a file with --config',
  ],
  ['status --config faulty.yaml', 'CONFIG_INVALID', /^the configuration has 2 faults:\n/],
  [`status --socket ${'x'.repeat(120)}`, 'USAGE', /^--socket x+ has more than 107 bytes: no socket can be there$/],
  ['status --jsno', 'USAGE', "unknown option '--jsno' (Did you mean --json?); see `holdfast status --help`"],
  ['migrate --peer', 'USAGE', "option '--peer <name>' argument missing; see `holdfast migrate --help`"],
  ['run', 'USAGE', "missing required argument 'command'; see `holdfast run --help`"],
  ['run --config absent.yaml -- true', 'CONFIG_MISSING', /^there is no configuration at \{\}\/absent\.yaml: /],
  ['pipe db', 'USAGE', "missing required argument 'port'; see `holdfast pipe --help`"],
  ['pipe db 0', 'USAGE', 'db 0 is no destination: write a host and a port, such as db.internal 22'],
  [
    'pipe db 1 --proxy http://bob:secret@b@c:d',
    'USAGE',
    'http://c:d is no proxy: write host:port or http://user:password@host:port',
  ],
  [
    'proxy-env --shell csh',
    'USAGE',
    "option '--shell <shell>' argument 'csh' is invalid. Allowed choices are posix, fish; see `holdfast proxy-env --help`",
  ],
  [
    'demo --seconds 3',
    'USAGE',
    "option '--seconds <n>' argument '3' is invalid. Write a whole number from 10 to 35; see `holdfast demo --help`",
  ],
  [
    'demo --mode real',
    'USAGE',
    /^option '--mode <mode>' argument 'real' is invalid. Allowed choices are auto, namespace, loopback;/,
  ],
]

t.test('a fault is one sentence on stderr and exit code 2', async t => {
  const cwd = temporaryDirectory(t)
  for (const name of ['full', 'exposed']) await runCli(['init', '--dir', name], { cwd })
  writeFileSync(join(cwd, 'full/identity.pem'), 'nothing')
  chmodSync(join(cwd, 'exposed/identity.pem'), 0o644)
  writeFileSync(join(cwd, 'holdfast.yaml'), '')
  writeFileSync(join(cwd, 'faulty.yaml'), 'lisen: []\nhold: 1y\n')
  const check = async ([command, name, says]: (typeof ROWS)[number]) => {
    const { code, stdout, stderr } = await runCli(command.split(' '), { cwd, input: 'no ticket\n' })
    const whole = stderr.replaceAll(cwd, '{}')
    t.match(whole, new RegExp(` \\(${name}\\):?\\n`), command)
    const told = whole.replace(` (${name})`, '')
    t.equal(code, 2, command)
    t.equal(stdout, '', command)
    t.match(told, /^holdfast: .*\n$/s, command)
    t.match(
      told.slice('holdfast: '.length, -1),
      typeof says === 'string' ? new RegExp(`^${escaped(says)}$`) : says,
      command,
    )
  }
  const rows = ROWS.values()
  await Promise.all(
    [1, 2, 3].map(async () => {
      for (const row of rows) await check(row)
    }),
  )
})

t.test('the demo says before it begins that it could not write what it will have to', async t => {
  const cwd = temporaryDirectory(t)
  const record = await runCli(['demo', '--record', 'absent/x.json'], { cwd })
  t.match(record, { code: 2, stdout: '' })
  t.match(record.stderr, /^holdfast: --record absent\/x\.json cannot be written: ENOENT: .* \(USAGE\)\n$/)
  const folder = await runCli(['demo', '--mode', 'loopback'], { cwd, env: { TMPDIR: '/absent' } })
  t.equal(folder.stdout, '')
  t.not(folder.code, 0)
  t.match(
    folder.stderr,
    /^holdfast: cannot make a folder for the keys in \/absent: ENOENT: .*; set TMPDIR \(FILE_UNWRITABLE\)\n$/,
  )
})

const hasFull = existsSync('/dev/full') ? false : 'there is no device that is full'

t.test('what standard output cannot take is a failure, in one sentence', { skip: hasFull }, async t => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const { NODE_OPTIONS: _, ...env } = process.env
  for (const args of [['demo', '--mode', 'loopback'], ['--version']]) {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    })
    t.equal(status, 1, args.join(' '))
    t.match(stderr, /^holdfast: cannot write to standard output: ENOSPC: .* \(FILE_UNWRITABLE\)\n$/)
  }
})

t.test('a sidecar that does not answer is a failure of the moment: exit code 1', async t => {
  const cwd = temporaryDirectory(t)
  writeFileSync(join(cwd, 'holdfast.yaml'), '')
  for (const command of ['status', 'migrate', 'status --socket holdfast.sock']) {
    const { code, stdout, stderr } = await runCli(command.split(' '), { cwd })
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(
      stderr,
      /^holdfast: no sidecar answers on .*holdfast\.sock: start it with `holdfast up`, or name its socket with --socket \(SIDECAR_NOT_RUNNING\)\n$/,
    )
  }
})

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
