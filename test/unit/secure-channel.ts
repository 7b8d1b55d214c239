import t from 'tap'
import { Bug } from '../../src/base/assert.ts'
import { type WireCode, wireOf } from '../../src/base/codes.ts'
import { RemoteError } from '../../src/base/errors.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { concatBytes, putUint, toHex } from '../../src/wire/bytes.ts'
import { OUTER, OUTER_HEADER_BYTES, type OuterType, outerFrame } from '../../src/wire/outer-frame.ts'
import { accept, dial, type End, establish, framesOf, Link, makeParty, turn } from '../support/channel-pair.ts'
import { Random } from '../support/random.ts'

const [near, far, stranger] = [await makeParty(), await makeParty(), await makeParty()]
const [nearOwner, farOwner] = [{ name: 'near' }, { name: 'far' }]
const fixed = (byte: number) => (bytes: number) => new Uint8Array(bytes).fill(byte)

const frame = (type: OuterType, ...body: Uint8Array[]): Uint8Array => concatBytes(outerFrame(type, ...body))

/** A link between near and far that resumes; an association of both exists. */
async function resuming(): Promise<Link> {
  await establish(near, far, nearOwner, farOwner)
  return new Link(dial(near, far, { resume: near.keyring.take(nearOwner) }), accept(far))
}

t.test('after a full handshake both sides are ready, know each other, and are confirmed by a record', async t => {
  const link = new Link(dial(near, far), accept(far))
  const { dialer, acceptor } = link
  t.equal(dialer.channel.isReady, false)
  t.equal(dialer.channel.peerId, undefined)
  t.equal(dialer.channel.sealedBytes, 0)
  dialer.channel.start()
  await link.settle()
  t.same(dialer.events, ['ready'])
  t.same(acceptor.events, ['ready'])
  t.equal(dialer.channel.peerId, far.identity.peerId)
  t.equal(acceptor.channel.peerId, near.identity.peerId)
  t.equal(dialer.channel.keyset!.peerId, far.identity.peerId)

  dialer.seal('one')
  t.equal(dialer.channel.sealedBytes, 3)
  link.carry()
  t.same(acceptor.events, ['ready', 'confirmed', 'record one'])
  t.equal(dialer.channel.isConfirmed, false, 'nothing has come back yet')
  acceptor.seal('two')
  acceptor.seal('three')
  dialer.seal('four')
  await link.settle()
  t.same(dialer.events, ['ready', 'confirmed', 'record two', 'record three'])
  t.same(acceptor.records, ['one', 'four'])
  t.ok(dialer.channel.isConfirmed && acceptor.channel.isConfirmed)
  t.notOk(dialer.channel.isResumed || acceptor.channel.isResumed)
})

t.test('a full handshake gets through cut into pieces of any length', async t => {
  for (const pieceBytes of [1, 2, 3, 5, 7, 64, 1000]) {
    const link = new Link(dial(near, far), accept(far))
    link.pieceBytes = pieceBytes
    link.dialer.on = event => event === 'ready' && link.dialer.seal('hello')
    link.acceptor.on = event => event === 'ready' && link.acceptor.seal('hello back')
    link.dialer.channel.start()
    await link.settle()
    t.same(link.acceptor.events, ['ready', 'confirmed', 'record hello'], `${pieceBytes} bytes`)
    t.same(link.dialer.events, ['ready', 'confirmed', 'record hello back'])
  }
})

t.test('records that come before the handshake is complete are kept, and opened in order after ready', async t => {
  const link = new Link(dial(near, far), accept(far))
  const { dialer, acceptor } = link
  dialer.on = event => {
    if (event === 'ready') for (const text of ['one', 'two', 'three']) dialer.seal(text)
  }
  dialer.channel.start()
  await link.settle()
  const types = framesOf(link.recorded).map(({ type }) => type)
  t.ok(types.indexOf(OUTER.RECORD) < types.lastIndexOf(OUTER.CRYPTO), 'records left before the Finished')
  t.same(acceptor.events, ['ready', 'confirmed', 'record one', 'record two', 'record three'])
})

t.test('an acceptor that closes in the midst of kept records opens no more of them', async t => {
  for (const when of ['ready', 'confirmed', 'record one']) {
    const link = new Link(dial(near, far), accept(far))
    link.dialer.on = event => {
      if (event === 'ready') for (const text of ['one', 'two']) link.dialer.seal(text)
    }
    link.acceptor.on = event => event === when && link.acceptor.channel.close('SUPERSEDED')
    link.dialer.channel.start()
    await link.settle()
    t.same(link.acceptor.events.slice(-2), [when, 'closed SUPERSEDED local'])
    t.same(link.dialer.closed, { code: 'SUPERSEDED', from: 'peer' })
  }
})

t.test('frames that a handler causes do not overtake', async t => {
  const link = new Link(dial(near, far), accept(far))
  const { dialer, acceptor } = link
  dialer.on = event => {
    if (event === 'ready') for (const text of ['one', 'two']) dialer.seal(text)
  }
  acceptor.on = event => {
    if (event !== 'ready') return
    dialer.seal('three')
    acceptor.feed(dialer.takeSent())
  }
  dialer.channel.start()
  await link.settle()
  t.same(acceptor.records, ['one', 'two', 'three'])
})

t.test('what TLS says after the handshake is ignored', async t => {
  const link = await establish(near, far, nearOwner, farOwner)
  link.dialer.feed([frame(OUTER.CRYPTO, new Uint8Array(100).fill(0xff))])
  link.acceptor.feed([frame(OUTER.CRYPTO)])
  await link.settle()
  link.dialer.seal('still here')
  link.carry()
  t.same(link.acceptor.records, ['hello', 'still here'])

  const unconfirmed = new Link(dial(near, far), accept(far))
  unconfirmed.dialer.channel.start()
  await unconfirmed.settle()
  unconfirmed.acceptor.feed([frame(OUTER.CRYPTO, new Uint8Array(100).fill(0xff))])
  await unconfirmed.settle()
  unconfirmed.dialer.seal('still here')
  unconfirmed.carry()
  t.same(unconfirmed.acceptor.records, ['still here'])
})

t.test('a resumption delivers the first flight in half a round trip and is confirmed in one more', async t => {
  const link = await resuming()
  const { dialer, acceptor } = link
  dialer.channel.start()
  t.same(dialer.events, ['ready'], 'a dialer that resumes is ready at once')
  t.ok(dialer.channel.isResumed)
  dialer.seal('early one')
  dialer.seal('early two')
  acceptor.feed(dialer.takeSent())
  t.same(acceptor.events, ['ready', 'record early one', 'record early two'])
  t.equal(acceptor.channel.isConfirmed, false, 'it may have been recorded and held back')
  t.ok(acceptor.channel.isResumed)
  t.equal(acceptor.channel.keyset!.owner, farOwner)
  t.equal(acceptor.channel.peerId, near.identity.peerId)

  dialer.seal('early three')
  const crossing = dialer.takeSent()
  dialer.feed(acceptor.takeSent())
  t.same(dialer.events, ['ready', 'confirmed', 'record '], 'the acceptor sent a record of its own accord')
  acceptor.feed(crossing)
  t.equal(acceptor.channel.isConfirmed, false)
  acceptor.feed(dialer.takeSent())
  t.same(acceptor.events.slice(3), ['record early three', 'confirmed', 'record '])
  acceptor.seal('back')
  dialer.seal('there')
  link.carry()
  t.equal(dialer.records.at(-1), 'back')
  t.equal(acceptor.records.at(-1), 'there')
})

t.test('a resumption gets through cut into pieces of any length', async t => {
  await establish(near, far, nearOwner, farOwner)
  for (let pieceBytes = 1; pieceBytes < 90; pieceBytes++) {
    const link = new Link(dial(near, far, { resume: near.keyring.take(nearOwner) }), accept(far))
    link.pieceBytes = pieceBytes
    link.dialer.channel.start()
    link.dialer.seal('early')
    while (link.carry());
    t.same(link.acceptor.events, ['ready', 'record early', 'confirmed', 'record '], `${pieceBytes} bytes`)
    t.same(link.dialer.events, ['ready', 'confirmed', 'record '])
  }
})

t.test('both sides can dial on the keyset of one handshake', async t => {
  await establish(near, far, nearOwner, farOwner)
  const link = new Link(dial(far, near, { resume: far.keyring.take(farOwner) }), accept(near))
  link.dialer.channel.start()
  link.dialer.seal('from the far side')
  await link.settle()
  t.equal(link.acceptor.records[0], 'from the far side')
  t.ok(link.acceptor.channel.isConfirmed && link.dialer.channel.isConfirmed)
})

t.test('a peer may resume although nobody has adopted the keyset here', async t => {
  const first = new Link(dial(near, far), accept(far))
  first.dialer.channel.start()
  await first.settle()
  first.acceptor.seal('hello back')
  await first.settle()
  const owner = { name: 'adopted on one side only' }
  near.keyring.adopt(first.dialer.channel.keyset!, owner)
  const link = new Link(dial(near, far, { resume: near.keyring.take(owner) }), accept(far))
  link.dialer.channel.start()
  link.dialer.seal('hello')
  await link.settle()
  t.equal(link.acceptor.records[0], 'hello')
  t.equal(link.acceptor.channel.keyset!.owner, undefined)
})

t.test('the dialer of a first flight gives the same bytes for the same random numbers', async t => {
  await establish(near, far, nearOwner, farOwner)
  const taken = near.keyring.take(nearOwner)!
  const copy = { ...taken, key: new Uint8Array(taken.key) }
  const flights = [taken, copy].map(resume => {
    const end = dial(near, far, { resume, random: fixed(5) })
    end.channel.start()
    end.seal('first')
    return toHex(concatBytes(end.takeSent()))
  })
  t.equal(flights[0], flights[1])
  t.equal(flights[0]!.slice(0, 8 + 32 + 64), `02000030${toHex(taken.handle)}${'05'.repeat(32)}`)
})

t.test('a first flight that is replayed is refused as a spent handle', async t => {
  const link = await resuming()
  link.dialer.channel.start()
  link.dialer.seal('early')
  await link.settle()
  const replay = accept(far)
  replay.feed(link.recorded)
  t.same(replay.events, ['closed HANDLE_UNKNOWN local'])
  t.same(
    framesOf(replay.sent).map(f => toHex(concatBytes(f.body))),
    ['0101'],
  )
})

t.test('a handle that is spent on another carrier meanwhile opens nothing here', async t => {
  const link = await resuming()
  link.dialer.channel.start()
  link.dialer.seal('early')
  const flight = link.dialer.takeSent()
  const [first, second] = [accept(far), accept(far)]
  first.feed(flight.slice(0, 1))
  second.feed(flight)
  t.same(second.events, ['ready', 'record early'])
  first.feed(flight.slice(1))
  t.same(first.events, ['closed HANDLE_UNKNOWN local'])
})

t.test('a recorded first flight that was held back opens late and is never confirmed', async t => {
  const held = await resuming()
  held.dialer.channel.start()
  held.dialer.seal('recorded')
  const flight = held.dialer.takeSent()
  held.dialer.channel.release()

  const next = new Link(dial(near, far, { resume: near.keyring.take(nearOwner) }), accept(far))
  next.dialer.channel.start()
  next.dialer.seal('meanwhile')
  await next.settle()
  t.ok(next.acceptor.channel.isConfirmed)

  const late = accept(far)
  late.feed(flight)
  t.same(late.events, ['ready', 'record recorded'])
  late.feed(next.recorded.filter(bytes => bytes[0] === OUTER.RECORD))
  t.equal(late.channel.isConfirmed, false)
  t.same(late.closed, { code: 'RECORD_REJECTED', from: 'local' })
})

t.test('an ACCEPT that was forged never confirms', async t => {
  const link = await resuming()
  link.dialer.channel.start()
  link.dialer.seal('early')
  link.acceptor.feed(link.dialer.takeSent())
  const [, record] = link.acceptor.takeSent()
  link.dialer.feed([frame(OUTER.ACCEPT, new Uint8Array(32)), record!])
  t.equal(link.dialer.channel.isConfirmed, false)
  t.same(link.dialer.closed, { code: 'RECORD_REJECTED', from: 'local' })
})

t.test('a record that is sent back to its sender is rejected', async t => {
  for (const link of [await establish(near, far, nearOwner, farOwner), await resuming()]) {
    if (!link.dialer.channel.isReady) {
      link.dialer.channel.start()
      link.dialer.seal('early')
      await link.settle()
    }
    for (const end of [link.dialer, link.acceptor]) {
      end.seal('mine')
      const frames = end.takeSent()
      end.feed(frames)
      t.same(end.closed, { code: 'RECORD_REJECTED', from: 'local' })
    }
  }
})

t.test('a record that was altered, lost or repeated ends its carrier', async t => {
  const rows: Record<string, (records: Uint8Array[]) => Uint8Array[]> = {
    'altered type': ([first]) => [Uint8Array.of(OUTER.EARLY, ...first!.subarray(1))],
    'altered ciphertext': ([first]) => [first!.map((byte, i) => (i === 5 ? byte ^ 1 : byte))],
    'altered tag': ([first]) => [first!.map((byte, i) => (i === first!.length - 1 ? byte ^ 1 : byte))],
    lost: ([, second]) => [second!],
    repeated: ([first]) => [first!, first!],
    'too short': () => [frame(OUTER.RECORD, new Uint8Array(15))],
  }
  for (const [what, change] of Object.entries(rows)) {
    const link = await establish(near, far, nearOwner, farOwner)
    link.dialer.seal('first')
    link.dialer.seal('second')
    link.acceptor.feed(change(link.dialer.takeSent()))
    const code = what === 'altered type' ? 'PROTOCOL_VIOLATION' : 'RECORD_REJECTED'
    t.same(link.acceptor.closed, { code, from: 'local' }, what)
    t.same(link.acceptor.records, what === 'repeated' ? ['hello', 'first'] : ['hello'])
    await link.settle()
    t.same(link.dialer.closed, { code, from: 'peer' })
  }
})

t.test('a first flight whose first record does not open leaves its handle unspent', async t => {
  const link = await resuming()
  link.dialer.channel.start()
  link.dialer.seal('early')
  const [resume, early] = link.dialer.takeSent()
  const forger = accept(far)
  forger.feed([resume!, early!.map((byte, i) => (i === 6 ? byte ^ 1 : byte))])
  t.same(forger.events, ['closed RECORD_REJECTED local'])
  link.acceptor.feed([resume!, early!])
  t.same(link.acceptor.events, ['ready', 'record early'])
  link.acceptor.feed([early!])
  t.same(link.acceptor.closed, { code: 'RECORD_REJECTED', from: 'local' })
})

t.test('EARLY is over with the first RECORD', async t => {
  const link = await resuming()
  link.dialer.channel.start()
  link.dialer.seal('early')
  link.dialer.seal('never sent')
  const [resume, early, kept] = link.dialer.takeSent()
  link.acceptor.feed([resume!, early!])
  await link.settle()
  t.ok(link.acceptor.channel.isConfirmed)
  link.acceptor.feed([kept!])
  t.same(link.acceptor.closed, { code: 'PROTOCOL_VIOLATION', from: 'local' })
})

t.test('a frame out of place is a PROTOCOL_VIOLATION in every state', async t => {
  const all = Object.values(OUTER).filter(type => type !== OUTER.CLOSE)
  const full = async (): Promise<Link> => establish(near, far, nearOwner, farOwner)
  const resumed = async (): Promise<Link> => {
    const link = await resuming()
    link.dialer.channel.start()
    link.dialer.seal('early')
    return link
  }
  const settled = async (): Promise<Link> => {
    const link = await resumed()
    await link.settle()
    return link
  }
  const rows: [string, OuterType[], () => Promise<End>][] = [
    ['unstarted', [], async () => dial(near, far)],
    ['waiting', [OUTER.CRYPTO, OUTER.RESUME], async () => accept(far)],
    [
      'handshaking',
      [OUTER.CRYPTO, OUTER.RECORD],
      async () => {
        const end = dial(near, far)
        end.channel.start()
        return end
      },
    ],
    ['full', [OUTER.CRYPTO, OUTER.RECORD], async () => (await full()).dialer],
    ['full', [OUTER.CRYPTO, OUTER.RECORD], async () => (await full()).acceptor],
    [
      'unproven',
      [OUTER.EARLY],
      async () => {
        const { dialer, acceptor } = await resumed()
        acceptor.feed(dialer.takeSent().slice(0, 1))
        return acceptor
      },
    ],
    [
      'early',
      [OUTER.EARLY, OUTER.RECORD],
      async () => {
        const { dialer, acceptor } = await resumed()
        acceptor.feed(dialer.takeSent())
        return acceptor
      },
    ],
    ['resuming', [OUTER.ACCEPT], async () => (await resumed()).dialer],
    ['resumed', [OUTER.RECORD], async () => (await settled()).dialer],
    ['resumed', [OUTER.RECORD], async () => (await settled()).acceptor],
  ]
  for (const [state, good, make] of rows) {
    for (const type of all.filter(each => !good.includes(each))) {
      const end = await make()
      end.feed([frame(type, new Uint8Array(48))])
      t.same(end.closed, { code: 'PROTOCOL_VIOLATION', from: 'local' }, `frame type ${type} while ${state}`)
      t.match(end.detail, `while ${state}`)
    }
  }
})

t.test('RESUME, ACCEPT and CLOSE have a fixed layout', async t => {
  for (const bytes of [0, 16, 47, 49]) {
    const end = accept(far)
    end.feed([frame(OUTER.RESUME, new Uint8Array(bytes))])
    t.same(end.closed, { code: 'FRAME_MALFORMED', from: 'local' })
  }
  for (const bytes of [0, 31, 33]) {
    const { dialer } = await resuming()
    dialer.channel.start()
    dialer.feed([frame(OUTER.ACCEPT, new Uint8Array(bytes))])
    t.same(dialer.closed, { code: 'FRAME_MALFORMED', from: 'local' })
  }
  const end = accept(far)
  end.feed([frame(OUTER.CLOSE, new Uint8Array(1))])
  t.same(end.closed, { code: 'FRAME_MALFORMED', from: 'local' })
})

t.test('a CLOSE of the peer is passed on with its code, in every state, and ends everything', async t => {
  const codes: [WireCode, number][] = [
    ['TOO_MANY_CONNECTIONS', wireOf('TOO_MANY_CONNECTIONS')],
    ['GOODBYE', wireOf('GOODBYE')],
    ['PROTOCOL_VIOLATION', 0x7fff],
  ]
  for (const [code, wire] of codes) {
    const body = new Uint8Array(2)
    putUint(body, 0, 2, wire)
    const started = dial(near, far)
    started.channel.start()
    const link = await establish(near, far, nearOwner, farOwner)
    const fresh = await resuming()
    fresh.dialer.channel.start()
    for (const end of [accept(far), started, link.dialer, link.acceptor, fresh.dialer]) {
      end.takeSent()
      end.feed([frame(OUTER.CLOSE, body), frame(OUTER.RECORD, body)])
      t.same(end.closed, { code, from: 'peer' })
      t.equal(end.channel.isClosed, true)
      t.equal(end.channel.isReady, false)
      end.seal('nothing')
      end.channel.close('INTERNAL' as WireCode)
      t.same(end.sent, [], 'nothing is sent any more')
      t.equal(end.events.filter(event => event.startsWith('closed')).length, 1)
    }
  }
})

t.test('close tells the peer once and calls nothing afterwards', async t => {
  const link = await establish(near, far, nearOwner, farOwner)
  link.dialer.seal('last')
  link.dialer.channel.close('SUPERSEDED', 'why not')
  link.dialer.channel.close('GOODBYE')
  t.same(link.dialer.closed, { code: 'SUPERSEDED', from: 'local' })
  t.equal(link.dialer.detail, 'why not')
  const sent = link.dialer.takeSent()
  t.equal(toHex(sent.at(-1)!), '06000002010b')
  t.equal(sent.length, 2)
  link.acceptor.feed(sent)
  t.same(link.acceptor.events.slice(-2), ['record last', 'closed SUPERSEDED peer'])
})

t.test('release ends a channel without a word', async t => {
  for (const end of [accept(far), dial(near, far), (await establish(near, far, nearOwner, farOwner)).dialer]) {
    const before = end.events.length
    end.takeSent()
    end.channel.release()
    end.channel.release()
    end.channel.close('GOODBYE')
    end.feed([frame(OUTER.CRYPTO, new Uint8Array(10))])
    await turn()
    t.equal(end.events.length, before)
    t.same(end.sent, [])
    t.ok(end.channel.isClosed)
  }
})

t.test('a carrier that is found gone while the first flight is sent is never ready', async t => {
  const resumer = (await resuming()).dialer
  const proven = await resuming()
  proven.dialer.channel.start()
  proven.dialer.seal('early')
  const flight = proven.dialer.takeSent()
  const rows: [End, (end: End) => void][] = [
    [dial(near, far), end => end.channel.start()],
    [resumer, end => end.channel.start()],
    [proven.acceptor, end => end.feed(flight)],
  ]
  for (const [end, act] of rows) {
    end.onSend = () => end.channel.release()
    act(end)
    await turn()
    t.ok(end.channel.isClosed)
    t.same(end.events, [])
  }
})

t.test('a handshake that is closed half way leaves no error behind', async t => {
  const seen: unknown[] = []
  const listener = (error: unknown): void => void seen.push(error)
  process.on('uncaughtException', listener)
  for (let steps = 0; steps < 12; steps++) {
    for (const which of ['dialer', 'acceptor'] as const) {
      const link = new Link(dial(near, far), accept(far))
      link.dialer.channel.start()
      for (let step = 0; step < steps; step++) {
        link.carry()
        await turn()
      }
      link[which].channel.close('HANDSHAKE_TIMEOUT')
      await link.settle()
      t.same(link[which].closed, { code: 'HANDSHAKE_TIMEOUT', from: 'local' })
    }
  }
  process.off('uncaughtException', listener)
  t.same(seen, [])
})

t.test('an owner that finds a fault of the peer in a record closes the channel with its code', async t => {
  const link = await establish(near, far, nearOwner, farOwner)
  link.acceptor.on = event => {
    if (event.startsWith('record')) throw new RemoteError('PROTOCOL_VIOLATION', 'an inner frame is cut')
  }
  link.dialer.seal('broken')
  link.carry()
  t.same(link.acceptor.closed, { code: 'PROTOCOL_VIOLATION', from: 'local' })
  t.equal(link.acceptor.detail, 'an inner frame is cut')
})

t.test('a bug in a handler is not hidden, and the channel still takes frames', async t => {
  const link = await establish(near, far, nearOwner, farOwner)
  link.acceptor.on = event => {
    if (event === 'record bad') throw new Bug('in the owner')
  }
  link.dialer.seal('bad')
  t.throws(() => link.carry(), Bug)
  link.dialer.seal('good')
  link.carry()
  t.equal(link.acceptor.records.at(-1), 'good')
})

t.test('only a dialer starts, once, and nothing is sealed before ready', async t => {
  t.throws(() => accept(far).channel.start(), Bug)
  const end = dial(near, far)
  t.throws(() => end.seal('too soon'), Bug)
  end.channel.start()
  t.throws(() => end.channel.start(), Bug)
  end.channel.release()
})

t.test('a key that has sealed its share closes the carrier', async t => {
  t.equal(LIMITS.keyBytesMax, 2 ** 40)
  await establish(near, far, nearOwner, farOwner)
  const dialer = dial(near, far, { resume: near.keyring.take(nearOwner), keyBytesMax: 10 })
  dialer.channel.start()
  dialer.seal('0123456789')
  t.equal(dialer.channel.sealedBytes, 10)
  t.notOk(dialer.channel.isClosed)
  dialer.seal('x')
  t.same(dialer.closed, { code: 'KEY_EXHAUSTED', from: 'local' })
})

t.test('more CRYPTO bytes than the limit close the carrier, during the handshake and after it', async t => {
  const chunk = frame(OUTER.CRYPTO, new Uint8Array(LIMITS.cryptoBytesMax / 2 - OUTER_HEADER_BYTES).fill(0x17))
  const { dialer } = await establish(near, far, nearOwner, farOwner)
  dialer.feed([chunk])
  t.equal(dialer.closed, undefined)
  dialer.feed([chunk])
  t.same(dialer.closed, { code: 'PROTOCOL_VIOLATION', from: 'local' })
  const fresh = accept(far)
  fresh.feed([frame(OUTER.CRYPTO, new Uint8Array(LIMITS.cryptoBytesMax + 1))])
  t.same(fresh.closed, { code: 'PROTOCOL_VIOLATION', from: 'local' })
  t.match(fresh.detail, 'CRYPTO')
})

t.test('empty CRYPTO frames count by their headers', async t => {
  const end = accept(far)
  for (let i = 0; i < LIMITS.cryptoBytesMax / OUTER_HEADER_BYTES; i++) end.feed([frame(OUTER.CRYPTO)])
  t.equal(end.closed, undefined)
  end.feed([frame(OUTER.CRYPTO)])
  t.same(end.closed, { code: 'PROTOCOL_VIOLATION', from: 'local' })
})

t.test('more records before the handshake is complete than the limit close the carrier', async t => {
  const rows = [
    [LIMITS.earlyBytesMax / 4 - OUTER_HEADER_BYTES, 4],
    [0, LIMITS.earlyBytesMax / OUTER_HEADER_BYTES],
  ] as const
  for (const [bodyBytes, count] of rows) {
    const end = dial(near, far)
    end.channel.start()
    for (let i = 0; i < count; i++) end.feed([frame(OUTER.RECORD, new Uint8Array(bodyBytes))])
    t.equal(end.closed, undefined)
    end.feed([frame(OUTER.RECORD)])
    t.same(end.closed, { code: 'PROTOCOL_VIOLATION', from: 'local' })
  }
})

t.test('a resumption is judged like any peer, with its owner', async t => {
  await establish(near, far, nearOwner, farOwner)
  const seen: unknown[] = []
  const acceptor = accept(far, {
    mayHandshake: () => 'TOO_MANY_CONNECTIONS',
    admit: (peerId, owner) => {
      seen.push(peerId, owner)
      return 'PEER_UNKNOWN'
    },
  })
  const link = new Link(dial(near, far, { resume: near.keyring.take(nearOwner) }), acceptor)
  link.dialer.channel.start()
  link.dialer.seal('early')
  await link.settle()
  t.same(seen, [near.identity.peerId, farOwner])
  t.same(acceptor.events, ['closed PEER_UNKNOWN local'])
  t.match(acceptor.detail, near.identity.peerId)
  t.same(link.dialer.closed, { code: 'PEER_UNKNOWN', from: 'peer' })
})

t.test('after its owner is dropped no handle is known', async t => {
  const link = await resuming()
  link.dialer.channel.start()
  link.dialer.seal('early')
  const [resume, early] = link.dialer.takeSent()
  link.acceptor.feed([resume!])
  far.keyring.drop(farOwner)
  link.acceptor.feed([early!])
  t.same(link.acceptor.events, ['closed HANDLE_UNKNOWN local'])
  const later = accept(far)
  later.feed([resume!])
  t.same(later.events, ['closed HANDLE_UNKNOWN local'])
})

t.test('random frames never throw and never open anything', async t => {
  const seed = 41
  t.comment(`seed ${seed}`)
  const random = new Random(seed)
  for (let run = 0; run < 150; run++) {
    const dialer = dial(stranger, far)
    dialer.channel.start()
    for (const end of [accept(stranger), dialer]) {
      for (let i = 0; i < 5; i++) {
        end.feed([frame(random.int(1, 6) as OuterType, random.bytes(random.pick([0, 2, 16, 32, 48, 300])))])
      }
      await turn()
      t.notOk(end.channel.isReady)
      end.channel.release()
    }
  }
})
