import { Writable } from 'node:stream'
import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { WriteQueue } from '../../src/platform/write-queue.ts'
import { Random } from '../support/random.ts'

/** A kernel that takes a vectored write when the test says so. */
function setUp() {
  const flights: { pieces: Buffer[]; take: (error?: Error) => void }[] = []
  const socket = new Writable({
    writev: (chunks, done) => flights.push({ pieces: chunks.map(({ chunk }) => chunk as Buffer), take: done }),
    write: (chunk, _encoding, done) => flights.push({ pieces: [chunk], take: done }),
  })
  socket.on('error', () => undefined)
  const taken: number[] = []
  return { flights, socket, taken, queue: new WriteQueue(socket, bytes => taken.push(bytes)) }
}

const settled = () => new Promise(resolve => setImmediate(resolve))

t.test('single bytes that wait make as many pieces as blocks, and leave as one write', async t => {
  const { flights, taken, queue } = setUp()
  const bytes = 2 * LIMITS.gatherBlockBytes
  queue.write([Uint8Array.of(1)])
  for (let i = 0; i < bytes; i++) queue.write([Uint8Array.of(i & 0xff)])
  t.equal(flights.length, 1)
  t.equal(queue.queuedBytes, bytes + 1)
  flights[0]?.take()
  await settled()
  t.same(taken, [1])
  t.equal(flights.length, 2)
  t.same(
    flights[1]?.pieces.map(piece => piece.length),
    [LIMITS.gatherBlockBytes, LIMITS.gatherBlockBytes],
  )
  t.ok(Buffer.concat(flights[1]!.pieces).equals(Buffer.from(Array.from({ length: bytes }, (_, i) => i & 0xff))))
  flights[1]?.take()
  await settled()
  t.same(taken, [1, bytes])
  t.equal(queue.queuedBytes, 0)
})

t.test('small chunks between large ones share a block, and large ones are not copied', async t => {
  const { flights, queue } = setUp()
  const large = new Uint8Array(LIMITS.gatherBytes).fill(9)
  const small = () => [Uint8Array.of(1), Uint8Array.of(2)]
  queue.write([large])
  queue.write([...small(), large, ...small(), large, Uint8Array.of(3)])
  flights[0]?.take()
  await settled()
  const pieces = flights[1]!.pieces
  t.same(
    pieces.map(piece => piece.length),
    [2, large.length, 2, large.length, 1],
  )
  t.equal(pieces[0]?.buffer, pieces[2]?.buffer)
  t.equal(pieces[1]?.buffer, large.buffer)
})

t.test('what waits keeps no buffer in memory that is more than eight times as large', async t => {
  const { flights, queue } = setUp()
  queue.write([Uint8Array.of(1)])
  const sizes = [LIMITS.gatherBytes, 1, LIMITS.gatherBytes, 8_191, 8_192]
  for (const bytes of sizes) queue.write([Buffer.alloc(65_536).subarray(0, bytes)])
  flights[0]?.take()
  await settled()
  const pieces = flights[1]!.pieces
  t.same(
    pieces.map(piece => piece.length),
    sizes,
  )
  for (const piece of pieces) t.ok(piece.buffer.byteLength <= 8 * piece.length, `${piece.length} bytes`)
})

t.test('keeps order and count, whatever the chunks are and whenever the kernel takes them', async t => {
  const seed = 15
  const random = new Random(seed)
  const { flights, taken, queue } = setUp()
  const written: Uint8Array[] = []
  const sizes = [1, 7, LIMITS.gatherBytes - 1, LIMITS.gatherBytes, 3 * LIMITS.gatherBytes]
  const out: Buffer[] = []
  let done = 0
  const takeOne = async () => {
    const { pieces, take } = flights[done++]!
    out.push(...pieces.map(piece => Buffer.from(piece)))
    take()
    await settled()
  }
  for (let turn = 0; turn < 300; turn++) {
    const chunks = Array.from({ length: random.int(1, 5) }, () => {
      return new Uint8Array(random.pick(sizes)).fill(random.int(0, 255))
    })
    written.push(...chunks)
    queue.write(chunks)
    if (random.chance(0.2) && done < flights.length) await takeOne()
  }
  queue.flush()
  while (done < flights.length) await takeOne()
  t.ok(Buffer.concat(out).equals(Buffer.concat(written)), `seed ${seed}`)
  t.equal(
    taken.reduce((sum, bytes) => sum + bytes, 0),
    written.reduce((sum, chunk) => sum + chunk.length, 0),
  )
})

t.test('a write that fails drops what waits behind it', async t => {
  const { flights, taken, queue } = setUp()
  queue.write([Uint8Array.of(1)])
  queue.write([Uint8Array.of(2)])
  flights[0]?.take(new Error('reset'))
  await settled()
  t.equal(flights.length, 1)
  t.same(taken, [])
  t.equal(queue.queuedBytes, 0)
})
