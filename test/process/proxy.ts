/** Proxies of real sidecars, used by a real program. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ConfigInput } from '../../src/config/schema.ts'
import { runCli } from '../support/cli.ts'
import { CliHost, runningCli } from '../support/cli-host.ts'
import { curl, plainEnv, resultOf, serveHttp, sha256, withoutCurl } from '../support/curl.ts'

/** A name server that only the office has. */
const OFFICE_NAMES = `
  import dns from 'node:dns'
  import { syncBuiltinESMExports } from 'node:module'
  const { lookup } = dns.promises
  const found = [{ address: '127.0.0.1', family: 4 }]
  dns.promises.lookup = async (name, ...more) => (name === 'db.office.test' ? found : lookup(name, ...more))
  syncBuiltinESMExports()`

type More = Pick<ConfigInput, 'routes' | 'proxy'>

/** A laptop with proxies, and an office whose names only the office knows; both running. */
async function pair(t: Test, allow: readonly string[], more: More) {
  const [office, laptop] = [await CliHost.create(t), await CliHost.create(t)]
  office.configure({
    listen: ['tcp://127.0.0.1:0'],
    peers: [{ name: 'laptop', id: laptop.peerId, allow: [...allow] }],
  })
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(OFFICE_NAMES)}` }
  await runningCli(t, ['up', '--config', office.configFile], { env }).line()
  const { cli } = await laptop.up({
    peers: [{ name: 'office', id: office.peerId, endpoints: [await office.endpoint()] }],
    ...more,
  })
  return { office, laptop, cli, place: await laptop.proxy() }
}

/** Both ways to one proxy, as curl has them. */
function ways(place: string): readonly (readonly [name: string, ...args: string[]])[] {
  return [
    ['SOCKS5', '--proxy', `socks5h://${place}`],
    ['HTTP CONNECT', '--proxytunnel', '--proxy', `http://${place}`],
  ]
}

async function metric(host: CliHost, name: string): Promise<number> {
  const { stdout } = await curl('--unix-socket', host.socket, 'http://localhost/metrics')
  const line = stdout.split('\n').find(one => one.startsWith(name))
  return Number(line?.split(' ').at(-1))
}

t.test(
  'names are looked up on the far side, and a download outlives moves in the middle',
  { skip: withoutCurl },
  async t => {
    const payload = randomBytes(24 << 20)
    const begun: (() => void)[] = []
    const port = await serveHttp(t, async (_, response) => {
      response.writeHead(200, { 'Content-Length': payload.length })
      response.write(payload.subarray(0, 8 << 20))
      await new Promise<void>(resolve => begun.push(resolve))
      response.end(payload.subarray(8 << 20))
    })
    const { laptop, place } = await pair(t, [`db.office.test:${port}`], {
      routes: [{ to: '*.office.test', peer: 'office' }],
      proxy: [{ listen: '127.0.0.1:0' }],
    })
    for (const [i, [way, ...args]] of ways(place).entries()) {
      const file = join(laptop.directory, `download-${i}`)
      const download = curl(...args, '--output', file, `http://db.office.test:${port}/`)
      while (begun.length <= i) await new Promise(resolve => setImmediate(resolve))
      t.equal((await runCli(['migrate', '--config', laptop.configFile])).code, 0)
      begun[i]!()
      const { code, stderr } = await download
      t.equal(code, 0, `${way} ${stderr}`)
      await laptop.untilMigrations(2 + i)
      t.equal(sha256(readFileSync(file)), sha256(payload), `${way}: every byte arrived`)
    }
    t.equal(await metric(laptop, 'holdfast_direct_connections_total'), 0)
  },
)

t.test('a program is told why it has no connection', { skip: withoutCurl }, async t => {
  const unused = createServer().listen(0, '127.0.0.1')
  await once(unused, 'listening')
  const { port } = unused.address() as { port: number }
  await once(unused.close(), 'close')
  const { place } = await pair(t, [`127.0.0.1:${port}`, `nowhere.office.test:${port}`], {
    proxy: [{ listen: '127.0.0.1:0', peer: 'office' }],
  })
  const rows = [
    ['127.0.0.1', 5, 502, 'REFUSED'],
    ['127.0.0.2', 2, 403, 'NOT_ALLOWED'],
    ['nowhere.office.test', 4, 502, 'NAME_NOT_FOUND'],
  ] as const
  const [socks, http] = ways(place)
  for (const [host, reply, status, code] of rows) {
    const url = `http://${host}:${port}/`
    const bySocks = await curl(...socks!.slice(1), url)
    t.equal(bySocks.code, 97, 'curl: proxy handshake error')
    t.match(bySocks.stderr, `(${reply})`, host)
    const byHttp = await curl(...http!.slice(1), '--include', url)
    t.equal(byHttp.code, 56, 'curl: the tunnel failed')
    t.match(byHttp.stdout, `HTTP/1.1 ${status} `, host)
    t.match(byHttp.stdout, `details="${code}"`)
  }
})

t.test(
  'what no route names goes directly, and is counted; a network holds the names that stand for its addresses',
  {
    skip: withoutCurl,
  },
  async t => {
    const port = await serveHttp(t, (_, response) => response.end('here'))
    const other = await serveHttp(t, (_, response) => response.end('there'))
    const { laptop, place } = await pair(t, [`127.0.0.1:${other}`], {
      routes: [{ to: '127.0.0.0/8', ports: [other], peer: 'office' }],
      proxy: [{ listen: '127.0.0.1:0' }],
    })
    for (const [way, ...args] of ways(place)) {
      t.equal((await curl(...args, `http://127.0.0.1:${port}/`)).stdout, 'here', way)
      t.equal((await curl(...args, `http://127.0.0.1:${other}/`)).stdout, 'there', way)
      t.equal((await curl(...args, '--ipv4', `http://localhost:${other}/`)).stdout, 'there', way)
    }
    t.equal(await metric(laptop, 'holdfast_direct_connections_total'), 2)
    t.equal(await metric(laptop, 'holdfast_sessions_opened_total{side="near"}'), 4)
    t.match((await curl(...ways(place)[0]!.slice(1), `http://nowhere.invalid:${port}/`)).stderr, '(4)')
    const { stdout } = await curl(`http://${place}/proxy.pac`)
    t.match(stdout, `SOCKS5 ${place}; PROXY ${place}`)
    t.match(stdout, `["ipv4",["127.0.0.0","255.0.0.0"],${other},${other}]`)
  },
)

t.test(
  'user and password are asked for where the proxy has them, and refusals are logged and counted',
  {
    skip: withoutCurl,
  },
  async t => {
    const port = await serveHttp(t, (_, response) => response.end('inside'))
    const { laptop, cli, place } = await pair(t, [`127.0.0.1:${port}`], {
      proxy: [{ listen: '127.0.0.1:0', peer: 'office', auth: { user: 'alice', password: "it's: 1%" } }],
    })
    for (const [way, ...args] of ways(place)) {
      const ask = (...more: string[]) => curl(...args, ...more, '--include', `http://127.0.0.1:${port}/`)
      t.match((await ask('--proxy-user', "alice:it's: 1%")).stdout, 'inside', way)
      for (const user of [['--proxy-user', 'alice:wrong'], []]) {
        const { code, stdout } = await ask(...user)
        t.equal(code, way === 'SOCKS5' ? 97 : 56, way)
        if (way !== 'SOCKS5') t.match(stdout, /^HTTP\/1\.1 407 .*\r\n(.+\r\n)*Proxy-Authenticate: Basic /)
      }
    }
    await cli.said(/turned a program away: wrong user or password code=PROXY_REFUSED client=127\.0\.0\.1:\d+/)
    t.equal(await metric(laptop, 'holdfast_proxy_refusals_total{reason="unauthorized"}'), 4)

    const ask = ['--config', laptop.configFile]
    const run = (...words: string[]) =>
      runCli(['run', ...ask, '--', ...words], { env: { http_proxy: 'http://127.0.0.1:9' } })
    t.equal(
      (await run('curl', '-s', '--noproxy', '', `http://127.0.0.1:${port}/`)).stdout,
      'inside',
      'the password is known',
    )
    t.equal(
      (await run('curl', '-sk', '--noproxy', '', `https://127.0.0.1:${port}/`)).code,
      35,
      'through the tunnel: no TLS there',
    )
    const bySocket = await runCli(['proxy-env', '--socket', laptop.socket])
    t.equal(bySocket.code, 2)
    t.match(bySocket.stderr, 'the proxy has a password, which only the configuration knows: name that with --config')
  },
)

t.test('proxy-env prints what a shell evaluates; run ends as its command does', { skip: withoutCurl }, async t => {
  const port = await serveHttp(t, (_, response) => response.end('inside'))
  const { laptop, place } = await pair(t, [`db.office.test:${port}`], {
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
  const patient = runningCli(t, [
    'run',
    ...ask,
    '--',
    'sh',
    '-c',
    'trap "echo caught; exit 3" TERM; echo begun; read x; while :; do sleep 1; done',
  ])
  t.equal(await patient.line(), 'begun')
  t.equal(await patient.stop('SIGTERM'), 3)
  t.equal(await patient.line(), 'caught')

  const none = await CliHost.create(t)
  await none.up({})
  const refused = await runCli(['proxy-env', '--config', none.configFile])
  t.equal(refused.code, 2)
  t.match(refused.stderr, /^holdfast: the sidecar has no proxy: add proxy: /)
})
