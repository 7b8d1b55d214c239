/** Applications that do not read: every window and outbox fills, and with them the budget of both sidecars. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { LIMITS } from '../../../src/base/limits.ts'
import type { Attempt } from '../attempt.ts'
import type { Stage } from '../stage.ts'

const SESSIONS = 1_000
const CHUNK = Buffer.alloc(256 * 1024, 0x61)
/** No session takes a byte for so long: everything is full. */
const FULL_AFTER_MS = 1_500
const BYSTANDER_BYTES = 1024 * 1024
/** What 1,000 sessions cost beside their bytes, and garbage that is not collected yet. */
const OVERHEAD_BYTES = 128 * 1024 * 1024

export const MEMORY: readonly Attempt[] = [
  {
    what: `${SESSIONS.toLocaleString('en')} sessions whose destination does not read, each given all it takes`,
    refusedWith: 'paused: the budget is full, and the others go on',
    victim: 'laptop',
    growthBytesMax: LIMITS.budgetBytes + OVERHEAD_BYTES,
    descriptorsMax: SESSIONS + 64,
    cpuMsMax: 20_000,
    run: stalled,
  },
]

async function stalled(stage: Stage): Promise<string> {
  const sockets: Socket[] = []
  for (let i = 0; i < SESSIONS; i++) {
    const socket = connect(stage.sinkForwardPort, '127.0.0.1')
    socket.on('error', () => {})
    sockets.push(socket)
    if (i % 50 === 49) await once(socket, 'connect')
  }
  const feeds = sockets.map(socket => new Feed(socket))
  await full(feeds)
  const takenBytes = feeds.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0)
  const { sessions } = (await stage.laptop.status()).peers[0]!
  const outboxBytes = sessions.reduce((sum, one) => sum + one.outboxBytes, 0)
  await stage.bystander.progress(BYSTANDER_BYTES)
  for (const socket of sockets) socket.destroy()
  stage.sink.drop()
  while ((await stage.office.status()).peers[0]!.sessions.length > 1) await turn()
  if (sessions.length !== SESSIONS + 1) return `${sessions.length} sessions`
  if (outboxBytes > LIMITS.budgetBytes) return `${outboxBytes} bytes in outboxes`
  if (outboxBytes < LIMITS.budgetBytes / 4) return `only ${outboxBytes} bytes in outboxes, ${takenBytes} taken`
  return 'paused: the budget is full, and the others go on'
}

/** Writes whenever there is room. */
class Feed {
  writtenBytes = 0
  lastMs = performance.now()

  constructor(socket: Socket) {
    const fill = () => {
      this.writtenBytes += CHUNK.length
      this.lastMs = performance.now()
      if (socket.write(CHUNK)) setImmediate(fill)
    }
    socket.on('drain', fill)
    fill()
  }
}

async function full(feeds: readonly Feed[]): Promise<void> {
  while (performance.now() - Math.max(...feeds.map(({ lastMs }) => lastMs)) < FULL_AFTER_MS) await turn()
}

function turn(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 20))
}
