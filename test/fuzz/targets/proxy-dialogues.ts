/**
 * What a program says to a proxy, in SOCKS5 and in HTTP.
 *
 * - It is taken, answered, or refused with a reply and a sentence; nothing is thrown.
 * - A destination is a name or an address in one spelling, and a port; what follows is the end of the input, unchanged.
 * - However the input is cut, the same comes of it.
 */
import { strict as assert } from 'node:assert'
import { isHostName } from '../../../src/base/allow-rule.ts'
import type { HostPort } from '../../../src/base/endpoint.ts'
import { parseIpAddress } from '../../../src/base/ip-address.ts'
import { authorizeOnly } from '../../../src/capture/credentials.ts'
import type { Dialogue } from '../../../src/capture/dialogue.ts'
import { HttpConnect } from '../../../src/capture/http-connect.ts'
import { Socks5 } from '../../../src/capture/socks5.ts'
import { hex, talk } from '../../support/dialogues.ts'
import type { Target } from '../target.ts'

const authorize = authorizeOnly('alice', 'secret')
const BASIC = Buffer.from('alice:secret').toString('base64')
const pac = (place: string) => place

const DIALOGUES: readonly (() => Dialogue)[] = [
  () => new Socks5(undefined),
  () => new Socks5(authorize),
  () => new HttpConnect({ authorize: undefined, pac }),
  () => new HttpConnect({ authorize, pac }),
]

export const proxyDialogues: Target = {
  name: 'proxy-dialogues',
  inputBytesMax: 512,
  msBase: 100,
  msPerKib: 200,
  batch: 64,
  prepare: async () => ({ seeds: seeds(), run }),
}

function seeds(): Uint8Array[] {
  return [
    hex('050100 050100 01 7f000001 0016 7373'),
    hex('050102 01 05 616c696365 06 736563726574 050100 03 0b 64622e696e7465726e616c 1538'),
    hex('050100 050100 04 20010db8000000000000000000000001 0050'),
    hex('050100 050300 01 00000000 0000'),
    Buffer.from('CONNECT db.internal:5432 HTTP/1.1\r\nHost: db.internal:5432\r\n\r\nearly'),
    Buffer.from(`CONNECT [2001:db8::1]:443 HTTP/1.0\r\nProxy-Authorization: Basic ${BASIC}\r\n\r\n`),
    Buffer.from(`GET /proxy.pac HTTP/1.1\r\nHost: 127.0.0.1:1080\r\nAuthorization: Basic ${BASIC}\r\n\r\n`),
    Buffer.from('GET http://db.internal/ HTTP/1.1\r\nHost: db.internal\r\n\r\n'),
  ]
}

function run(input: Uint8Array): void {
  if (input.length === 0) return
  const half = input.length >> 1
  for (const begin of DIALOGUES) {
    const whole = talk(begin(), input)
    assert.deepEqual(talk(begin(), input.subarray(0, half), new Uint8Array(0), input.subarray(half)), whole)
    assert.deepEqual(talk(begin(), ...Array.from(input, (_, at) => input.subarray(at, at + 1))), whole)
    if (whole.kind !== 'connect') continue
    const { host, port } = whole['to'] as HostPort
    assert(parseIpAddress(host)?.text === host || (parseIpAddress(host) === undefined && isHostName(host)))
    assert(port >= 1 && port <= 65_535)
    assert(Buffer.from(input).toString('hex').endsWith(String(whole['rest'])))
  }
}
