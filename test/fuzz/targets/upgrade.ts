/**
 * A ws listener: raw bytes before, in and after the upgrade.
 *
 * - Whatever is said, the answer is HTTP or none, and nothing is thrown anywhere; only a whole upgrade makes a carrier.
 * - Every place among the unauthenticated is given back.
 * - The next honest upgrade makes a carrier.
 */
import { strict as assert } from 'node:assert'
import { parseEndpoint } from '../../../src/base/endpoint.ts'
import { Admission } from '../../../src/carrier/admission.ts'
import { listen } from '../../../src/carrier/listen.ts'
import { concatBytes } from '../../../src/wire/bytes.ts'
import { OUTER, outerFrame } from '../../../src/wire/outer-frame.ts'
import { UPGRADE } from '../../support/upgrade-request.ts'
import { say } from '../raw-server.ts'
import type { Target } from '../target.ts'

const UPGRADED = /^HTTP\/1\.1 101 /

export const upgrade: Target = {
  name: 'upgrade',
  inputBytesMax: 4_096,
  msBase: 3_000,
  msPerKib: 100,
  batch: 8,
  prepare: async () => {
    let carriers = 0
    const listener = await listen(parseEndpoint('ws://127.0.0.1:0/holdfast')!, {
      admission: new Admission(),
      onCarrier: carrier => {
        carriers++
        carrier.attach({ onFrame: () => undefined, onDrain: () => undefined, onClose: () => undefined })
      },
    })
    const to = { port: listener.endpoint.port, host: '127.0.0.1' }
    const run = async (input: Uint8Array) => {
      const before = carriers
      const answer = await say(to, input)
      assert(answer === '' || answer.startsWith('HTTP/1.1 '), answer)
      // A carrier that ends at once while bytes are unread resets the connection, which can take the answer with it.
      const upgrades = answer === '' ? Math.min(1, carriers - before) : answer.split('HTTP/1.1 101 ').length - 1
      assert.equal(carriers - before, upgrades, 'carriers and upgrades')
      assert.match(await say(to, Buffer.from(UPGRADE), UPGRADED), UPGRADED, 'an honest upgrade is not answered')
    }
    return { seeds: seeds(), run, close: () => listener.close() }
  },
}

function seeds(): Uint8Array[] {
  const frame = concatBytes(outerFrame(OUTER.CLOSE, Uint8Array.of(1, 2)))
  const message = concatBytes([Uint8Array.of(0x82, 0x80 | frame.length, 0, 0, 0, 0), frame])
  const start = Buffer.from(UPGRADE)
  const others = ['GET / HTTP/1.1\r\nhost: x\r\n\r\n', UPGRADE.replace('/holdfast', '/x'), UPGRADE.replace('13', '8')]
  const extended = UPGRADE.replace('13', '13\r\nsec-websocket-extensions: permessage-deflate; client_max_window_bits')
  const control = Uint8Array.of(0x89, 0x81, 0, 0, 0, 0, 7, 0x02, 0x80, 0, 0, 0, 0, 0x88, 0x82, 0, 0, 0, 0, 3, 232)
  return [
    ...[...others, extended].map(text => new Uint8Array(Buffer.from(text))),
    concatBytes([start, message]),
    concatBytes([start, message, control]),
  ]
}
