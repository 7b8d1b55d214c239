import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { adoptSocket, BoundedReading } from '../../src/platform/slab-socket.ts'

const { readBytesMin, slabBytes } = LIMITS

/** Sizes of the first reads of a socket whose peer has written more than all of them before anything is read. */
async function firstReads(t: Test, count: number, bytesMax: () => number): Promise<readonly number[]> {
  const server = createServer({ pauseOnConnect: true })
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => client.destroy())
  const [accepted] = await once(server, 'connection')
  const reading = new BoundedReading()
  reading.bytesMax = bytesMax
  const socket = adoptSocket(accepted, reading, {})
  t.teardown(() => socket.destroy())
  client.write(new Uint8Array(2 * slabBytes))
  while (client.bytesWritten < 2 * slabBytes || client.writableLength > 0) await once(client, 'drain')
  const reads: number[] = []
  const enough = new Promise<void>(resolve => {
    reading.receive = chunk => {
      if (reads.push(chunk.length) === count) resolve()
    }
  })
  socket.read(0)
  socket.resume()
  await enough
  return reads.slice(0, count)
}

t.test('a first read brings little, and one after a full one four times as much, up to the slab', async t => {
  const reads = await firstReads(t, 3, () => slabBytes)
  t.same(reads.slice(0, 2), [readBytesMin, 4 * readBytesMin])
  // What the kernel had by then.
  t.ok(reads[2]! > 4 * readBytesMin && reads[2]! <= slabBytes, `${reads[2]} bytes`)
})

t.test('a read brings no more than is wanted, and the least whatever is wanted', async t => {
  t.same(await firstReads(t, 3, () => slabBytes - 1), [readBytesMin, 4 * readBytesMin, 4 * readBytesMin], 'one below')
  t.same(await firstReads(t, 2, () => 4 * readBytesMin), [readBytesMin, 4 * readBytesMin], 'as much')
  t.same(await firstReads(t, 2, () => 4 * readBytesMin - 1), [readBytesMin, readBytesMin], 'one below')
  t.same(await firstReads(t, 2, () => 0), [readBytesMin, readBytesMin])
})
