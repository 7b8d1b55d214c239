/** Proxies of real sidecars, used by a real program. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { runCli } from '../support/cli.ts'
import { curl, metric, serveHttp, sha256, ways, withoutCurl } from '../support/curl.ts'
import { proxyStage } from '../support/proxy-stage.ts'

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
    const { laptop, place } = await proxyStage(t, [`db.office.test:${port}`], {
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
    t.equal(await metric(laptop, 'holdfast_direct_connections_total{reason="no_route"}'), 0)
  },
)

t.test('a program is told why it has no connection', { skip: withoutCurl }, async t => {
  const unused = createServer().listen(0, '127.0.0.1')
  await once(unused, 'listening')
  const { port } = unused.address() as { port: number }
  await once(unused.close(), 'close')
  const { place } = await proxyStage(t, [`127.0.0.1:${port}`, `nowhere.office.test:${port}`], {
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
    const { laptop, place } = await proxyStage(t, [`127.0.0.1:${other}`], {
      routes: [{ to: '127.0.0.0/8', ports: [other], peer: 'office' }],
      proxy: [{ listen: '127.0.0.1:0' }],
    })
    for (const [way, ...args] of ways(place)) {
      t.equal((await curl(...args, `http://127.0.0.1:${port}/`)).stdout, 'here', way)
      t.equal((await curl(...args, `http://127.0.0.1:${other}/`)).stdout, 'there', way)
      t.equal((await curl(...args, '--ipv4', `http://localhost:${other}/`)).stdout, 'there', way)
    }
    t.equal(await metric(laptop, 'holdfast_direct_connections_total{reason="no_route"}'), 2)
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
    const { laptop, cli, place } = await proxyStage(t, [`127.0.0.1:${port}`], {
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
