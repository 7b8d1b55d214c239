/** Bombs: what is small on the wire and would be large in memory. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { deflateRawSync } from 'node:zlib'
import { INNER } from '../../../src/wire/inner-frame.ts'
import { OUTER, outerHeader } from '../../../src/wire/outer-frame.ts'
import { throwBytes } from '../../support/attacker.ts'
import { UPGRADE } from '../../support/upgrade-request.ts'
import type { Attempt } from '../attempt.ts'
import type { Stage } from '../stage.ts'

const MIB = 1024 * 1024
const BOMB_BYTES = 256 * MIB
const BOMBS = 20
const GROWTH_BYTES_MAX = 32 * MIB

const DEFLATING = UPGRADE.replace(
  /\r\n\r\n$/,
  '\r\nsec-websocket-extensions: permessage-deflate; client_max_window_bits$&',
)

/** Codes of a WebSocket close (RFC 6455 section 7.4.1). */
const PROTOCOL_ERROR = 1002
const TOO_BIG = 1009

export const LENGTHS: readonly Attempt[] = [
  {
    what: `${BOMBS} WebSocket messages of ${BOMB_BYTES / MIB} MiB, compressed to 260 KiB, behind an offer of permessage-deflate`,
    refusedWith: `the offer is not taken, and the message ends its carrier (close ${PROTOCOL_ERROR})`,
    growthBytesMax: GROWTH_BYTES_MAX,
    run: async stage => {
      const bomb = deflateRawSync(Buffer.alloc(BOMB_BYTES), { level: 9 })
      const { answer, code } = await bombs(stage, [webSocketFrame(0xc2, bomb.length, bomb)])
      if (/sec-websocket-extensions/i.test(answer)) return 'the offer is taken'
      return `the offer is not taken, and the message ends its carrier (close ${code})`
    },
  },
  {
    what: `${BOMBS} WebSocket messages whose header says 2^53 bytes`,
    refusedWith: `close ${TOO_BIG}`,
    growthBytesMax: GROWTH_BYTES_MAX,
    run: async stage => `close ${(await bombs(stage, [webSocketFrame(0x82, 2 ** 53 - 1, Buffer.alloc(1_000))])).code}`,
  },
  {
    what: `${BOMBS} WebSocket messages in fragments that never end`,
    refusedWith: `close ${TOO_BIG}`,
    growthBytesMax: GROWTH_BYTES_MAX,
    run: async stage => {
      const fragment = Buffer.alloc(1_024)
      const rest = Array.from({ length: 200 }, () => webSocketFrame(0x00, fragment.length, fragment))
      return `close ${(await bombs(stage, [webSocketFrame(0x02, fragment.length, fragment), ...rest])).code}`
    },
  },
  {
    what: `${BOMBS} outer frames whose header says 16 MiB`,
    refusedWith: 'FRAME_TOO_LARGE',
    growthBytesMax: GROWTH_BYTES_MAX,
    run: async ({ tcpPort }) => {
      const codes = Array.from({ length: BOMBS }, () => throwBytes(tcpPort, [outerHeader(OUTER.CRYPTO, 0xff_ffff)]))
      return one(await Promise.all(codes))
    },
  },
  {
    what: 'a pinned peer sends an inner frame that says it is longer than its record',
    refusedWith: 'PROTOCOL_VIOLATION',
    growthBytesMax: GROWTH_BYTES_MAX,
    run: stage => sealed(stage, Uint8Array.of(INNER.DATA, 0xff, 0xff, 0xff, ...new Uint8Array(64))),
  },
  {
    what: 'a pinned peer sends protobuf whose field says 2 GiB, and 1,500 nested groups',
    refusedWith: 'PROTOCOL_VIOLATION',
    growthBytesMax: GROWTH_BYTES_MAX,
    run: async stage => {
      const long = Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00)
      const deep = new Uint8Array(1_500).fill(0x7b)
      return one([await sealed(stage, controlOf(long)), await sealed(stage, controlOf(deep))])
    },
  },
]

function controlOf(body: Uint8Array): Uint8Array {
  return Uint8Array.of(INNER.CONTROL, 0, body.length >> 8, body.length & 0xff, ...body)
}

async function sealed(stage: Stage, frame: Uint8Array): Promise<string> {
  const peer = await stage.meet()
  peer.seal(frame)
  return peer.closed()
}

/** Masked with zeros. @param length what the header says; `payload` may be less */
function webSocketFrame(first: number, length: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(14)
  header[0] = first
  header[1] = 0x80 | 127
  header.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([header, payload])
}

/** @returns the answer to the upgrade, and the code with which all were closed */
async function bombs(stage: Stage, frames: readonly Buffer[]): Promise<{ answer: string; code: string }> {
  const told = await Promise.all(Array.from({ length: BOMBS }, () => bomb(stage, frames)))
  return { answer: told[0]!.answer, code: one(told.map(({ code }) => code)) }
}

async function bomb({ wsPort }: Stage, frames: readonly Buffer[]): Promise<{ answer: string; code: string }> {
  const socket = connect(wsPort, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(DEFLATING)
  const answer = await headOf(socket)
  const rest: Buffer[] = []
  socket.on('data', chunk => rest.push(chunk))
  for (const frame of frames) socket.write(frame)
  await new Promise(resolve => socket.once('close', resolve))
  const close = Buffer.concat(rest)
  const at = close.indexOf(0x88)
  return { answer, code: at < 0 ? 'none' : String(close.readUInt16BE(at + 2)) }
}

async function headOf(socket: Socket): Promise<string> {
  let head = ''
  while (!head.includes('\r\n\r\n')) {
    const [chunk] = await once(socket, 'data')
    head += chunk.toString('latin1')
  }
  return head
}

/** What all of them are; the differing ones, else. */
function one(values: readonly (string | undefined)[]): string {
  return [...new Set(values)].join(', ')
}
