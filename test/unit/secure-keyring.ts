import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { type PeerId, peerIdFromSeed } from '../../src/secure/identity.ts'
import { chainRoot, earlyKey, type Role, recordKeys, stepChain } from '../../src/secure/key-schedule.ts'
import { Keyring } from '../../src/secure/keyring.ts'
import { Keyset, type TakenHandle } from '../../src/secure/keyset.ts'
import { toHex } from '../../src/wire/bytes.ts'

/** What both sides of a handshake have after it. */
class Side {
  readonly keyring = new Keyring<object>()
  readonly selfId: PeerId
  readonly peerId: PeerId

  constructor(selfId: PeerId, peerId: PeerId) {
    this.selfId = selfId
    this.peerId = peerId
  }

  handshake(exporterByte: number, role: Role): { keyset: Keyset<object>; firstKey: string } {
    const exporter = new Uint8Array(32).fill(exporterByte)
    const keyset = new Keyset(exporter, this.selfId, this.peerId, this.keyring.handles)
    const firstKey = toHex(keyset.begin(role))
    this.keyring.add(keyset)
    return { keyset, firstKey }
  }
}

const A = peerIdFromSeed(new Uint8Array(32).fill(1))
const B = peerIdFromSeed(new Uint8Array(32).fill(2))

function twoSides(): { a: Side; b: Side } {
  return { a: new Side(A, B), b: new Side(B, A) }
}

/** Side b takes this handle as an acceptor does after its first record has opened. */
function spend(b: Side, taken: TakenHandle<object>): boolean {
  const known = b.keyring.find(taken.handle)
  if (known === undefined) return false
  t.equal(known.n, taken.n)
  t.equal(toHex(known.key), toHex(taken.key))
  known.keyset.spend(known)
  t.equal(known.isLive, false)
  t.equal(toHex(known.key), '00'.repeat(32), 'the key of a spent handle is erased')
  return true
}

t.test('the key schedule gives the values of an independent implementation', async t => {
  const exporter = Uint8Array.from({ length: 32 }, (_, i) => i)
  const root = chainRoot(exporter, new Uint8Array(32).fill(0xaa))
  t.equal(toHex(root), 'c46743c85119640e5d82825070e33046f9cfb6f1ec426a8c5c715d35cfd6f603')
  const zero = stepChain(root)
  t.equal(toHex(zero.handle), '8757661a9cec6db10cf6761d5de01cdb')
  t.equal(toHex(zero.key), 'f60cfbb6f17b9ef12b0ea0ee02164b03191c3c6d09e86367a63aa609725e1c57')
  const one = stepChain(zero.next)
  t.equal(toHex(one.handle), '7e357adc77d67eaab288c09ae64e6762')
  t.equal(toHex(one.key), '48595d69ce9e0c6523079124f85c4b3a042278037f0286d8abc67271938d352c')
  t.equal(toHex(one.next), '5383350eb210136dfe4d79bbfbea868e4560004925add52e78f293ebc21b651a')

  const [dialerNonce, acceptorNonce] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  t.equal(toHex(earlyKey(one.key, dialerNonce)), 'ce6043846e0f148f90d990326fd3b8f3fc0222aab24eaf9f9678d5b252b7d1a7')
  const full = recordKeys(one.key, [])
  t.equal(toHex(full.dialer), '6eb014a484de277c5d719acf1df8ceb229f5900ef66bd536d6e8c5a1adba5f8a')
  t.equal(toHex(full.acceptor), 'eeeb50876f8242595b6fd0a9f1d9d887e7dff4d6c4e7d4d8bf55018336319566')
  const resumed = recordKeys(one.key, [dialerNonce, acceptorNonce])
  t.equal(toHex(resumed.dialer), '0111675c03aa131f20bc5985c11a8db3417c4306ab312389202e87c3a3880dd7')
  t.equal(toHex(resumed.acceptor), '3d57a0695e3e36cad7e4bc6950075959331ac1f6e48817de2dfce88e4a5409e8')
})

t.test("the handshake's own carrier is n = 0 of its dialer, and both sides can dial afterwards", async t => {
  const { a, b } = twoSides()
  const atA = a.handshake(7, 'dialer')
  const atB = b.handshake(7, 'acceptor')
  t.equal(atA.firstKey, atB.firstKey)
  t.equal(atA.keyset.peerId, B)
  const [fromA, fromB] = [atA.keyset.take(), atB.keyset.take()]
  t.equal(fromA.n, 1)
  t.equal(fromB.n, 0)
  t.not(toHex(fromA.key), toHex(fromB.key))
  t.ok(spend(b, fromA))
  t.ok(spend(a, fromB))
})

t.test('the exporter secret is erased once the chains are derived from it', async t => {
  const exporter = new Uint8Array(32).fill(9)
  new Keyset(exporter, A, B, new Map())
  t.equal(toHex(exporter), '00'.repeat(32))
})

t.test('a handle opens once', async t => {
  const { a, b } = twoSides()
  const { keyset } = a.handshake(7, 'dialer')
  b.handshake(7, 'acceptor')
  const taken = keyset.take()
  t.ok(spend(b, taken))
  t.notOk(spend(b, taken))
})

t.test('an acceptor knows 32 handles above the largest used and unused ones down to 32 below', async t => {
  const { a, b } = twoSides()
  const { keyset } = a.handshake(7, 'dialer')
  b.handshake(7, 'acceptor')
  const taken = [{ n: 0 } as TakenHandle<object>, ...Array.from({ length: 200 }, () => keyset.take())]
  t.ok(b.keyring.find(taken[32]!.handle))
  t.notOk(b.keyring.find(taken[33]!.handle), 'beyond the window after n = 0')

  t.ok(spend(b, taken[32]!), 'the upper edge')
  t.ok(b.keyring.find(taken[64]!.handle))
  t.notOk(b.keyring.find(taken[65]!.handle))
  t.ok(b.keyring.find(taken[1]!.handle), '31 below the largest used')

  t.ok(spend(b, taken[33]!))
  t.ok(spend(b, taken[1]!), '32 below the largest used: the lower edge')
  const two = b.keyring.find(taken[2]!.handle)!
  t.ok(spend(b, taken[35]!))
  t.notOk(spend(b, taken[2]!), '33 below the largest used')
  t.equal(two.isLive, false)
  t.equal(toHex(two.key), '00'.repeat(32), 'what falls out of the window is erased')

  t.ok(spend(b, taken[3]!), 'a late handle below the largest used')
  t.ok(b.keyring.find(taken[67]!.handle))
  t.notOk(b.keyring.find(taken[68]!.handle), 'a late handle does not move the window')
  t.ok(b.keyring.handles.size <= 2 * LIMITS.handlesAhead)
})

t.test('a side that has never dialed may use its handles 0 to 31 first', async t => {
  const { a, b } = twoSides()
  a.handshake(7, 'dialer')
  const { keyset } = b.handshake(7, 'acceptor')
  const taken = Array.from({ length: 33 }, () => keyset.take())
  t.equal(taken[0]!.n, 0)
  t.ok(a.keyring.find(taken[31]!.handle))
  t.notOk(a.keyring.find(taken[32]!.handle))
})

t.test('an owner dials with its newest keyset and keeps the two newest', async t => {
  const { a, b } = twoSides()
  const owner = {}
  t.equal(a.keyring.take(owner), undefined, 'nothing before the first handshake')
  const keysets = [1, 2, 3].map(byte => {
    const { keyset } = a.handshake(byte, 'dialer')
    b.handshake(byte, 'acceptor')
    t.not(a.keyring.take(owner)?.keyset, keyset, 'nobody dials with it before it has an owner')
    a.keyring.adopt(keyset, owner)
    t.equal(keyset.owner, owner)
    t.equal(a.keyring.take(owner)!.keyset, keyset)
    return keyset
  })
  for (const known of a.keyring.handles.values()) t.not(known.keyset, keysets[0], 'the oldest is forgotten')
  t.equal(new Set([...a.keyring.handles.values()].map(known => known.keyset)).size, LIMITS.keysetsMax)

  a.keyring.adopt(keysets[0]!, {})
  a.keyring.adopt(keysets[1]!, {})
  t.equal(keysets[1]!.owner, owner, 'adopting again is harmless')
  t.equal(a.keyring.take(owner)!.keyset, keysets[2])
})

t.test('all handles of a dropped owner are unknown at once', async t => {
  const { a } = twoSides()
  const [owner, bystander] = [{}, {}]
  a.keyring.adopt(a.handshake(1, 'dialer').keyset, owner)
  a.keyring.adopt(a.handshake(2, 'acceptor').keyset, owner)
  const kept = a.handshake(3, 'acceptor').keyset
  a.keyring.adopt(kept, bystander)
  t.ok(a.keyring.has(owner))
  a.keyring.drop(owner)
  t.notOk(a.keyring.has(owner))
  t.equal(a.keyring.take(owner), undefined)
  t.same(new Set([...a.keyring.handles.values()].map(known => known.keyset)), new Set([kept]))
  a.keyring.drop(owner)
  t.ok(a.keyring.take(bystander))
})

t.test('keysets without an owner are bounded, and the oldest makes room', async t => {
  const { b } = twoSides()
  const keysets = Array.from({ length: LIMITS.keysetsOwnerlessMax + 2 }, (_, i) => b.handshake(i, 'acceptor').keyset)
  const held = new Set([...b.keyring.handles.values()].map(known => known.keyset))
  t.same(held, new Set(keysets.slice(2)))
  const owner = {}
  b.keyring.adopt(keysets[0]!, owner)
  t.equal(b.keyring.take(owner), undefined, 'a forgotten keyset is not adopted')
})
