import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { type RunningCli, runCli } from '../support/cli.ts'
import { runningCli } from '../support/cli-host.ts'
import { echoes, startEcho } from '../support/echo-service.ts'

const LISTEN = ['--listen', 'tcp://127.0.0.1:0']

/** The local ports that connect prints, until it says that it is ready. */
async function portsOf(cli: RunningCli): Promise<{ lines: string[]; ports: number[] }> {
  const lines: string[] = []
  for (let line = await cli.line(); line !== 'ready'; line = await cli.line()) lines.push(line)
  return { lines, ports: lines.map(line => Number(/:(\d+) -> /.exec(line)?.[1])) }
}

t.test(
  'serve prints a ticket, and connect opens its services in order; bytes go through on two machines at once',
  async t => {
    const [first, second] = [await startEcho(t), await startEcho(t)]
    const services = [first, second].map(({ port }) => `127.0.0.1:${port}`)
    const server = runningCli(t, ['serve', ...services, ...LISTEN])
    const ticket = await server.line()
    t.match(ticket, /^hft1[\w-]{100,}$/)
    t.match(server.stderr, new RegExp(`^sharing ${services.join(', ')} at tcp://127\\.0\\.0\\.1:\\d+\n`))
    t.match(server.stderr, 'the ticket is a secret; it can be used until ')

    const machines = [1, 2].map(() => runningCli(t, ['connect', ticket, '127.0.0.1:0']))
    const opened = await Promise.all(machines.map(portsOf))
    for (const { lines } of opened) {
      t.same(
        lines.map(line => line.split(' -> ')[1]),
        services,
        'in the order of the ticket',
      )
    }
    const payload = randomBytes(3_000_000)
    const ports = opened.flatMap(one => one.ports)
    t.same(await Promise.all(ports.map(port => echoes(port, payload))), [true, true, true, true])
    t.same([first.accepted, second.accepted], [2, 2])

    for (const machine of machines) t.equal(await machine.stop('SIGINT'), 0)
    t.equal(await server.stop(), 0)
  },
)

t.test(
  'connect takes the ticket from standard input, and ports of its own choice where the services’ are taken',
  async t => {
    const echo = await startEcho(t)
    const server = runningCli(t, ['serve', `127.0.0.1:${echo.port}`, ...LISTEN])
    const ticket = await server.line()
    const machine = runningCli(t, ['connect', '-'], { input: `${ticket}\n` })
    const { ports } = await portsOf(machine)
    t.equal(ports.length, 1)
    t.not(ports[0], echo.port)
    t.ok(await echoes(ports[0]!, randomBytes(100_000)))
  },
)

t.test('connect ends when the other side does, since the ticket ends with it', async t => {
  const echo = await startEcho(t)
  const server = runningCli(t, ['serve', `127.0.0.1:${echo.port}`, ...LISTEN])
  const machine = runningCli(t, ['connect', await server.line(), '127.0.0.1:0'])
  const ended = once(machine.child, 'close')
  await portsOf(machine)
  t.equal(await server.stop(), 0)
  t.same(await ended, [1, null])
  t.match(machine.stderr, /^connecting to tcp:\/\/127\.0\.0\.1:\d+\n/)
  t.match(
    machine.stderr,
    /\nholdfast: the other side has ended, and the ticket with it: ask for a new ticket \(GOODBYE\)\n$/,
  )
})

t.test('connect is not ready before it is connected', async t => {
  const server = runningCli(t, ['serve', '127.0.0.1:9', ...LISTEN])
  const ticket = await server.line()
  await server.stop('SIGKILL')
  const machine = runningCli(t, ['connect', ticket, '127.0.0.1:0'])
  t.match(await machine.line(), / -> 127\.0\.0\.1:9$/)
  while (!machine.stderr.includes('refused')) await new Promise(resolve => setImmediate(resolve))
  t.equal(await machine.stop(), 0)
  await t.rejects(machine.line(), 'nothing more on stdout')
})

t.test('connect fails where its local port is taken', async t => {
  const echo = await startEcho(t)
  const server = runningCli(t, ['serve', `127.0.0.1:${echo.port}`, ...LISTEN])
  const { code, stdout, stderr } = await runCli(['connect', await server.line(), `127.0.0.1:${echo.port}`])
  t.equal(code, 1)
  t.equal(stdout, '')
  t.equal(
    stderr,
    `holdfast: cannot listen on 127.0.0.1:${echo.port}: it is taken; stop the other program or choose another port (ADDRESS_IN_USE)\n`,
  )
})

t.test('an advertised endpoint is what the ticket has; a ticket ends with its time', async t => {
  const server = runningCli(t, [
    'serve',
    'db.internal:5432',
    ...LISTEN,
    '--advertise',
    'ws://a.example/x',
    '--advertise',
    'tcp://b.example:1',
    'db.internal:5433',
    '--expires',
    '1s',
  ])
  const ticket = await server.line()
  t.match(server.stderr, 'sharing db.internal:5432, db.internal:5433 at ws://a.example:80/x, tcp://b.example:1\n')
  const expired = async (): Promise<Awaited<ReturnType<typeof runCli>>> => {
    const cli = await runCli(['connect', ticket, '127.0.0.1:-1'])
    return cli.stderr.includes('expired') ? cli : expired()
  }
  const { code, stdout, stderr } = await expired()
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(
    stderr,
    /^holdfast: the ticket expired at [\d-]+T[\d:.]+Z: ask for a new one \(`holdfast serve` prints it\) \(TICKET_EXPIRED\)\n$/,
  )
})
