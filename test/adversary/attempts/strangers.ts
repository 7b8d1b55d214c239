/** Whoever can reach the port, without a key that anybody has pinned. */
import { connect, type Socket } from 'node:net'
import { codeOf } from '../../../src/base/codes.ts'
import { LIMITS } from '../../../src/base/limits.ts'
import { concatBytes, getUint } from '../../../src/wire/bytes.ts'
import { OUTER, OuterFrameParser, outerFrame } from '../../../src/wire/outer-frame.ts'
import { clientHello } from '../../support/attacker.ts'
import { MaliciousPeer } from '../../support/malicious-peer.ts'
import { UPGRADE } from '../../support/upgrade-request.ts'
import type { Attempt } from '../attempt.ts'
import type { Stage } from '../stage.ts'

const CONNECTIONS = 10_000
const ADDRESSES = 400
const AT_ONCE = 200
const SLOW = 24
const SLOW_EVERY_MS = 100
/** Of the deadline, on a busy machine. */
const LATE_MS = 2_500
const HANDSHAKES = 400
const HANDSHAKE_ADDRESSES = 40

export const STRANGERS: readonly Attempt[] = [
  {
    what: `${CONNECTIONS.toLocaleString('en')} connections from ${ADDRESSES} addresses that say nothing, or half a frame`,
    refusedWith:
      'TOO_MANY_CONNECTIONS or cut at once; HANDSHAKE_TIMEOUT for those that had a place; then a peer gets in',
    descriptorsMax: LIMITS.unauthenticatedMax + LIMITS.refusedLingerMax + AT_ONCE,
    run: halfOpen,
  },
  {
    what: `${3 * SLOW} handshakes, a byte each ${SLOW_EVERY_MS} ms: TLS, the ws upgrade, a ws carrier that stays silent`,
    refusedWith: 'HANDSHAKE_TIMEOUT after 5 s, however much is still coming',
    descriptorsMax: 3 * SLOW + LIMITS.refusedLingerMax,
    run: slowHandshakes,
  },
  {
    what: `${HANDSHAKES} full handshakes with a key that nobody pinned, from ${HANDSHAKE_ADDRESSES} addresses, at once`,
    refusedWith: 'PEER_UNKNOWN, at most 100 and 100 a second; the others TOO_MANY_CONNECTIONS',
    descriptorsMax: LIMITS.unauthenticatedMax + LIMITS.refusedLingerMax + AT_ONCE,
    run: handshakeFlood,
  },
]

async function halfOpen(stage: Stage): Promise<string> {
  const startMs = performance.now()
  const ends = new Map<string, number>()
  const open = new Set<Visitor>()
  let begun = 0
  const next = async (): Promise<void> => {
    while (begun < CONNECTIONS) {
      const index = begun++
      const visitor = new Visitor(stage.tcpPort, addressOf(0, index % ADDRESSES))
      open.add(visitor)
      visitor.closed.then(why => {
        open.delete(visitor)
        ends.set(why, (ends.get(why) ?? 0) + 1)
      })
      await visitor.connected
      if (index % 2 === 0) visitor.socket.write(Uint8Array.of(OUTER.CRYPTO, 0, 1))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
  await Promise.all([...open].map(one => one.closed))
  const timedOut = ends.get('HANDSHAKE_TIMEOUT') ?? 0
  const rounds = 1 + Math.ceil((performance.now() - startMs) / LIMITS.handshakeMs)
  if (timedOut === 0 || timedOut > rounds * LIMITS.unauthenticatedMax) return `${timedOut} had a place`
  const known = ['HANDSHAKE_TIMEOUT', 'TOO_MANY_CONNECTIONS', 'cut']
  const other = [...ends.keys()].filter(why => !known.includes(why))
  if (other.length > 0) return `some were closed with ${other}`
  ;(await stage.meet({ from: addressOf(0, 0) })).destroy()
  return 'TOO_MANY_CONNECTIONS or cut at once; HANDSHAKE_TIMEOUT for those that had a place; then a peer gets in'
}

async function slowHandshakes(stage: Stage): Promise<string> {
  const hello = await clientHello(stage.stranger, ['holdfast/1'])
  const first = concatBytes(outerFrame(OUTER.CRYPTO, hello))
  const slow = (index: number): Promise<readonly [string, number]>[] => [
    trickle(new Visitor(stage.tcpPort, addressOf(1, index)), first),
    trickle(new Visitor(stage.wsPort, addressOf(2, index)), Buffer.from(UPGRADE)),
    trickle(new Visitor(stage.wsPort, addressOf(3, index)), Buffer.alloc(0), Buffer.from(UPGRADE)),
  ]
  const ends = await Promise.all(Array.from({ length: SLOW }, (_, i) => slow(i)).flat())
  const odd = ends.filter(([why]) => why !== 'HANDSHAKE_TIMEOUT' && why !== 'cut')
  if (odd.length > 0) return `some were closed with ${odd}`
  if (!ends.some(([why]) => why === 'HANDSHAKE_TIMEOUT')) return 'nobody was told why'
  const late = ends.filter(([, ms]) => ms > LIMITS.handshakeMs + LATE_MS || ms < LIMITS.handshakeMs - 500)
  if (late.length > 0) return `one was closed after ${late[0]![1].toFixed(0)} ms`
  return 'HANDSHAKE_TIMEOUT after 5 s, however much is still coming'
}

/** Sends `at once`, then one byte after the other, and begins again where there are no more. */
async function trickle(visitor: Visitor, bytes: Uint8Array, atOnce?: Uint8Array): Promise<readonly [string, number]> {
  await visitor.connected
  const startMs = performance.now()
  if (atOnce !== undefined) visitor.socket.write(atOnce)
  let at = 0
  const timer = setInterval(() => {
    if (bytes.length > 0 && at < bytes.length - 1) visitor.socket.write(bytes.subarray(at, ++at))
  }, SLOW_EVERY_MS)
  const why = await visitor.closed
  clearInterval(timer)
  return [why, performance.now() - startMs]
}

async function handshakeFlood(stage: Stage): Promise<string> {
  const startMs = performance.now()
  const ends = await Promise.all(
    Array.from({ length: HANDSHAKES }, async (_, i) => {
      const place = { port: stage.tcpPort, from: addressOf(4, i % HANDSHAKE_ADDRESSES) }
      try {
        const peer = await MaliciousPeer.meet(stage.stranger, stage.officeId, place)
        return await peer.closed()
      } catch (error) {
        return /closed by (\w+)/.exec(String(error))?.[1] ?? String(error)
      }
    }),
  )
  const seconds = (performance.now() - startMs) / 1_000
  const proved = ends.filter(why => why === 'PEER_UNKNOWN').length
  const most = LIMITS.handshakesPerSecondMax * (1 + seconds)
  if (proved === 0 || proved > most) return `${proved} full handshakes in ${seconds.toFixed(1)} s`
  const odd = ends.filter(why => !['PEER_UNKNOWN', 'TOO_MANY_CONNECTIONS', 'undefined'].includes(why))
  if (odd.length > 0) return `some were closed with ${odd[0]}`
  return 'PEER_UNKNOWN, at most 100 and 100 a second; the others TOO_MANY_CONNECTIONS'
}

function addressOf(network: number, index: number): string {
  return `127.${10 + network}.${index >> 7}.${1 + (index & 127)}`
}

/** One connection to a port, and how it ended. */
class Visitor {
  readonly socket: Socket
  readonly connected: Promise<void>
  /** The code of the CLOSE that came; `cut` when none did. */
  readonly closed: Promise<string>

  constructor(port: number, from: string) {
    this.socket = connect({ port, host: '127.0.0.1', localAddress: from })
    let code = 'cut'
    const parser = new OuterFrameParser()
    this.socket.on('error', () => {})
    this.socket.on('data', chunk => {
      try {
        parser.push(chunk, ({ type, body }) => {
          if (type === OUTER.CLOSE) code = codeOf(getUint(concatBytes(body), 0, 2)) ?? 'unknown'
        })
      } catch {
        // A ws listener speaks HTTP.
      }
    })
    this.closed = new Promise(resolve => this.socket.once('close', () => resolve(code)))
    this.connected = new Promise(resolve => this.socket.once('connect', resolve).once('close', () => resolve()))
  }
}
