/** `holdfast proxy-env` and `holdfast run`, with a real program that reads what they set. */
import { spawn } from 'node:child_process'
import t from 'tap'
import { runCli } from '../support/cli.ts'
import { CliHost, runningCli } from '../support/cli-host.ts'
import { plainEnv, resultOf, serveHttp, withoutCurl } from '../support/curl.ts'
import { proxyStage } from '../support/proxy-stage.ts'

t.test('proxy-env prints what a shell evaluates; run ends as its command does', { skip: withoutCurl }, async t => {
  const port = await serveHttp(t, (_, response) => response.end('inside'))
  const { laptop, place } = await proxyStage(t, [`db.office.test:${port}`], {
    proxy: [{ listen: '127.0.0.1:0', peer: 'office' }, { listen: '127.0.0.1:0' }],
  })
  const url = `http://db.office.test:${port}/`
  const ask = ['--config', laptop.configFile]
  const { code, stdout, stderr } = await runCli(['proxy-env', ...ask])
  t.same([code, stderr], [0, ''])
  t.match(stdout, `export ALL_PROXY='socks5h://${place}'\n`)
  t.match(stdout, `# the sidecar has another proxy at ${await laptop.proxy(1)}\n`)
  const shell = spawn('sh', ['-e', '-c', `${stdout}\ncurl -sS ${url}`], { env: { ...plainEnv, http_proxy: 'nowhere' } })
  t.match(await resultOf(shell), { code: 0, stdout: 'inside' })
  const fish = await runCli(['proxy-env', '--socket', laptop.socket, '--shell', 'fish'])
  t.match(fish.stdout, `set -gx ALL_PROXY 'socks5h://${place}'\n`)
  t.match(fish.stdout, 'set -e http_proxy\n')

  const run = (...words: string[]) => runCli(['run', ...ask, ...words])
  t.match(await run('curl', '-sS', url), { code: 0, stdout: 'inside' })
  t.equal((await run('--', 'sh', '-c', 'exit 7')).code, 7)
  t.equal((await run('sh', '-c', 'kill -KILL $$')).code, 137)
  t.match(await run('no-such-command'), { code: 127, stderr: /^holdfast: cannot run no-such-command: / })
  t.match(await run('--', '/dev/null/command'), {
    code: 126,
    stderr: /^holdfast: cannot run \/dev\/null\/command: .*\n$/,
  })
  t.match(await run('--', ''), { code: 126, stderr: /^holdfast: cannot run '': .*\n$/ })
  const patient = runningCli(t, [
    'run',
    ...ask,
    '--',
    'sh',
    '-c',
    'trap "echo caught; exit 3" TERM; echo begun; for i in $(seq 300); do sleep 0.1; done',
  ])
  t.equal(await patient.line(), 'begun')
  t.equal(await patient.stop('SIGTERM'), 3)
  t.equal(await patient.line(), 'caught')

  const env = { NO_PROXY: 'a.test, .b.test,localhost', no_proxy: "c.test it's.test .b.test" }
  const both = `a.test,.b.test,localhost,c.test,it's.test,127.0.0.1,::1`
  const show = 'echo "$NO_PROXY $no_proxy"'
  const ran = await runCli(['run', ...ask, '--', 'sh', '-c', show], { env })
  t.equal(ran.stdout, `${both} ${both}\n`, 'what is set stays, once')
  const printed = await runCli(['proxy-env', ...ask], { env })
  t.match(await resultOf(spawn('sh', ['-e', '-c', `${printed.stdout}\n${show}`])), { stdout: `${both} ${both}\n` })
  const everything = await runCli(['run', ...ask, '--', 'sh', '-c', show], { env: { ...env, no_proxy: '*' } })
  t.equal(everything.stdout, '* *\n', 'alone, else programs do not take it for everything')

  const none = await CliHost.create(t)
  await none.up({})
  const refused = await runCli(['proxy-env', '--config', none.configFile])
  t.equal(refused.code, 2)
  t.match(refused.stderr, /^holdfast: the sidecar has no proxy: add proxy: /)
})
