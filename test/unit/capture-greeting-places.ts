import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import type { Place } from '../../src/base/places.ts'
import { GreetingPlaces } from '../../src/capture/greeting-places.ts'

const HERE = '127.0.0.1'
const places = () => new GreetingPlaces(address => address === HERE)

/** @returns how many were to be had */
function takeAll(of: GreetingPlaces, address: string): number {
  const taken: Place[] = []
  for (let place = of.take(address); place !== undefined; place = of.take(address)) taken.push(place)
  return taken.length
}

t.test('programs of this host are one address and have all their places, whatever strangers hold', async t => {
  const all = places()
  const each = LIMITS.proxyGreetingsPerAddressMax
  const addresses = Array.from({ length: LIMITS.proxyGreetingsMax / each }, (_, i) => `192.0.2.${i}`)
  for (const address of addresses) t.equal(takeAll(all, address), each, address)
  t.equal(takeAll(all, '192.0.2.200'), 0, 'strangers hold theirs')
  t.equal(takeAll(all, HERE), LIMITS.proxyGreetingsMax)
})

t.test('programs of this host take nothing from others', async t => {
  const all = places()
  t.equal(takeAll(all, HERE), LIMITS.proxyGreetingsMax)
  t.equal(takeAll(all, '2001:db8::1'), LIMITS.proxyGreetingsPerAddressMax)
  t.equal(takeAll(all, '2001:db8::2'), 0, 'the same /64')
})
