import { connect } from 'node:net'
import t from 'tap'
import { parseEndpoint } from '../../src/base/endpoint.ts'
import { LIMITS } from '../../src/base/limits.ts'
import type { Place } from '../../src/base/places.ts'
import { Admission } from '../../src/carrier/admission.ts'
import type { Carrier } from '../../src/carrier/carrier.ts'
import { listen } from '../../src/carrier/listen.ts'
import { concatBytes } from '../../src/wire/bytes.ts'
import { OUTER, outerFrame } from '../../src/wire/outer-frame.ts'
import { attach } from '../support/carrier-suite.ts'
import { UPGRADE } from '../support/upgrade-request.ts'

const PING = 0x89
const PONG = 0x8a
const BINARY = 0x82

/** A short WebSocket frame of a client, with a mask of zeros. */
function masked(head: number, payload: Uint8Array = new Uint8Array()): Uint8Array {
  return Uint8Array.of(head, 0x80 | payload.length, 0, 0, 0, 0, ...payload)
}

t.test('pings and pongs of a stranger count, those of a peer do not', async t => {
  let welcome = (_carrier: Carrier, _place: Place): void => undefined
  const listener = await listen(parseEndpoint('ws://127.0.0.1:0/holdfast')!, {
    admission: new Admission(),
    onCarrier: (carrier, place) => welcome(carrier, place),
  })
  t.teardown(() => listener.close())
  const frame = masked(BINARY, concatBytes(outerFrame(OUTER.RECORD, Uint8Array.of(1))))
  const most = LIMITS.strangerPingsMax
  for (const head of [PING, PONG]) {
    for (const [who, count, code] of [
      ['stranger', most, undefined],
      ['stranger', most + 1, 'PROTOCOL_VIOLATION'],
      ['peer', most + 1, undefined],
    ] as const) {
      const socket = connect(listener.endpoint.port, '127.0.0.1', () => socket.write(UPGRADE))
      socket.on('error', () => undefined).resume()
      const [carrier, place] = await new Promise<[Carrier, Place]>(resolve => {
        welcome = (...both) => resolve(both)
      })
      const recorder = attach(carrier)
      if (who === 'peer') place.release()
      socket.write(concatBytes([...Array.from({ length: count }, () => masked(head)), frame]))
      await recorder.until(({ frames, closes }) => frames.length + closes.length > 0)
      const came = [recorder.frames.length, recorder.closes[0]?.code]
      t.same(came, [code === undefined ? 1 : 0, code], `${count} of 0x${head.toString(16)} from a ${who}`)
      carrier.destroy()
    }
  }
})
