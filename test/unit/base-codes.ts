import t from 'tap'
import { CODES, codeOf, type WireCode, wireOf, withAdvice } from '../../src/base/codes.ts'

const wired = Object.entries(CODES).flatMap(([name, row]) =>
  'wire' in row ? [[name as WireCode, row.wire] as const] : [],
)

t.test('a code and its wire number stand for each other', async t => {
  for (const [name, wire] of wired) {
    t.equal(wireOf(name), wire)
    t.equal(codeOf(wire), name)
  }
})

t.test('no two codes share a wire number, and each fits the two bytes of RESET and CLOSE', async t => {
  const numbers = wired.map(([, wire]) => wire)
  t.equal(new Set(numbers).size, numbers.length)
  for (const [name, wire] of wired) t.ok(Number.isInteger(wire) && wire > 0 && wire <= 0xffff, name)
})

t.test('sessions have the numbers below 0x100, carriers those from 0x101', async t => {
  t.equal(wireOf('APPLICATION_RESET'), 0x01)
  t.equal(wireOf('PEER_UNKNOWN_HERE'), 0x12)
  t.equal(wireOf('HANDLE_UNKNOWN'), 0x101)
  t.equal(wireOf('KEY_EXHAUSTED'), 0x111)
})

t.test('a number of a newer version reads as PROTOCOL_VIOLATION', async t => {
  for (const wire of [0, 0xff, 0x100, 0xffff]) t.equal(codeOf(wire), 'PROTOCOL_VIOLATION', `0x${wire.toString(16)}`)
})

t.test('every code says what happened and what a person can do', async t => {
  for (const [name, { says, todo }] of Object.entries(CODES)) {
    t.match(name, /^[A-Z_]+$/)
    t.match(says, /^\S.*[^.\s]$/, `${name} says`)
    t.match(todo, /^\S.*[^.\s]$/, `${name} todo`)
  }
})

t.test('a log line has the advice of its code, unless there is nothing to do', async t => {
  t.equal(withAdvice('TICKET_EXPIRED', 'the ticket of a'), 'the ticket of a; ask for a new one')
  t.equal(withAdvice('GOODBYE', 'it goes'), 'it goes')
  t.equal(withAdvice('HANDLE_UNKNOWN', 'spent'), 'spent')
})
