/** Redis: numbered messages from a publisher to a subscriber, once from far to near and once from near to far. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Namespace } from '../../lab/namespace.ts'
import { until } from '../../wait.ts'
import {
  countOf,
  findProgram,
  READY_DEADLINE_MS,
  REAL_PORT,
  type RealProgram,
  type Site,
  WORK_DEADLINE_MS,
} from './real-program.ts'
import { RunningProgram, stopAll } from './running-program.ts'

const PUBLISH_MS = 10
/** So many before the move, and as many after it. */
const ENOUGH_MESSAGES = 10

export class Redis implements RealProgram {
  readonly name = 'Redis'
  readonly connections = 2
  readonly #site: Site
  readonly #directory: string
  #server: RunningProgram | undefined
  #channels: readonly Channel[] = []

  constructor(site: Site) {
    this.#site = site
    this.#directory = join(site.directory, 'redis')
    mkdirSync(this.#directory)
  }

  async serve(): Promise<void> {
    const settings = {
      port: REAL_PORT.redis,
      bind: this.#site.address,
      'protected-mode': 'no',
      dir: this.#directory,
      save: '',
      appendonly: 'no',
      daemonize: 'no',
      loglevel: 'verbose',
    }
    const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
    this.#server = new RunningProgram(this.#site.far, [findProgram('redis-server'), ...options])
    await this.#server.said(/Ready to accept connections/)
  }

  async begin(): Promise<void> {
    const { near, far, address } = this.#site
    this.#channels = [new Channel('down', far, near, address), new Channel('up', near, far, address)]
    await Promise.all(this.#channels.map(channel => channel.begin()))
  }

  mustBeBusy(): void {
    for (const channel of this.#channels) channel.mustBeBusy()
  }

  async finish(): Promise<string> {
    const counts = await Promise.all(this.#channels.map(channel => channel.finish()))
    const log = this.#server?.out ?? ''
    const clients = this.#channels.length * 2
    assert.equal(countOf(log, /Accepted \d/g), clients, log)
    return `${counts.join(' and ')} messages down and up, none missing, none twice; ${clients} connections`
  }

  async close(): Promise<void> {
    for (const channel of this.#channels) await channel.close()
    await this.#server?.stop()
  }
}

/** Every message is the number after the one before it. */
class Channel {
  readonly #name: string
  readonly #from: Namespace
  readonly #to: Namespace
  readonly #address: string
  #subscriber: RunningProgram | undefined
  #publisher: RunningProgram | undefined
  #timer: NodeJS.Timeout | undefined
  #published = 0

  constructor(name: string, from: Namespace, to: Namespace, address: string) {
    this.#name = name
    this.#from = from
    this.#to = to
    this.#address = address
  }

  async begin(): Promise<void> {
    const client = [findProgram('redis-cli'), '-h', this.#address, '-p', String(REAL_PORT.redis)]
    this.#subscriber = new RunningProgram(this.#to, [...client, 'subscribe', this.#name])
    await this.#subscriber.said(/^subscribe\n/m)
    const publisher = new RunningProgram(this.#from, client)
    this.#publisher = publisher
    this.#timer = setInterval(() => this.#publish(publisher), PUBLISH_MS)
    await this.#receives(ENOUGH_MESSAGES, READY_DEADLINE_MS)
  }

  mustBeBusy(): void {
    this.#subscriber?.mustRun()
    this.#publisher?.mustRun()
  }

  /** @returns how many messages came */
  async finish(): Promise<number> {
    await this.#receives(this.#published + ENOUGH_MESSAGES, READY_DEADLINE_MS)
    clearInterval(this.#timer)
    await this.#receives(this.#published, WORK_DEADLINE_MS)
    const expected = Array.from({ length: this.#published }, (_, index) => index + 1)
    assert.deepEqual(this.#received, expected, `messages on ${this.#name}`)
    this.#publisher?.endInput()
    // It says for each message how many subscribers got it.
    assert.deepEqual(
      new Set(await this.#publisher?.ends().then(out => out.trim().split('\n'))),
      new Set(['1']),
      `subscribers of each message on ${this.#name}`,
    )
    return this.#published
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await stopAll([this.#publisher, this.#subscriber])
  }

  /** The next message leaves when the one before was answered: nothing waits before Redis has it. */
  #publish(publisher: RunningProgram): void {
    const answers = countOf(publisher.out, /\n/g)
    if (answers < this.#published) return
    this.#published++
    publisher.write(`publish ${this.#name} ${this.#published}\n`)
  }

  get #received(): readonly number[] {
    // Of each message three lines: message, the channel, the number. A last line without its end is not whole yet.
    const messages = (this.#subscriber?.out ?? '').matchAll(new RegExp(`^message\\n${this.#name}\\n(\\d+)\\n`, 'gm'))
    return [...messages].map(([, number]) => Number(number))
  }

  async #receives(count: number, deadlineMs: number): Promise<void> {
    await until(
      `${count} messages on ${this.#name}`,
      { deadlineMs },
      () => {
        this.mustBeBusy()
        return this.#received.length >= count ? true : undefined
      },
      () => `${this.#received.length} came, ${this.#published} left`,
    )
  }
}
