/** A peer whose key is pinned, and who breaks the protocol; and somebody on the path of one. */
import { LIMITS } from '../../../src/base/limits.ts'
import { concatBytes } from '../../../src/wire/bytes.ts'
import { ackFrame, dataHeader, FLAG_FIN } from '../../../src/wire/inner-frame.ts'
import { OUTER, OUTER_HEADER_BYTES } from '../../../src/wire/outer-frame.ts'
import { throwBytes } from '../../support/attacker.ts'
import { control } from '../../support/frame-text.ts'
import { MaliciousPeer, openFrame, refsOf } from '../../support/malicious-peer.ts'
import { Random } from '../../support/random.ts'
import type { Attempt } from '../attempt.ts'
import type { Stage } from '../stage.ts'

const ELSEWHERE = '127.20.0.9'

export const PEERS: readonly Attempt[] = [
  {
    what: 'the first flight of a RESUME is recorded, and played again from another network',
    refusedWith: 'HANDLE_UNKNOWN',
    run: async stage => {
      const { resumed } = await resumption(stage)
      const flight = resumed.sent.slice(0, 2)
      await resumed.until(() => resumed.got.length > 0)
      const code = await throwBytes(stage.tcpPort, flight, { from: ELSEWHERE })
      resumed.destroy()
      return String(code)
    },
  },
  {
    what: 'a handle is stolen, without its secret',
    refusedWith: 'RECORD_REJECTED',
    run: async stage => {
      const peer = await stage.meet()
      const { handle } = peer.keyring.take(peer)!
      const record = new Random(3).bytes(64)
      const flight = [frameOf(OUTER.RESUME, handle, new Random(4).bytes(32)), frameOf(OUTER.EARLY, record)]
      const code = await throwBytes(stage.tcpPort, flight, { from: ELSEWHERE })
      peer.destroy()
      return String(code)
    },
  },
  {
    what: 'a record is sent back to who sealed it',
    refusedWith: 'RECORD_REJECTED',
    run: async stage => {
      const peer = await stage.meet()
      await peer.until(() => peer.got.length > 0)
      peer.raw(peer.got.at(-1)!)
      return peer.closed()
    },
  },
  {
    what: `the epoch jumps by ${(LIMITS.epochJumpMax + 1).toLocaleString('en')}`,
    refusedWith: 'PROTOCOL_VIOLATION',
    run: async stage => {
      const peer = await stage.meet()
      peer.seal(control({ type: 'migrate', epoch: 2 + LIMITS.epochJumpMax, reason: 'command', endpoints: [] }))
      return peer.closed()
    },
  },
  {
    what: 'an answer to a proposal that was never made, and a proposal with an epoch of the past',
    refusedWith: 'ignored, and MIGRATE_ACK no',
    run: async stage => {
      const peer = await stage.meet()
      peer.seal(
        control({ type: 'migrateAck', epoch: 9, accepted: true, greatestEpoch: 9 }),
        control({ type: 'migrate', epoch: 1, reason: 'command', endpoints: [] }),
      )
      await peer.until(() => peer.count('MIGRATE_ACK no') > 0)
      peer.destroy()
      return 'ignored, and MIGRATE_ACK no'
    },
  },
  {
    what: 'an acknowledgement above what was sent; bytes beyond the limit; two final offsets',
    refusedWith: 'ACK_BEYOND_SENT, LIMIT_EXCEEDED, FINAL_OFFSET_CHANGED',
    run: faults,
  },
  {
    what: '1,000 opens under refs of the other side’s own range',
    refusedWith: 'GONE or nothing; no destination is dialed',
    run: async stage => {
      const peer = await stage.meet()
      const before = stage.sink.accepted
      const own = refsOf(stage.mallory, stage.officeId, 1_000).map(ref => ref ^ 1)
      await peer.flood(own.map(ref => openFrame(ref, stage.sink.port)))
      await echoed(peer, 1)
      const dialed = stage.sink.accepted - before
      peer.destroy()
      return dialed > 0 ? `${dialed} were dialed` : 'GONE or nothing; no destination is dialed'
    },
  },
]

/** Each fault in a session of its own; the code of the RESET that answers it. */
async function faults(stage: Stage): Promise<string> {
  const peer = await stage.meet()
  const [ack, limit, final] = refsOf(stage.mallory, stage.officeId, 3) as [number, number, number]
  await peer.flood([ack, limit, final].map(ref => openFrame(ref, stage.sink.port)))
  await peer.until(() => peer.count('DATA OPEN') === 3)
  const codes: string[] = []
  const attack = async (code: string, ...frames: Uint8Array[]) => {
    peer.seal(...frames)
    await peer.until(() => peer.count(`RESET ${code}`) > 0)
    codes.push(code)
  }
  await attack('ACK_BEYOND_SENT', ackFrame(ack, 1_000_000, 1_000_000))
  await attack('LIMIT_EXCEEDED', dataFrame(limit, 1 + LIMITS.windowBytesMax, 0, 1))
  await attack('FINAL_OFFSET_CHANGED', dataFrame(final, 1, FLAG_FIN, 10), dataFrame(final, 1, FLAG_FIN, 9))
  peer.destroy()
  return codes.join(', ')
}

async function resumption(stage: Stage): Promise<{ resumed: MaliciousPeer }> {
  const peer = await stage.meet()
  const taken = peer.keyring.take(peer)!
  const resumed = await MaliciousPeer.meet(stage.mallory, stage.officeId, { port: stage.tcpPort }, taken)
  resumed.seal(control({ type: 'ping', id: 1 }))
  peer.destroy()
  return { resumed }
}

/** What was sent before has been read: a ping behind it is answered. */
export async function echoed(peer: MaliciousPeer, id: number): Promise<void> {
  const before = peer.count('PONG')
  peer.seal(control({ type: 'ping', id }))
  await peer.until(() => peer.count('PONG') > before)
}

export function dataFrame(ref: number, offset: number, flags: number, bytes: number): Uint8Array {
  return concatBytes([dataHeader(ref, offset, flags, bytes), new Uint8Array(bytes)])
}

function frameOf(type: number, ...parts: Uint8Array[]): Uint8Array {
  const body = concatBytes(parts)
  const frame = new Uint8Array(OUTER_HEADER_BYTES + body.length)
  frame.set([type, 0, body.length >> 8, body.length & 0xff])
  frame.set(body, OUTER_HEADER_BYTES)
  return frame
}
