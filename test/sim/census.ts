/**
 * What has really happened in a run. A fault that meets nothing proves nothing: a cut without a carrier, a stalled carrier that
 * had nothing to carry. So this watches from beside. It draws nothing and changes nothing: a seed plays the same with it.
 */
import { frameTexts } from '../support/frame-text.ts'
import type { Host } from './host.ts'
import type { SimCarrier } from './network.ts'

/** Everything that a run may show; a test wants all of them among its seeds. */
export const SIGHTS = [
  'a carrier ended with bytes outstanding',
  'a carrier ended while one side announced',
  'a carrier ended while a rekey was announced',
  'a carrier ended while a session was half-closed',
  'MIGRATE was lost',
  'MIGRATE_ACK was lost',
  'bytes of a replay were lost',
  'a FIN was lost',
  'a RESET was lost',
  'both sides proposed at once',
  'one side proposed twice within a round trip',
  'a proposal was refused',
  'a proposal of an epoch that is over arrived',
  'a rekey was proposed',
  'bytes overtook others',
  'bytes came on another carrier than the active one',
  'a record came twice',
  'a record waited in a blackhole of one way',
  'a record waited in a stalled carrier',
  'a standing process kept something waiting',
  'a clock jumped while sessions lived',
  'an application read slowly',
  'an application was reset before its open was answered',
  'an application was reset in the middle',
  'an application was reset after its own FIN',
  "an application was reset after its peer's FIN",
  'a process died with sessions',
  'a process learned that its peer is another one',
  'a process learned that its peer has stopped',
  'the hold time was over',
  'memory was exhausted',
  'a session was refused for want of memory',
  'a session gave way for want of memory',
  'other endpoints were told',
] as const

export type Sight = (typeof SIGHTS)[number]

interface Sent {
  readonly from: 0 | 1
  readonly texts: readonly string[]
  readonly isReplay: boolean
}

/** The last proposal of one side. */
interface Proposal {
  readonly atMs: number
  readonly reason: string
  isAnswered: boolean
}

const DATA = /^DATA (\d+) @(\d+)(?:\+(\d+))?/

export class Census {
  readonly counts = new Map<Sight, number>()
  /** What is on its way, by carrier. */
  readonly #underWay = new Map<SimCarrier, Map<Uint8Array, Sent>>()
  readonly #proposals: [Proposal | undefined, Proposal | undefined] = [undefined, undefined]
  /** Greatest offset that was sent, by sender, its life and ref. */
  readonly #sentTo = new Map<string, number>()

  see(sight: Sight): void {
    this.counts.set(sight, (this.counts.get(sight) ?? 0) + 1)
  }

  handleSent(carrier: SimCarrier, from: 0 | 1, record: Uint8Array): void {
    const texts = frameTexts([record])
    const sender = carrier.ends[from]
    const isReplay = texts.map(text => this.#isRepeated(text, sender)).includes(true)
    const records = this.#underWay.get(carrier) ?? new Map<Uint8Array, Sent>()
    this.#underWay.set(carrier, records.set(record, { from, texts, isReplay }))
    for (const text of texts) this.#handleProposal(text, carrier, from)
  }

  /** Before its receiver sees it. */
  handleArrived(carrier: SimCarrier, from: 0 | 1, record: Uint8Array): void {
    const records = this.#underWay.get(carrier)
    const sent = records?.get(record)
    if (sent === undefined) return
    records!.delete(record)
    const receiver = carrier.ends[from === 0 ? 1 : 0]
    for (const text of sent.texts) this.#handleArrivedText(text, carrier, receiver)
  }

  handleCut(carrier: SimCarrier): void {
    const lost = [...(this.#underWay.get(carrier)?.values() ?? [])]
    this.#underWay.delete(carrier)
    const has = (start: string) => lost.some(({ texts }) => texts.some(text => text.startsWith(start)))
    if (has('MIGRATE ')) this.see('MIGRATE was lost')
    if (has('MIGRATE_ACK ')) this.see('MIGRATE_ACK was lost')
    if (has('RESET ')) this.see('a RESET was lost')
    if (lost.some(({ texts }) => texts.some(text => text.endsWith(' FIN')))) this.see('a FIN was lost')
    if (lost.some(({ isReplay }) => isReplay)) this.see('bytes of a replay were lost')
    const announcing = carrier.ends.filter(({ association }) => association.state === 'announcing')
    if (announcing.length > 0) this.see('a carrier ended while one side announced')
    if (announcing.some(({ side }) => this.#proposals[side]?.reason === 'rekey'))
      this.see('a carrier ended while a rekey was announced')
    const sessions = carrier.ends.flatMap(({ association }) => [...association.sessions()])
    if (sessions.some(({ outbox }) => outbox.acked < outbox.sent)) this.see('a carrier ended with bytes outstanding')
    const applications = carrier.ends.flatMap(host => [...host.applications.values()])
    if (applications.some(({ isHalfClosed }) => isHalfClosed))
      this.see('a carrier ended while a session was half-closed')
  }

  #isRepeated(text: string, sender: Host): boolean {
    const [, ref, offset, bytes] = DATA.exec(text) ?? []
    if (ref === undefined) return false
    const key = `${sender.side} ${sender.life} ${ref}`
    const before = this.#sentTo.get(key) ?? 0
    this.#sentTo.set(key, Math.max(before, Number(offset) + Number(bytes ?? 1)))
    return Number(offset) < before
  }

  #handleProposal(text: string, carrier: SimCarrier, from: 0 | 1): void {
    if (/^MIGRATE_ACK \d+ no/.test(text)) this.see('a proposal was refused')
    const [, reason] = /^MIGRATE \d+ (\w+)/.exec(text) ?? []
    if (reason === undefined) return
    const atMs = carrier.ends[from].world.clock.now
    const [own, others] = [this.#proposals[from], this.#proposals[from === 0 ? 1 : 0]]
    if (reason === 'rekey') this.see('a rekey was proposed')
    if (own !== undefined && atMs - own.atMs < carrier.rttMs) this.see('one side proposed twice within a round trip')
    if (others?.isAnswered === false && atMs - others.atMs < carrier.rttMs) this.see('both sides proposed at once')
    this.#proposals[from] = { atMs, reason, isAnswered: false }
  }

  #handleArrivedText(text: string, carrier: SimCarrier, receiver: Host): void {
    const { association, side } = receiver
    const [word, number] = text.split(' ')
    if (word === 'MIGRATE_ACK' && this.#proposals[side] !== undefined) this.#proposals[side].isAnswered = true
    if (word === 'MIGRATE' && Number(number) < association.epoch)
      this.see('a proposal of an epoch that is over arrived')
    if (word === 'ENDPOINTS') this.see('other endpoints were told')
    if (word !== 'DATA') return
    if (association.activeCarrier !== carrier.id) this.see('bytes came on another carrier than the active one')
    const offset = Number(DATA.exec(text)![2])
    for (const { ref, inbox } of association.sessions())
      if (ref === Number(number) && offset > inbox.received) this.see('bytes overtook others')
  }
}
