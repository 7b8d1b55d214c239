/** iperf3 at a limited rate, one test in each direction. */
import assert from 'node:assert/strict'
import { countOf, findProgram, REAL_PORT, type RealProgram, type Site } from './real-program.ts'
import { RunningProgram, stopAll } from './running-program.ts'

const SECONDS = 30
const BLOCK_BYTES = 262_144
/**
 * A test ends by a message on the control connection, and what is still under way in the other one counts as sent but
 * not as received, also without Holdfast. So blocks are 1.9 s apart, and the end keeps away from them: upwards the time
 * is over just before a block would leave; downwards the client ends the test when it has the last block it asked for.
 * iperf3 makes up for time that it was kept from running with several blocks at once, also just before the end: what is
 * under way then may be more than one. Whether bytes are right is for programs that compare them.
 */
const BLOCKS = 15
const BITS_PER_SECOND = Math.round((BLOCK_BYTES * 8 * (BLOCKS + 0.9)) / SECONDS)
const END = {
  up: ['--time', String(SECONDS)],
  down: ['--bytes', String(BLOCKS * BLOCK_BYTES), '--reverse'],
} as const
/** One for control, one for data. */
const CONNECTIONS = 2

interface Test {
  readonly direction: 'up' | 'down'
  readonly port: number
  server?: RunningProgram
  client?: RunningProgram
}

interface Report {
  readonly error?: string
  readonly end: { readonly sum_sent: { readonly bytes: number }; readonly sum_received: { readonly bytes: number } }
}

export class Iperf implements RealProgram {
  readonly name = 'iperf3'
  readonly connections = 2 * CONNECTIONS
  readonly #site: Site
  readonly #tests: readonly Test[] = [
    { direction: 'up', port: REAL_PORT.iperfUp },
    { direction: 'down', port: REAL_PORT.iperfDown },
  ]

  constructor(site: Site) {
    this.#site = site
  }

  async serve(): Promise<void> {
    const { address } = this.#site
    for (const test of this.#tests) {
      const options = ['--server', '--one-off', '--forceflush', '--bind', address, '--port', String(test.port)]
      test.server = new RunningProgram(this.#site.far, [findProgram('iperf3'), ...options])
      await test.server.said(/Server listening/)
    }
  }

  async begin(): Promise<void> {
    for (const test of this.#tests) {
      const rate = ['--bitrate', String(BITS_PER_SECOND), '--length', String(BLOCK_BYTES)]
      const server = ['--client', this.#site.address, '--port', String(test.port)]
      const options = [...server, '--json', ...rate, ...END[test.direction]]
      test.client = new RunningProgram(this.#site.near, [findProgram('iperf3'), ...options])
      // Its first interval is over: bytes flow.
      await test.server?.said(/sec .*Mbits\/sec/)
    }
  }

  mustBeBusy(): void {
    for (const { client } of this.#tests) client?.mustRun()
  }

  async finish(): Promise<string> {
    const notes: string[] = []
    for (const { direction, client, server } of this.#tests) {
      const { error, end } = JSON.parse((await client?.ends()) ?? '{}') as Report
      assert.equal(error, undefined)
      const [sent, received] = [end.sum_sent.bytes, end.sum_received.bytes]
      assert.ok(received <= sent && received > sent / 2, `${direction}: ${received} bytes received, ${sent} sent`)
      const log = (await server?.ends()) ?? ''
      const connections = countOf(log, /^Accepted connection from /gm) + countOf(log, /local .* connected to /g)
      assert.equal(connections, CONNECTIONS, log)
      notes.push(`${end.sum_received.bytes} B ${direction}`)
    }
    return `${notes.join(', ')} received; ${CONNECTIONS} connections each`
  }

  async close(): Promise<void> {
    await stopAll(this.#tests.flatMap(({ client, server }) => [client, server]))
  }
}
