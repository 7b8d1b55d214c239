/** The proxy of a ticket, and `pipe` through proxies. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { runCli } from '../support/cli.ts'
import { CliHost, runningCli } from '../support/cli-host.ts'
import { curl, serveHttp, withoutCurl } from '../support/curl.ts'
import { startEcho } from '../support/echo-service.ts'

const LISTEN = ['--listen', 'tcp://127.0.0.1:0']

t.test(
  'connect opens a proxy, through which the services have their own names and the rest goes directly',
  {
    skip: withoutCurl,
  },
  async t => {
    const shared = await serveHttp(t, (_, response) => response.end('shared'))
    const other = await serveHttp(t, (_, response) => response.end('other'))
    const server = runningCli(t, ['serve', `127.0.0.1:${shared}`, ...LISTEN])
    const ticket = await server.line()
    const machine = runningCli(t, ['connect', ticket, '127.0.0.1:0', '--socks', '127.0.0.1:0'])
    t.match(await machine.line(), /^127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+$/)
    const [, place] = /^socks5h:\/\/(127\.0\.0\.1:\d+) -> all of them, by name$/.exec(await machine.line()) ?? []
    t.equal(await machine.line(), 'ready')
    for (const proxy of [`socks5h://${place}`, `http://${place}`]) {
      const ask = (port: number) => curl('--proxytunnel', '--proxy', proxy, `http://127.0.0.1:${port}/`)
      t.equal((await ask(shared)).stdout, 'shared', proxy)
      t.equal((await ask(other)).stdout, 'other', proxy)
    }
    await server.stop()
    t.match(
      (await runCli(['connect', ticket, '--socks', '0.0.0.0:1080'])).stderr,
      /other machines could all use this proxy/,
    )
    t.match(
      (await runCli(['connect', ticket, '--socks', 'x'])).stderr,
      /"x" is no local address: write host:port, such as 127\.0\.0\.1:1080/,
    )
  },
)

t.test('without a place of its own the proxy takes any port where the usual one is taken', async t => {
  const server = runningCli(t, ['serve', '127.0.0.1:9', ...LISTEN])
  const ticket = await server.line()
  const places: (string | undefined)[] = []
  for (const _ of [1, 2]) {
    const machine = runningCli(t, ['connect', ticket, '127.0.0.1:0', '--socks'])
    await machine.line()
    places.push(/^socks5h:\/\/(\S+)/.exec(await machine.line())?.[1])
  }
  t.match(places[1], /^127\.0\.0\.1:\d+$/)
  t.not(places[0], places[1])
})

t.test('connect refuses to capture where no service has an address in the network', async t => {
  const server = runningCli(t, ['serve', '127.0.0.1:9', 'localhost:9', '[::1]:9', ...LISTEN])
  const { code, stderr } = await runCli(['connect', await server.line(), '--capture'])
  t.equal(code, 2)
  t.match(
    stderr,
    /no service of this ticket has an address that can be captured: 127\.0\.0\.1:9, localhost:9, \[::1\]:9;/,
  )
})

t.test('pipe is a connection through the proxy, and says why it has none', async t => {
  const echo = await startEcho(t)
  const host = await CliHost.create(t)
  await host.up({ proxy: [{ listen: '127.0.0.1:0' }, { listen: '127.0.0.1:0', auth: { user: 'a', password: 'b@c' } }] })
  const [open, locked] = [await host.proxy(0), await host.proxy(1)]
  const payload = 'x'.repeat(300_000)
  const pipe = (port: number, proxy: string, env = {}) =>
    runCli(['pipe', '127.0.0.1', String(port), ...(proxy === '' ? [] : ['--proxy', proxy])], { input: payload, env })
  const whole = { code: 0, stdout: payload, stderr: '' }
  t.same(await pipe(echo.port, open), whole)
  t.same(await pipe(echo.port, '', { HTTPS_PROXY: `http://${open}/` }), whole)
  t.same(await pipe(echo.port, `http://a:b%40c@${locked}`), whole)

  t.match(await pipe(echo.port, locked), {
    code: 1,
    stdout: '',
    stderr:
      /^holdfast: the proxy refuses to connect to .*: it wants a user and a password, or other ones \(PROXY_REFUSED\)\n$/,
  })
  t.match(await pipe(1, open), {
    code: 1,
    stderr: /^holdfast: cannot reach 127\.0\.0\.1:1: the destination refused the connection; .* \(REFUSED\)\n$/,
  })
  t.match(await pipe(echo.port, '127.0.0.1:1'), {
    code: 1,
    stderr: /^holdfast: the proxy at 127\.0\.0\.1:1 does not answer: .* \(SIDECAR_NOT_RUNNING\)\n$/,
  })
  const resetting = createServer(socket => {
    socket.once('data', () => socket.resetAndDestroy())
  })
  await once(resetting.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => resetting.close())
  const { port } = resetting.address() as AddressInfo
  const { code, stderr } = await pipe(port, open)
  t.equal(code, 1)
  t.match(stderr, `holdfast: the connection to 127.0.0.1:${port} was lost: `)
  t.match(stderr, /: \w+ (ECONNRESET|EPIPE); the sidecar’s log says why \(APPLICATION_RESET\)\n$/)
  t.match(await pipe(echo.port, 'socks5://a'), { code: 2, stderr: /is no proxy: write host:port or http:\/\// })
  t.match(await pipe(echo.port, '', { HTTPS_PROXY: '', https_proxy: '' }), {
    code: 2,
    stderr: /is no proxy|no proxy is known/,
  })
})
