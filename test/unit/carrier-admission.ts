import t from 'tap'
import { Admission } from '../../src/carrier/admission.ts'

const LIMITS = {
  unauthenticatedMax: 3,
  unauthenticatedPerAddressMax: 2,
  handshakesPerSecondMax: 4,
  handshakesPerSecondPerAddressMax: 2,
}

t.test('admits up to the bound for one address, and again after a release', async t => {
  const admission = new Admission(LIMITS)
  const first = admission.admit('2001:db8::1')
  t.ok(first)
  t.ok(admission.admit('2001:db8::2'))
  t.equal(admission.admit('2001:db8::3'), undefined, 'the same /64')
  first?.release()
  first?.release()
  t.equal(admission.unauthenticated, 1, 'released once')
  t.ok(admission.admit('2001:db8::3'))
  t.equal(admission.admit('2001:db8::4'), undefined)
})

t.test('admits up to the bound in all', async t => {
  const admission = new Admission(LIMITS)
  const places = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(address => admission.admit(address))
  t.ok(places.every(place => place !== undefined))
  t.equal(admission.admit('192.0.2.4'), undefined)
  places[0]?.release()
  t.ok(admission.admit('192.0.2.4'))
})

t.test('grants full handshakes by address and in all, and more as time passes', async t => {
  const admission = new Admission(LIMITS)
  const ask = (address: string, nowMs: number) => admission.allowHandshake(address, nowMs)
  t.same([ask('192.0.2.1', 0), ask('192.0.2.1', 0), ask('192.0.2.1', 0)], [true, true, false], 'two for one address')
  t.same([ask('192.0.2.2', 0), ask('192.0.2.3', 0), ask('192.0.2.4', 0)], [true, true, false], 'four in all')
  t.equal(ask('192.0.2.4', 249), false)
  t.equal(ask('192.0.2.4', 250), true, 'four a second')
  t.equal(ask('192.0.2.1', 499), false)
  t.equal(ask('192.0.2.1', 500), true, 'two a second')
  t.same([ask('192.0.2.5', 60_000), ask('192.0.2.5', 60_000), ask('192.0.2.5', 60_000)], [true, true, false])
})

t.test('outer handshakes have buckets of their own', async t => {
  const admission = new Admission(LIMITS)
  const ask = (address: string) => admission.allowOuterHandshake(address, 0)
  t.same([ask('192.0.2.1'), ask('192.0.2.1'), ask('192.0.2.1')], [true, true, false], 'two for one address')
  t.same([ask('192.0.2.2'), ask('192.0.2.3'), ask('192.0.2.4')], [true, true, false], 'four in all')
  t.equal(admission.allowHandshake('192.0.2.1', 0), true)
})

t.test('a flood from one address takes nothing from the others', async t => {
  const admission = new Admission(LIMITS)
  for (let i = 0; i < 1_000; i++) admission.allowHandshake('192.0.2.1', 0)
  t.equal(admission.allowHandshake('192.0.2.2', 0), true)
})

t.test('a clock that steps back grants nothing and takes nothing', async t => {
  const admission = new Admission(LIMITS)
  t.same(
    [1, 2].map(() => admission.allowHandshake('192.0.2.1', 5_000)),
    [true, true],
  )
  t.equal(admission.allowHandshake('192.0.2.1', 0), false)
  t.equal(admission.allowHandshake('192.0.2.1', 500), true)
})
