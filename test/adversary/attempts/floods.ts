/** A pinned peer that asks for more than anybody needs. */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { LIMITS } from '../../../src/base/limits.ts'
import { ackFrame, goneFrame, OFFSET_MAX } from '../../../src/wire/inner-frame.ts'
import { control } from '../../support/frame-text.ts'
import { openFrame, refsOf } from '../../support/malicious-peer.ts'
import type { Attempt } from '../attempt.ts'
import type { Stage } from '../stage.ts'
import { dataFrame, echoed } from './peers.ts'

const OPENS = 25_000
const FRAMES = 500_000
/** Answers to our ping, and pings of its own. */
const FEW = 16
const UPDATES = 2_000
const DIALING_MS = 5_000
const SILLY_STEPS = 5_000

export const FLOODS: readonly Attempt[] = [
  {
    what: `${OPENS.toLocaleString('en')} opens to a destination that is not allowed`,
    refusedWith: 'NOT_ALLOWED, each; or OVERLOADED',
    cpuMsMax: 15_000,
    run: sessionFlood,
  },
  {
    what: `${FRAMES.toLocaleString('en')} frames for sessions that do not exist`,
    refusedWith: 'nothing; what follows is answered',
    run: async stage => {
      const peer = await stage.meet()
      const before = peer.count()
      await peer.flood(frames(stage))
      await echoed(peer, 1)
      const said = peer.count() - before
      peer.destroy()
      return said > FEW ? `${JSON.stringify([...peer.heard])}` : 'nothing; what follows is answered'
    },
  },
  {
    what: `${(2 * LIMITS.controlQueueMax).toLocaleString('en')} pings in one record, after 500 records of a few`,
    refusedWith: 'PROTOCOL_VIOLATION; the few are answered',
    run: async stage => {
      const peer = await stage.meet()
      const few = Array.from({ length: LIMITS.controlQueueMax / 8 }, (_, id) => control({ type: 'ping', id }))
      for (let i = 0; i < 500; i++) {
        peer.seal(...few)
        await echoed(peer, i)
      }
      const many = Array.from({ length: 2 * LIMITS.controlQueueMax }, (_, id) => control({ type: 'ping', id }))
      peer.seal(...many)
      return `${await peer.closed()}; the few are answered`
    },
  },
  {
    what: `a window that is opened by one byte, ${SILLY_STEPS.toLocaleString('en')} times, and acknowledgements that go back`,
    refusedWith: 'one byte each; smaller values are stale',
    run: sillyWindow,
  },
  {
    what: `endpoints at loopback and metadata addresses, ${UPDATES.toLocaleString('en')} times, then the peer goes`,
    refusedWith: 'not dialed',
    run: localEndpoints,
  },
  {
    what: 'endpoints at a third party, all sixteen, then the peer goes',
    refusedWith: 'dialed at the pace of a dialing round, with nothing but a ClientHello',
    run: thirdParty,
  },
]

async function sessionFlood(stage: Stage): Promise<string> {
  const peer = await stage.meet()
  await peer.flood(refsOf(stage.mallory, stage.officeId, OPENS).map(ref => openFrame(ref, 9)))
  // A refusal is an open result with its code and a reset with the same; for want of room, a reset alone.
  await peer.until(() => peer.count('RESET') >= OPENS)
  peer.destroy()
  const [refused, overloaded] = [peer.count('RESET NOT_ALLOWED'), peer.count('RESET OVERLOADED')]
  if (refused === 0 || refused + overloaded < peer.count('RESET')) return JSON.stringify([...peer.heard])
  return 'NOT_ALLOWED, each; or OVERLOADED'
}

function* frames(stage: Stage): Iterable<Uint8Array> {
  const refs = refsOf(stage.mallory, stage.officeId, 1_000, 1_000_000)
  for (let i = 0; i < FRAMES; i++) {
    const ref = refs[i % refs.length]!
    yield i % 2 === 0 ? ackFrame(ref, OFFSET_MAX, OFFSET_MAX) : goneFrame(ref)
  }
}

/** What comes back from an echo service is taken a byte at a time. */
async function sillyWindow(stage: Stage): Promise<string> {
  const peer = await stage.meet()
  const [ref] = refsOf(stage.mallory, stage.officeId, 1) as [number]
  peer.seal(openFrame(ref, stage.echoPort))
  await peer.until(() => peer.count('DATA OPEN') === 1)
  peer.seal(dataFrame(ref, 1, 0, LIMITS.windowFloorBytes))
  const before = peer.count('DATA')
  for (let step = 1; step <= SILLY_STEPS; step++) {
    // Limits count from the open; the floor was granted with it.
    peer.seal(ackFrame(ref, 0, 0), ackFrame(ref, 1, LIMITS.windowFloorBytes + step))
    if (step % 100 === 0) await echoed(peer, step)
  }
  const came = peer.count('DATA') - before
  peer.destroy()
  if (came === 0 || came > SILLY_STEPS + 64) return `${came} frames came`
  return 'one byte each; smaller values are stale'
}

async function localEndpoints(stage: Stage): Promise<string> {
  let visits = 0
  const trap = createServer(socket => {
    visits++
    socket.destroy()
  })
  await once(trap.listen(0, '127.0.0.1'), 'listening')
  const { port } = trap.address() as AddressInfo
  const hosts = ['127.0.0.1', '127.0.0.2', '[::1]', '[::ffff:127.0.0.1]', 'localhost', '0.0.0.0', '2130706433']
  const metadata = [
    '169.254.169.254',
    '169.254.170.2',
    '[fd00:ec2::254]',
    '[::ffff:169.254.169.254]',
    '100.100.100.200',
  ]
  const endpoints = [...hosts.map(host => `tcp://${host}:${port}`), ...metadata.map(host => `ws://${host}:80/`)]
  const peer = await stage.meet({}, endpoints)
  const [ref] = refsOf(stage.mallory, stage.officeId, 1) as [number]
  peer.seal(openFrame(ref, stage.sink.port))
  await peer.until(() => peer.count('DATA OPEN') === 1)
  await peer.flood(Array.from({ length: UPDATES }, () => control({ type: 'endpointUpdate', endpoints })))
  await echoed(peer, 1)
  peer.socket.resetAndDestroy()
  const dialed = await dialedWithin(DIALING_MS)
  trap.close()
  if (visits > 0 || dialed.size > 0) return `${visits} connections to loopback, and to ${[...dialed]}`
  return 'not dialed'
}

/** Remote addresses as /proc/net/tcp and tcp6 write them, of every metadata service above. */
const METADATA = ['FEA9FEA9', '02AAFEA9', 'C8646464', '000000FDC2E00000000000000000000054020000']

async function dialedWithin(ms: number): Promise<ReadonlySet<string>> {
  const seen = new Set<string>()
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs) {
    const table = ['tcp', 'tcp6'].map(name => readFileSync(`/proc/net/${name}`, 'utf8')).join('')
    for (const [, remote] of table.matchAll(/^ *\d+: \S+ (\w+):/gm)) {
      if (METADATA.some(address => remote!.endsWith(address))) seen.add(remote!)
    }
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  return seen
}

const CLIENT_HELLO_BYTES_MAX = 2_048

async function thirdParty(stage: Stage): Promise<string> {
  const told = 'dialed at the pace of a dialing round, with nothing but a ClientHello'
  const host = Object.values(networkInterfaces())
    .flat()
    .find(address => address?.family === 'IPv4' && !address.internal)?.address
  if (host === undefined) return 'not tried: this host has no address but loopback, and cannot play the third party'
  let visits = 0
  let bytes = 0
  const victim = createServer(socket => {
    visits++
    socket.on('error', () => {})
    socket.on('data', chunk => {
      bytes += chunk.length
    })
  })
  await once(victim.listen(0, host), 'listening')
  const { port } = victim.address() as AddressInfo
  const endpoints = Array.from({ length: 16 }, (_, i) => `ws://${host}:${port}/${i}`).slice(0, 15)
  const peer = await stage.meet({}, [`tcp://${host}:${port}`, ...endpoints])
  const [ref] = refsOf(stage.mallory, stage.officeId, 1) as [number]
  peer.seal(openFrame(ref, stage.sink.port))
  await peer.until(() => peer.count('DATA OPEN') === 1)
  peer.socket.resetAndDestroy()
  await new Promise(resolve => setTimeout(resolve, DIALING_MS))
  victim.close()
  // The sidecar gives the peer up when it comes back, as another process, and ends in order.
  const back = await stage.meet()
  back.seal(control({ type: 'goodbye' }))
  back.destroy()
  const most = (DIALING_MS / LIMITS.dialStaggerMs) * 2 + LIMITS.dialAttemptsMax
  if (visits === 0) return 'not dialed at all'
  if (visits > most) return `${visits} connections in ${DIALING_MS} ms`
  if (bytes > visits * CLIENT_HELLO_BYTES_MAX) return `${bytes} bytes in ${visits} connections`
  return told
}
