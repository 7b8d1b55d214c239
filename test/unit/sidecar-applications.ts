import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { systemClock } from '../../src/carrier/clock.ts'
import type { ApplicationSocket } from '../../src/platform/application-socket.ts'
import type { Association } from '../../src/session/association.ts'
import { Applications } from '../../src/sidecar/applications.ts'
import { Connections } from '../../src/sidecar/connections.ts'
import { TotalsCounter } from '../../src/sidecar/totals.ts'
import { SESSION_ID_BYTES } from '../../src/wire/control.ts'

t.test('single bytes that come while a destination is dialed cost about as much memory as they are', async t => {
  const written: Uint8Array[][] = []
  let connect = (): void => undefined
  const socket = { attach() {}, write: (chunks: Uint8Array[]) => written.push(chunks) } as unknown as ApplicationSocket
  const connected = new Promise<void>(resolve => {
    connect = resolve
  })
  const changed = new Promise<void>(resolve => {
    const applications = new Applications({
      engine: () => ({ acceptOpen() {} }) as unknown as Association,
      now: () => 0,
      changed: resolve,
      dialFar: async () => {
        await connected
        return { socket, remote: 'db:1' }
      },
      connections: new Connections(systemClock),
      totals: new TotalsCounter(),
      onReset: () => undefined,
      isHeld: () => false,
      readBytesMax: () => 1,
    })
    const request = { sessionId: new Uint8Array(SESSION_ID_BYTES), host: 'db', port: 1, client: '' }
    applications.handle({ type: 'open', ref: 2, request })
    const record = Buffer.from(Array.from({ length: LIMITS.windowFloorBytes }, (_, i) => i & 0xff))
    for (let i = 0; i < record.length; i++) {
      applications.handle({ type: 'data', ref: 2, parts: [record.subarray(i, i + 1)] })
    }
    record.fill(0)
  })
  connect()
  await changed
  const [chunks = []] = written
  t.equal(chunks.length, 1)
  t.ok(chunks[0]!.every((byte, i) => byte === (i & 0xff)))
  t.equal(chunks[0]?.length, LIMITS.windowFloorBytes)
  t.ok(chunks[0]!.buffer.byteLength < 2 * LIMITS.windowFloorBytes)
})
