import t from 'tap'
import { Bug } from '../../src/base/assert.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { Opener, RECORD_BYTES_MAX, Sealer, TAG_BYTES } from '../../src/secure/record.ts'
import { byteLength, concatBytes, toHex } from '../../src/wire/bytes.ts'
import { OUTER, type OuterFrame, OuterFrameParser } from '../../src/wire/outer-frame.ts'
import { Random } from '../support/random.ts'

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i)

function pair(): { sealer: Sealer; opener: Opener } {
  return { sealer: new Sealer(KEY.slice()), opener: new Opener(KEY.slice()) }
}

/** The frame as it comes out of a parser fed with these chunks. */
function parsed(...chunks: Uint8Array[]): OuterFrame {
  const frames: OuterFrame[] = []
  const parser = new OuterFrameParser()
  for (const chunk of chunks) parser.push(chunk, frame => frames.push(frame))
  t.equal(frames.length, 1)
  return frames[0]!
}

t.test('records are AES-256-GCM with a counter nonce and the header as AAD, byte for byte', async t => {
  const { sealer, opener } = pair()
  const first = concatBytes(sealer.seal(OUTER.RECORD, [Buffer.from('hel'), Buffer.from('lo')]))
  t.equal(toHex(first), '0500001566d9d9b2daab19d8d1d0dc84043f5bd738bf09f05a')
  const second = concatBytes(sealer.seal(OUTER.RECORD, []))
  t.equal(toHex(second), '05000010cfcaaaa71c17d79bf00527616e58956a')
  t.equal(Buffer.concat(opener.open(parsed(first))!).toString(), 'hello')
  t.same(opener.open(parsed(second)), [])
  t.equal(sealer.sealedBytes, 5)
})

t.test('a record opens wherever its frame was cut, also inside the tag', async t => {
  const frame = concatBytes(pair().sealer.seal(OUTER.EARLY, [Buffer.from('abcdefgh')]))
  for (let cut = 1; cut < frame.length; cut++) {
    for (let next = cut; next < frame.length; next++) {
      const chunks = [frame.subarray(0, cut), frame.subarray(cut, next), frame.subarray(next)]
      const parts = pair().opener.open(parsed(...chunks.filter(chunk => chunk.length > 0)))
      t.equal(Buffer.concat(parts!).toString(), 'abcdefgh', `cut at ${cut} and ${next}`)
    }
  }
})

t.test('no record opens with any single bit changed, in header, ciphertext or tag', async t => {
  const frame = concatBytes(pair().sealer.seal(OUTER.RECORD, [Buffer.from('secret')]))
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const altered = frame.slice()
    altered[bit >> 3]! ^= 1 << (bit & 7)
    const whole = { type: OUTER.RECORD, header: altered.subarray(0, 4), body: [altered.subarray(4)] }
    t.equal(pair().opener.open(whole), undefined, `bit ${bit}`)
  }
})

t.test('a record that is cut short does not open', async t => {
  const frame = concatBytes(pair().sealer.seal(OUTER.RECORD, [Buffer.from('secret')]))
  for (let bytes = 0; bytes < frame.length - 4; bytes++) {
    const cut = { type: OUTER.RECORD, header: frame.subarray(0, 4), body: [frame.subarray(4, 4 + bytes)] }
    t.equal(pair().opener.open(cut), undefined, `${bytes} bytes`)
  }
})

t.test('a record opens only in its place: not after a lost one, and not twice', async t => {
  const { sealer } = pair()
  const [first, second] = [0, 1].map(i => parsed(concatBytes(sealer.seal(OUTER.RECORD, [Uint8Array.of(i)]))))
  t.equal(pair().opener.open(second!), undefined)
  const { opener } = pair()
  t.ok(opener.open(first!))
  t.equal(opener.open(first!), undefined)
})

t.test('an erased key seals and opens nothing that the key did', async t => {
  const { sealer, opener } = pair()
  const before = toHex(concatBytes(pair().sealer.seal(OUTER.RECORD, [])))
  sealer.erase()
  t.not(toHex(concatBytes(sealer.seal(OUTER.RECORD, []))), before)
  opener.erase()
  t.equal(opener.open(parsed(concatBytes(pair().sealer.seal(OUTER.RECORD, [])))), undefined)
})

t.test('a record fills a frame and no more', async t => {
  const { sealer, opener } = pair()
  const frame = concatBytes(sealer.seal(OUTER.RECORD, [new Uint8Array(RECORD_BYTES_MAX)]))
  t.equal(frame.length, LIMITS.frameBytesMax)
  t.equal(byteLength(opener.open(parsed(frame))!), RECORD_BYTES_MAX)
  t.throws(() => sealer.seal(OUTER.RECORD, [new Uint8Array(RECORD_BYTES_MAX), Uint8Array.of(1)]), Bug)
})

t.test('large parts are sealed one by one and small neighbours together', async t => {
  const sizes = (parts: Uint8Array[]): number[] => parts.map(part => part.length)
  const seal = (...lengths: number[]): number[] =>
    sizes(
      pair().sealer.seal(
        OUTER.RECORD,
        lengths.map(bytes => new Uint8Array(bytes)),
      ),
    )
  t.same(seal(18, 4096, 0, 24, 24, 18, 4096, 6), [4, 18, 4096, 66, 4096, 6, TAG_BYTES])
  t.same(seal(4096, 4096), [4, 4096, 4096, TAG_BYTES])
  t.same(seal(0), [4, TAG_BYTES])
})

t.test('whatever the pieces, what is opened is what was sealed', async t => {
  const seed = 20_240_611
  t.comment(`seed ${seed}`)
  const random = new Random(seed)
  const { sealer, opener } = pair()
  for (let run = 0; run < 200; run++) {
    const parts = Array.from({ length: random.int(0, 6) }, () => random.bytes(random.pick([0, 1, 20, 1500, 3000])))
    const frame = concatBytes(sealer.seal(OUTER.RECORD, parts))
    const chunks: Uint8Array[] = []
    for (let at = 0; at < frame.length; ) {
      const bytes = random.pick([1, 3, 15, 17, 700, 5000])
      chunks.push(frame.subarray(at, at + bytes))
      at += bytes
    }
    const opened = opener.open(parsed(...chunks))!
    if (toHex(concatBytes(opened)) !== toHex(concatBytes(parts))) t.fail(`run ${run} differs`)
  }
})
