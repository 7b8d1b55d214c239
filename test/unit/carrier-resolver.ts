import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Resolver } from '../../src/carrier/resolver.ts'
import { flushPromises, ManualClock } from '../support/manual-clock.ts'

interface Asked {
  readonly name: string
  answer(...addresses: string[]): void
  fail(code: string): void
}

/** A resolver whose system answers when the test says so. */
function setUp() {
  const clock = new ManualClock()
  const asked: Asked[] = []
  const lookup = (name: string) =>
    new Promise<readonly string[]>((resolve, reject) => {
      asked.push({
        name,
        answer: (...addresses) => resolve(addresses),
        fail: code => reject(Object.assign(new Error(`getaddrinfo ${code} ${name}`), { code })),
      })
    })
  return { clock, asked, resolver: new Resolver(lookup, clock) }
}

t.test('remembers the last good answer and asks anew each time', async t => {
  const { asked, resolver, clock } = setUp()
  t.same(resolver.known('a.example'), [])
  const first = resolver.resolve('a.example')
  asked[0]?.answer('192.0.2.1', '2001:db8::1')
  t.same(await first, ['192.0.2.1', '2001:db8::1'])
  const second = resolver.resolve('a.example')
  t.same(resolver.known('a.example'), ['192.0.2.1', '2001:db8::1'], 'at hand meanwhile')
  asked[1]?.fail('ENOTFOUND')
  await t.rejects(second, { code: 'NAME_NOT_FOUND', message: /a\.example .*\(ENOTFOUND\)/ })
  t.same(resolver.known('a.example'), ['192.0.2.1', '2001:db8::1'], 'a failure forgets nothing')
  const third = resolver.resolve('a.example')
  asked[2]?.answer('192.0.2.9')
  await third
  t.same(resolver.known('a.example'), ['192.0.2.9'])
  t.equal(clock.pending, 0, 'no timer is left')
})

t.test('runs one lookup per name', async t => {
  const { asked, resolver } = setUp()
  const both = Promise.all([resolver.resolve('a.example'), resolver.resolve('a.example')])
  t.equal(asked.length, 1)
  asked[0]?.answer('192.0.2.1')
  t.same(await both, [['192.0.2.1'], ['192.0.2.1']])
})

t.test('runs two lookups in all; the others wait their turn', async t => {
  const { asked, resolver } = setUp()
  const answers = ['a', 'b', 'c', 'd'].map(name => resolver.resolve(name))
  t.same(
    asked.map(({ name }) => name),
    ['a', 'b'],
  )
  asked[1]?.fail('EAI_AGAIN')
  await t.rejects(answers[1]!)
  t.same(
    asked.map(({ name }) => name),
    ['a', 'b', 'c'],
  )
  for (const row of asked) row.answer('192.0.2.1')
  await flushPromises()
  asked[3]?.answer('192.0.2.1')
  t.same(await answers[3], ['192.0.2.1'])
})

t.test('waits no longer than its limit, while the lookup goes on and is remembered', async t => {
  const { asked, resolver, clock } = setUp()
  const answer = resolver.resolve('slow.example')
  answer.catch(() => undefined)
  await clock.advance(LIMITS.resolveMs)
  await t.rejects(answer, { code: 'TIMED_OUT', message: 'the name slow.example was not resolved in 5 s' })
  const joined = resolver.resolve('slow.example')
  t.equal(asked.length, 1, 'no second lookup beside the one that hangs')
  asked[0]?.answer('192.0.2.7')
  t.same(await joined, ['192.0.2.7'])
  t.same(resolver.known('slow.example'), ['192.0.2.7'])
})

t.test('is bounded in addresses per name, names remembered, and lookups waiting', async t => {
  const { asked, resolver } = setUp()
  const many = Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`)
  const answer = resolver.resolve('many.example')
  asked[0]?.answer(...many)
  t.same(await answer, many.slice(0, LIMITS.addressesPerNameMax))
  for (let i = 0; i < LIMITS.namesRememberedMax; i++) {
    const next = resolver.resolve(`${i}.example`)
    asked.at(-1)?.answer('192.0.2.1')
    await next
  }
  t.same(resolver.known('many.example'), [], 'the oldest is forgotten')
  t.same(resolver.known('0.example'), ['192.0.2.1'])
  const waiting = Array.from({ length: LIMITS.namesRememberedMax }, (_, i) => resolver.resolve(`w${i}.example`))
  for (const lookup of waiting) lookup.catch(() => undefined)
  await t.rejects(resolver.resolve('one-too-many.example'), { code: 'NAME_NOT_FOUND', message: /too many lookups/ })
})

t.test('an empty answer is no good answer', async t => {
  const { asked, resolver } = setUp()
  const answer = resolver.resolve('a.example')
  asked[0]?.answer()
  t.same(await answer, [])
  t.same(resolver.known('a.example'), [])
})

t.test('asks the system by default', async t => {
  const addresses = await new Resolver().resolve('localhost')
  t.ok(addresses.includes('127.0.0.1') || addresses.includes('::1'), addresses.join(' '))
})
