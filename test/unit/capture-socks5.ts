import t from 'tap'
import type { WireCode } from '../../src/base/codes.ts'
import { authorizeOnly } from '../../src/capture/credentials.ts'
import type { Authorize } from '../../src/capture/dialogue.ts'
import { Socks5 } from '../../src/capture/socks5.ts'
import { everyCut, hex, talk } from '../support/dialogues.ts'

const ALICE = authorizeOnly('alice', 'secret')
const LOGIN = '01 05 616c696365 06 736563726574'

/** What is said, and what comes of it: the same however it is cut. */
function says(words: string, authorize?: Authorize) {
  return everyCut(hex(words), () => new Socks5(authorize))
}

t.test('CONNECT to an IPv4 address, an IPv6 address and a name, with what is for the destination after it', async t => {
  t.same(says('05 01 00  05 01 00 01 c0000201 1538'), {
    kind: 'connect',
    said: '0500',
    to: { host: '192.0.2.1', port: 5432 },
    rest: '',
  })
  t.same(says('05 02 0200  05 01 00 04 20010db8000000000000000000000001 0050 474554'), {
    kind: 'connect',
    said: '0500',
    to: { host: '2001:db8::1', port: 80 },
    rest: '474554',
  })
  t.same(says('05 01 00  05 01 00 03 0b 64622e696e7465726e616c ffff 0500'), {
    kind: 'connect',
    said: '0500',
    to: { host: 'db.internal', port: 65_535 },
    rest: '0500',
  })
})

t.test('an address in the place of a name is the address', async t => {
  t.match(says('05 01 00  05 01 00 03 07 312e312e312e31 0001'), { to: { host: '1.1.1.1', port: 1 } })
  t.match(says('05 01 00  05 01 00 04 00000000000000000000ffff7f000001 0001'), { to: { host: '127.0.0.1', port: 1 } })
})

t.test('a name that can be none is answered as one that nobody knows', async t => {
  for (const name of ['00', '03312e32', '03610062', '02c3a4']) {
    t.match(says(`05 01 00  05 01 00 03 ${name} 0050`), {
      kind: 'refuse',
      fault: 'malformed',
      said: '050005040001000000000000',
    })
  }
})

t.test('without a password the program must not insist on one', async t => {
  t.same(says('05 01 02'), { kind: 'refuse', said: '05ff', fault: 'unauthorized', why: 'it insists on logging in' })
  t.same(says('05 00'), { kind: 'refuse', said: '05ff', fault: 'unauthorized', why: 'it insists on logging in' })
})

t.test('user and password are asked for, and both must be right', async t => {
  t.same(says(`05 02 0002  ${LOGIN}  05 01 00 01 7f000001 0016`, ALICE), {
    kind: 'connect',
    said: '05020100',
    to: { host: '127.0.0.1', port: 22 },
    rest: '',
  })
  t.match(says('05 01 00', ALICE), { said: '05ff', fault: 'unauthorized', why: 'it offers no user and password' })
  for (const login of ['01 05 616c696365 06 736563726575', '01 05 616c696366 06 736563726574', '01 00 00']) {
    t.match(says(`05 01 02 ${login}`, ALICE), {
      kind: 'refuse',
      said: '05020101',
      fault: 'unauthorized',
      why: 'wrong user or password',
    })
  }
  t.match(says('05 01 02 05', ALICE), { kind: 'refuse', said: '05020101', fault: 'malformed' })
})

t.test('BIND, UDP ASSOCIATE and unknown types of address have replies of their own', async t => {
  for (const command of ['02', '03', '7f']) {
    t.match(says(`05 01 00  05 ${command} 00 01 7f000001 0016`), {
      kind: 'refuse',
      fault: 'unsupported',
      said: '050005070001000000000000',
    })
  }
  t.match(says('05 01 00  05 01 00 05'), { fault: 'unsupported', said: '050005080001000000000000' })
})

t.test('what is no SOCKS5 is refused where it begins to be none', async t => {
  t.same(says('04'), { kind: 'refuse', said: '', fault: 'malformed', why: 'SOCKS version 4' })
  t.match(says('05 01 00  04'), { kind: 'refuse', said: '050005010001000000000000', fault: 'malformed' })
  t.match(says('05 01 00  05 01 00 01 7f000001 0000'), { said: '050005010001000000000000', why: 'port 0' })
})

t.test('waits for the whole request', async t => {
  const dialogue = new Socks5(undefined)
  t.same(talk(dialogue, hex('05 03 0000')), { kind: 'more', said: '' })
  t.same(talk(dialogue, hex('00')), { kind: 'more', said: '0500' })
  t.same(talk(dialogue, hex('05 01 00 03 02 61')), { kind: 'more', said: '' })
  t.match(talk(dialogue, hex('62 0001')), { kind: 'connect', to: { host: 'ab', port: 1 } })
})

t.test('each cause of a failure has its reply', async t => {
  const rows: [WireCode | undefined, string][] = [
    [undefined, '00'],
    ['OVERLOADED', '01'],
    ['PEER_RESTARTED', '01'],
    ['NOT_ALLOWED', '02'],
    ['SOURCE_REFUSED', '02'],
    ['UNREACHABLE', '03'],
    ['NAME_NOT_FOUND', '04'],
    ['REFUSED', '05'],
    ['TIMED_OUT', '06'],
    ['HOLD_EXPIRED', '06'],
  ]
  for (const [code, reply] of rows) {
    t.equal(Buffer.from(new Socks5(undefined).answer(code)).toString('hex'), `05${reply}0001000000000000`, String(code))
  }
})
