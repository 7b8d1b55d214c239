import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { AllowList } from '../../src/egress/allow-list.ts'
import { dialDestination } from '../../src/egress/dial-destination.ts'
import { DestinationLookups } from '../../src/egress/lookups.ts'
import { flushPromises } from '../support/manual-clock.ts'

const never = new AbortController().signal

/** Lookups whose system answers when the test says so. */
function setUp() {
  const asked: { name: string; answer(...addresses: string[]): void; fail(code: string): void }[] = []
  const clock = { now: 0 }
  const lookups = new DestinationLookups(
    name =>
      new Promise((resolve, reject) => {
        const fail = (code: string) => reject(Object.assign(new Error(code), { code }))
        asked.push({ name, answer: (...addresses) => resolve(addresses), fail })
      }),
    () => clock.now,
  )
  /** Asks and waits for no answer. */
  const begin = (peer: string, ...names: string[]) => {
    for (const name of names) lookups.ask(peer, name, never).catch(() => undefined)
  }
  return { asked, clock, lookups, begin, names: () => asked.map(({ name }) => name) }
}

t.test('a peer whose names never answer holds up nobody else', async t => {
  const { asked, lookups, begin, names } = setUp()
  begin('bad', 'a.bad', 'b.bad', 'c.bad')
  t.same(names(), ['a.bad'], 'one at a time')
  const answer = lookups.ask('good', 'db.internal', never)
  t.same(names(), ['a.bad', 'db.internal'])
  asked[1]?.answer('192.0.2.1')
  t.same(await answer, ['192.0.2.1'])
  t.same(names(), ['a.bad', 'db.internal'], 'and the place that is free again is not for the bad one')
})

t.test('peers whose lookups took too long have one running among them, until one is quick', async t => {
  const { asked, clock, begin, names } = setUp()
  begin('bad', 'bad1', 'bad2', 'bad3')
  begin('worse', 'worse1', 'worse2')
  begin('good', 'good1', 'good2')
  t.same(names(), ['bad1', 'worse1'])
  clock.now = LIMITS.resolveMs
  for (const { fail } of asked) fail('EAI_AGAIN')
  await flushPromises()
  t.same(names().slice(2), ['good1', 'bad2'])
  asked[2]?.answer('192.0.2.1')
  await flushPromises()
  t.same(names().slice(4), ['good2'], 'the other bad one waits')
  asked[4]?.answer('192.0.2.1')
  await flushPromises()
  t.same(names().slice(5), [], 'and leaves the place free')
  clock.now += LIMITS.resolveMs - 1
  asked[3]?.answer('192.0.2.2')
  await flushPromises()
  t.same(names().slice(5), ['worse2', 'bad3'], 'who was quick is as good as any')
})

t.test('peers take turns, and two lookups run at once in all', async t => {
  const { asked, begin, names } = setUp()
  begin('a', 'a1', 'a2', 'a3')
  begin('b', 'b1', 'b2')
  begin('c', 'c1', 'c2')
  t.same(names(), ['a1', 'b1'])
  asked[0]?.answer('192.0.2.1')
  await flushPromises()
  t.same(names(), ['a1', 'b1', 'c1'])
  asked[1]?.fail('ENOTFOUND')
  await flushPromises()
  t.same(names().slice(3), ['a2'])
  for (let i = 2; i < 7; i++) {
    asked[i]?.answer('192.0.2.1')
    await flushPromises()
  }
  t.same(names().slice(4), ['b2', 'c2', 'a3'])
})

t.test('opens of one name share a lookup, and nothing is remembered', async t => {
  const { asked, lookups } = setUp()
  const both = Promise.all([lookups.ask('a', 'db', never), lookups.ask('a', 'db', never)])
  t.equal(lookups.pending, 1)
  asked[0]?.answer('192.0.2.1')
  t.same(await both, [['192.0.2.1'], ['192.0.2.1']])
  t.equal(lookups.pending, 0)
  const again = lookups.ask('a', 'db', never)
  asked[1]?.fail('ENOTFOUND')
  await t.rejects(again, { code: 'ENOTFOUND' })
})

t.test('a lookup that has not begun is dropped when the last who asked gives up', async t => {
  const { asked, lookups, begin, names } = setUp()
  begin('a', 'first')
  const [one, two] = [new AbortController(), new AbortController()]
  const answers = [one, two].map(({ signal }) => lookups.ask('a', 'second', signal))
  t.equal(lookups.pending, 2)
  one.abort(new Error('one'))
  await t.rejects(answers[0]!, { message: 'one' })
  t.equal(lookups.pending, 2, 'somebody still waits')
  two.abort(new Error('two'))
  await t.rejects(answers[1]!, { message: 'two' })
  t.equal(lookups.pending, 1)
  await t.rejects(lookups.ask('b', 'third', AbortSignal.abort(new Error('before'))), { message: 'before' })
  asked[0]?.answer()
  await flushPromises()
  t.same(names(), ['first'])
  t.equal(lookups.pending, 0)
})

t.test('a lookup that runs cannot be cancelled; who comes later joins it', async t => {
  const { asked, lookups } = setUp()
  const gone = new AbortController()
  const first = lookups.ask('a', 'slow', gone.signal)
  gone.abort(new Error('gone'))
  await t.rejects(first, { message: 'gone' })
  const second = lookups.ask('a', 'slow', never)
  t.equal(asked.length, 1)
  asked[0]?.answer('192.0.2.7')
  t.same(await second, ['192.0.2.7'])
})

t.test('an open beyond the lookups of its peer fails as OVERLOADED; those of others go on', async t => {
  const { lookups, begin, asked } = setUp()
  const allow = new AllowList(['*.internal:80'])
  const dial = (peer: string, host: string) => {
    const lookup = (name: string, signal: AbortSignal) => lookups.ask(peer, name, signal)
    return dialDestination({ host, port: 80 }, allow, { signal: never, lookup })
  }
  begin('a', ...Array.from({ length: LIMITS.egressLookupsPerPeerMax }, (_, i) => `${i}.internal`))
  t.equal(await dial('a', 'more.internal'), 'OVERLOADED')
  const own = lookups.ask('a', 'own.internal', never, LIMITS.egressLookupsPerPeerMax + 1)
  await t.rejects(lookups.ask('a', 'more.internal', never, LIMITS.egressLookupsPerPeerMax + 1), { code: 'OVERLOADED' })
  own.catch(() => undefined)
  const other = dial('b', 'more.internal')
  asked[1]?.fail('ENOTFOUND')
  t.equal(await other, 'NAME_NOT_FOUND')
})
