/**
 * The client's address as the source of the far sidecar's connection, against a real kernel. Needs root, `ip`, `nft`, python3.
 *
 *     node build/test/netns/source-preserve.js
 */
import { createHash } from 'node:crypto'
import t from 'tap'
import { namespacesUnavailable, PORT } from '../support/capture-stage.ts'
import { CLIENTS, connect, ENDS, exchange, forward, hosts, listen, PRESERVE, ROUTES } from '../support/source-stage.ts'

const PART_BYTES = 32 * 1024 * 1024
const skip = namespacesUnavailable()

t.test('a server sees the client itself, and gets all it says, across a move and a half-close', { skip }, async t => {
  const all = await hosts(t, 'a')
  const { stage, listener } = all
  await stage.up(ROUTES, { mode: 'tproxy' })
  for (const [host, address] of ENDS) {
    const { running, port } = await connect(all, host)
    t.equal(await listener.line(), `${address} ${port}`, 'the very address and port')
    t.equal(await running.ask(`${PART_BYTES}`), `sent ${PART_BYTES}`)
    await stage.near.ip('addr del 10.78.1.2/24 dev near0', 'addr del fd78:1::2/64 dev near0')
    await stage.near.ip('addr add 10.78.1.7/24 dev near0', 'addr add fd78:1::7/64 dev near0 nodad')
    await stage.nearHost.untilMigrations(2)
    running.child.stdin.end('1000\n')
    t.equal(await running.line(), 'sent 1000')
    const bytes = Buffer.alloc(PART_BYTES + 1000, 'holdfast')
    const digest = createHash('sha256').update(bytes).digest('hex')
    t.equal(await running.line(), `${bytes.length} ${digest}`, 'it answers when the client has ended, and not before')
    await stage.near.ip('addr del 10.78.1.7/24 dev near0', 'addr del fd78:1::7/64 dev near0')
    await stage.near.ip('addr add 10.78.1.2/24 dev near0', 'addr add fd78:1::2/64 dev near0 nodad')
    await stage.near.ip('route replace default via 10.78.1.1', 'route replace default via fd78:1::1')
  }
})

t.test('strict filters of the way back are no obstacle', { skip }, async t => {
  const all = await hosts(t, 'b')
  const { stage } = all
  await stage.up(ROUTES, { mode: 'tproxy' })
  const strict = 'echo 1 | tee /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/conf/*/src_valid_mark'
  await stage.far.run(['sh', '-c', strict])
  await stage.far.nft(`
    table inet filter {
      chain prerouting {
        type filter hook prerouting priority mangle + 10; policy accept;
        meta l4proto tcp fib saddr . mark . iif oif missing drop
      }
    }`)
  for (const [host, address] of ENDS) await exchange(t, all, host, address)
})

t.test('the far host may capture what goes to the same clients', { skip }, async t => {
  const all = await hosts(t, 'm')
  const { stage, server } = all
  await stage.up(ROUTES, { mode: 'tproxy' })
  for (const mode of ['redirect', 'tproxy'] as const) {
    const routes = CLIENTS.map(to => ({ to, peer: 'near' }))
    stage.configureFar({ allow: PRESERVE, routes, capture: { mode } })
    await stage.farSidecar.stop()
    await stage.upFar()
    for (const [host, address] of ENDS) await exchange(t, all, host, address)
  }
  const back = await stage.client('10.79.1.2', PORT, [], server)
  t.equal(back.said, 'ECONNRESET', 'captured: near allows nothing')
  t.match(await stage.holdfastAt(stage.far, 'firewall', 'show'), /counter captured \{\s+packets 1 /)
})

t.test('a service of the far host itself sees the client, too', { skip }, async t => {
  const all = await hosts(t, 'c')
  const { stage } = all
  const listener = await listen(stage, stage.far, 8080)
  await forward(stage, '127.0.0.1:8080', '[::1]:8080', '10.78.1.1:8080', '[fd78:1::1]:8080')
  for (const [i, [near, address]] of [IPV4, IPV6, IPV4, IPV6].entries()) {
    await exchange(t, all, near, address, 7001 + i, listener)
  }
  await exchange(t, all, '10.78.1.1', '10.79.1.2', 8080, listener)
})

const IPV4 = ['10.79.1.1', '10.79.1.2'] as const
const IPV6 = ['fd79:1::1', 'fd79:1::2'] as const

t.test('a client keeps its port where that is free, and its address where it is not', { skip }, async t => {
  const all = await hosts(t, 'p')
  const { stage, server, listener } = all
  const other = await listen(stage, server, 8080)
  await forward(stage, `10.80.1.2:${PORT}`, '10.80.1.2:8080')
  const header = 'PROXY TCP4 10.79.5.5 10.80.1.2 4000 80\r\n'
  const programs = [await connect(all, '10.79.1.1', 8001, header)]
  t.equal(await listener.line(), '10.79.5.5 4000')
  programs.push(await connect(all, '10.79.1.1', 8002, header))
  t.equal(await other.line(), '10.79.5.5 4000', 'to another destination it is free')
  programs.push(await connect(all, '10.79.1.1', 8001, header))
  const [address, port] = (await listener.line()).split(' ')
  t.equal(address, '10.79.5.5')
  t.not(port, '4000')
  for (const { running } of programs) {
    running.child.stdin.end('9\n')
    t.match([await running.line(), await running.line()], ['sent 9', /^9 /])
  }
})
