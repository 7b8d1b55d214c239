import t from 'tap'
import { Bug } from '../../src/base/assert.ts'
import { loadLibc } from '../../src/platform/libc.ts'
import { opensslGcm } from '../../src/platform/openssl-gcm.ts'

const makeKey = opensslGcm()

t.test('OpenSSL can be called wherever libc can', async t => {
  t.equal(makeKey === null, loadLibc() === undefined)
})

if (makeKey !== null) {
  const key = new Uint8Array(32).fill(7)
  const nonce = new Uint8Array(12)
  const header = new Uint8Array(4)

  t.test('lengths that OpenSSL would read or write beyond are refused', async t => {
    t.throws(() => makeKey(new Uint8Array(31), 'encrypt'), Bug)
    const gcm = makeKey(key, 'encrypt')
    t.throws(() => gcm.begin(new Uint8Array(11), header), Bug)
    gcm.begin(nonce, header)
    t.throws(() => gcm.update(new Uint8Array(2), new Uint8Array(1)), Bug)
    t.throws(() => gcm.seal(new Uint8Array(15)), Bug)
    t.throws(() => gcm.verify(new Uint8Array(15)), Bug)
    gcm.free()
  })

  t.test('a freed key is refused, and may be freed again', async t => {
    const gcm = makeKey(key, 'decrypt')
    gcm.begin(nonce, header)
    gcm.free()
    gcm.free()
    t.throws(() => gcm.begin(nonce, header), Bug)
    t.throws(() => gcm.update(header, header), Bug)
    t.throws(() => gcm.seal(new Uint8Array(16)), Bug)
    t.throws(() => gcm.verify(new Uint8Array(16)), Bug)
  })

  t.test('after a wrong tag the next record opens as if nothing had been', async t => {
    const [sealing, opening] = [makeKey(key, 'encrypt'), makeKey(key, 'decrypt')]
    const plain = Uint8Array.of(1, 2, 3)
    const [sealed, opened, tag] = [new Uint8Array(3), new Uint8Array(3), new Uint8Array(16)]
    sealing.begin(nonce, header)
    sealing.update(plain, sealed)
    sealing.seal(tag)
    for (const isRight of [false, true]) {
      opening.begin(nonce, header)
      opening.update(sealed, opened)
      t.equal(opening.verify(isRight ? tag : new Uint8Array(16)), isRight)
    }
    t.same(opened, plain)
    sealing.free()
    opening.free()
  })
}
