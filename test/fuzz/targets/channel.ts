/**
 * Somebody on the path, between two channels that resume an association (and, at the start, one that has none). An input is
 * what he does, frame by frame: pass, drop, repeat, change, cut, hold back, send back to its sender, or make one up.
 *
 * - Nothing but RemoteErrors inside, so nothing is thrown; a channel that closes says why with a code.
 * - What a side is handed is what the other side has sealed, in order and from the start: nothing is made up, left out, changed
 *   or twice.
 * - After it was closed, a channel says nothing more.
 */
import { strict as assert } from 'node:assert'
import { CODES } from '../../../src/base/codes.ts'
import { Keyring } from '../../../src/secure/keyring.ts'
import { Keyset } from '../../../src/secure/keyset.ts'
import { concatBytes, getUint, putUint } from '../../../src/wire/bytes.ts'
import { type OuterFrame, type OuterType, outerFrame } from '../../../src/wire/outer-frame.ts'
import { accept, dial, type End, framesOf, makeParty, type Owner, type Party } from '../../support/channel-pair.ts'
import type { Target } from '../target.ts'

const DO = { pass: 0, drop: 1, repeat: 2, change: 3, cut: 4, hold: 5, reflect: 6, make: 7 } as const
const STEP_BYTES = 4
const STEPS_MAX = 200
const TEXTS = ['one', 'two', 'three']

export const channel: Target = {
  name: 'channel',
  inputBytesMax: STEP_BYTES * STEPS_MAX,
  msBase: 300,
  msPerKib: 300,
  batch: 32,
  prepare: async () => {
    const parties = [await makeParty(), await makeParty()] as const
    return { seeds: seeds(), run: input => run(input, ...parties) }
  },
}

function seeds(): Uint8Array[] {
  const passes = Array<number[]>(12).fill([DO.pass, 0, 0, 0])
  return Object.values(DO).map((what, i) => {
    const steps = passes.slice()
    steps.splice(i, 0, [what, 0, 9, 1])
    return Uint8Array.from(steps.flat())
  })
}

function run(input: Uint8Array, a: Party, b: Party): void {
  const exporter = () => new Uint8Array(32).fill(7)
  const [ringA, ringB] = [new Keyring<Owner>(), new Keyring<Owner>()]
  const here = new Keyset<Owner>(exporter(), a.identity.peerId, b.identity.peerId, ringA.handles)
  const there = new Keyset<Owner>(exporter(), b.identity.peerId, a.identity.peerId, ringB.handles)
  here.begin('dialer').fill(0)
  there.begin('acceptor').fill(0)
  ringB.add(there)
  const dialer = dial({ ...a, keyring: ringA }, b, { resume: { ...here.take(), keyset: here } })
  const acceptor = accept({ ...b, keyring: ringB })
  const path = new Path(dialer, acceptor)
  dialer.channel.start()
  for (const text of TEXTS) dialer.seal(text)
  for (let at = 0; at + STEP_BYTES <= input.length; at += STEP_BYTES) {
    path.step(input.subarray(at, at + STEP_BYTES))
    if (acceptor.channel.isReady && acceptor.records.length > path.answers) path.answer()
  }
  for (const [end, sealed] of [
    [acceptor, path.fromDialer],
    [dialer, path.fromAcceptor],
  ] as const)
    check(end, sealed)
  dialer.channel.release()
  acceptor.channel.release()
}

function check(end: End, sealed: readonly string[]): void {
  const seen = end.records.filter(text => text !== '')
  assert.deepEqual(seen, sealed.slice(0, seen.length))
  const closed = end.events.findIndex(event => event.startsWith('closed '))
  if (closed < 0) return
  assert.equal(closed, end.events.length - 1, 'it speaks after its end')
  assert(end.closed!.code in CODES)
}

/** Both directions; the attacker's hand is on the frames in between. */
class Path {
  readonly fromDialer: readonly string[] = TEXTS
  readonly fromAcceptor: string[] = []
  answers = 0
  readonly #ends: readonly [End, End]
  readonly #queues: readonly [OuterFrame[], OuterFrame[]] = [[], []]
  readonly #held: OuterFrame[] = []

  constructor(dialer: End, acceptor: End) {
    this.#ends = [dialer, acceptor]
  }

  answer(): void {
    const text = `answer ${this.answers++}`
    this.fromAcceptor.push(text)
    this.#ends[1].seal(text)
  }

  step(step: Uint8Array): void {
    for (const [i, end] of this.#ends.entries()) this.#queues[i]!.push(...framesOf(end.takeSent()))
    const from = step[1]! & 1
    const queue = this.#queues[from]!.length > 0 ? from : 1 - from
    const kind = step[0]! % 8
    if (kind === DO.make) return this.#deliver(1 - from, madeUp(step))
    const frame = this.#queues[queue]!.shift() ?? this.#held.shift()
    if (frame === undefined) return
    const to = 1 - queue
    if (kind === DO.hold) this.#held.push(frame)
    else if (kind === DO.reflect) this.#deliver(queue, frame)
    else if (kind !== DO.drop) this.#deliver(to, kind === DO.pass || kind === DO.repeat ? frame : altered(frame, step))
    if (kind === DO.repeat) this.#deliver(to, frame)
  }

  #deliver(to: number, frame: OuterFrame): void {
    this.#ends[to]!.channel.handleFrame(frame)
  }
}

function altered({ header, body }: OuterFrame, step: Uint8Array): OuterFrame {
  const bytes = concatBytes([header, ...body]).slice()
  if (step[0]! % 8 === DO.cut)
    return frameOf(header[0] as OuterType, bytes.subarray(header.length, bytes.length - step[2]!))
  bytes[getUint(step, 1, 2) % bytes.length]! ^= step[3]! || 1
  return frameOf((((bytes[0]! - 1) % 6) + 1) as OuterType, bytes.subarray(header.length))
}

function madeUp(step: Uint8Array): OuterFrame {
  return frameOf((((step[1]! >> 1) % 6) + 1) as OuterType, new Uint8Array(step[2]!).fill(step[3]!))
}

function frameOf(type: OuterType, body: Uint8Array): OuterFrame {
  const [header, ...pieces] = outerFrame(type, body)
  putUint(header!, 1, 3, body.length)
  return { type, header: header!, body: pieces }
}
