/**
 * Packets of a lost carrier, dropped by a real kernel until another carrier has taken over. Needs root, `ip`, `nft`, python3.
 *
 *     node build/test/netns/suspend.js
 */
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { parseHostPort } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { elementOf, SUSPENSION_TABLE, type Tuple } from '../../src/firewall/suspension.ts'
import type { Namespace } from '../e2e/lab/namespace.ts'
import { run } from '../e2e/lab/shell.ts'
import { asUser, CaptureStage, NOBODY, namespacesUnavailable, PORT, withoutPrograms } from '../support/capture-stage.ts'
import { metric } from '../support/curl.ts'

const FOREIGN = `
table inet theirs {
	counter seen {
		packets 0 bytes 0
	}
}
`
/** A host that can open no new carrier: its address is back, and the update goes on. */
const NO_DIAL = `
table inet nodial {
	chain output {
		type filter hook output priority 0; policy accept;
		tcp dport 7700 tcp flags & (syn | ack) == syn drop
	}
}
`
/** A segment with these ports in a packet of the kernel's: what a socket that knows of no loss would still send. */
const SEND = `
import socket, struct, sys
source, sport, target, dport, count = sys.argv[1:]
family = socket.AF_INET6 if ':' in source else socket.AF_INET
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((source, 0))
segment = struct.pack('!HHIIBBHHH', int(sport), int(dport), 1, 1, 0x50, 0x10, 1024, 0, 0)
for _ in range(int(count)):
    try: raw.sendto(segment, (target, 0))
    # The kernel says so when an output rule has dropped it.
    except PermissionError: pass
`
const HOSTS = [
  { endpoint: 'tcp://10.78.1.1:7700', address: '10.78.1.2/24', options: '' },
  { endpoint: 'tcp://[fd78:1::1]:7700', address: 'fd78:1::2/64', options: ' nodad' },
] as const
const skip = namespacesUnavailable()

type Host = (typeof HOSTS)[number]

function configure(stage: CaptureStage, { endpoint }: Host): void {
  stage.nearHost.configure({
    peers: [{ name: 'far', id: stage.farHost.peerId, endpoints: [endpoint] }],
    forward: [{ listen: '127.0.0.1:0', peer: 'far', to: `10.20.0.5:${PORT}` }],
    firewall: { suspend: true },
  })
}

/** An application that is connected, and the carrier that it uses. */
async function connected(stage: CaptureStage) {
  const { running } = await stage.client('127.0.0.1', await stage.nearHost.forwardPort())
  const [path] = (await stage.nearHost.status()).peers[0]!.paths
  const tuple = { local: parseHostPort(path!.local)!, remote: parseHostPort(path!.remote)! }
  return { running, tuple }
}

function send(where: Namespace, from: Tuple['local'], to: Tuple['local'], count: number): Promise<string> {
  const args = [from.host, `${from.port}`, to.host, `${to.port}`, `${count}`]
  return where.run(['python3', '-c', SEND, ...args])
}

/** Packets that the rules of a hook have dropped. */
async function dropped(stage: CaptureStage, hook: 'input' | 'output'): Promise<number> {
  const counter = hook === 'input' ? 'dropped_in' : 'dropped_out'
  const text = await stage.near.run(['nft', 'list', 'counter', ...SUSPENSION_TABLE.split(' '), counter])
  return Number(/packets (\d+)/.exec(text)![1])
}

/** Settles when the kernel drops packets of this carrier, or no longer does. @returns the set */
async function untilSuspended(stage: CaptureStage, tuple: Tuple, isSuspended: boolean): Promise<string> {
  const { set, key } = elementOf(tuple)!
  for (;;) {
    const text = await stage.near.run(['nft', 'list', 'table', ...SUSPENSION_TABLE.split(' ')]).catch(() => '')
    const listed = new RegExp(`set ${set} \\{[^]*?\\n\\t\\}`).exec(text)?.[0]
    if (listed !== undefined && listed.includes(key) === isSuspended) return listed
  }
}

/** How many processes of nft wait on the near host. */
async function spares(stage: CaptureStage): Promise<number> {
  const pids = (await run(['ip', 'netns', 'pids', stage.near.name])).trim().split('\n')
  return pids.filter(pid => existsSync(`/proc/${pid}/comm`) && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'nft\n')
    .length
}

t.test('packets of the old 5-tuple are dropped during the update, and pass after it', { skip }, async t => {
  for (const host of HOSTS) {
    const stage = await CaptureStage.create(t, host.address.includes(':') ? 's' : 'r')
    await stage.near.nft(FOREIGN)
    const before = await stage.rules()
    configure(stage, host)
    const sidecar = stage.startNear()
    await sidecar.line()
    const { running, tuple } = await connected(stage)
    // It tells what somebody deletes, and not what ends by its timeout.
    const deletions = stage.start(stage.near, ['nft', 'monitor', 'destroy', 'elements'])
    t.equal(await running.ask('before'), 'before')
    t.equal((await dropped(stage, 'input')) + (await dropped(stage, 'output')), 0)

    await stage.near.nft(NO_DIAL)
    await stage.near.ip(`addr del ${host.address} dev near0`)
    await untilSuspended(stage, tuple, true)
    running.child.stdin.write('during\n')
    await stage.near.ip(`addr add ${host.address} dev near0${host.options}`)
    const [input, output] = [await dropped(stage, 'input'), await dropped(stage, 'output')]
    await send(stage.far, tuple.remote, tuple.local, 3)
    await send(stage.near, tuple.local, tuple.remote, 4)
    t.ok((await dropped(stage, 'input')) >= input + 3, 'what comes for the old carrier')
    t.ok((await dropped(stage, 'output')) >= output + 4, 'and what leaves from it')
    t.match(await stage.holdfast('firewall', 'show'), elementOf(tuple)!.key)
    t.equal((await stage.nearHost.status()).peers[0]!.state, 'suspended')
    t.equal(await metric(stage.nearHost, 'holdfast_suspensions_total'), 1)
    t.ok((await metric(stage.nearHost, 'holdfast_suspension_dropped_packets_total{direction="in"}')) >= input + 3)

    await stage.near.nft('delete table inet nodial')
    t.equal(await running.line(), 'during', 'it has resumed, with every byte')
    t.match(await deletions.line(), elementOf(tuple)!.key, 'it was withdrawn')
    t.notMatch(await untilSuspended(stage, tuple, false), 'elements')
    const after = await dropped(stage, 'input')
    await send(stage.far, tuple.remote, tuple.local, 3)
    t.equal(await dropped(stage, 'input'), after, 'nothing more is dropped')
    t.equal(await running.ask('after'), 'after')
    t.equal(await sidecar.stop(), 0)
    t.equal(await stage.rules(), before, 'nothing of ours is left, and all of theirs')
  }
})

t.test('the kernel ends a suspension whose sidecar was killed', { skip }, async t => {
  const [host] = HOSTS
  const stage = await CaptureStage.create(t, 'k')
  await stage.near.nft(FOREIGN)
  const before = await stage.rules()
  configure(stage, host)
  const sidecar = stage.startNear()
  await sidecar.line()
  const { tuple } = await connected(stage)
  t.equal(await spares(stage), LIMITS.nftSparesMax, 'they wait for their script')
  await stage.holdfast('firewall', 'remove')
  t.equal(await stage.rules(), before)
  await stage.near.nft(NO_DIAL)
  await stage.near.ip(`addr del ${host.address} dev near0`)
  await untilSuspended(stage, tuple, true)
  await sidecar.stop('SIGKILL')
  const suspended = await untilSuspended(stage, tuple, true)
  t.match(suspended, /timeout 10s expires \d/, 'in a table that was made again')
  await untilSuspended(stage, tuple, false)
  t.match(await stage.rules(), `table ${SUSPENSION_TABLE}`, 'what is left drops nothing')
  t.equal(await spares(stage), 0, 'who waited has ended, too')
  await stage.near.nft('delete table inet nodial')
  await stage.near.ip(`addr add ${host.address} dev near0`)
  const next = stage.startNear()
  await next.line()
  const { running } = await connected(stage)
  t.equal(await running.ask('again'), 'again')
  t.equal(await next.stop(), 0)
  t.equal(await stage.rules(), before)
})

t.test('a host where packets cannot be dropped has one sentence', { skip }, async t => {
  const stage = await CaptureStage.create(t, 'o')
  const before = await stage.rules()
  configure(stage, HOSTS[0])
  stage.nearHost.giveTo(NOBODY)
  const nobody = stage.startNear(asUser(NOBODY))
  await t.rejects(nobody.line(), {
    message:
      /packets of lost carriers cannot be dropped: this user may not change rules; run as root, or grant CAP_NET/,
  })
  const bare = stage.startNear(withoutPrograms)
  await t.rejects(bare.line(), {
    message: /packets of lost carriers cannot be dropped: there is no program `nft`; install nftables \(SUSPENSION_/,
  })
  t.equal(await stage.rules(), before)
})
