import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { Connections } from '../../src/sidecar/connections.ts'
import { flushPromises, ManualClock } from '../support/manual-clock.ts'

t.test(
  'a stop waits for every connection, also when it is asked for twice, and cuts those that take too long',
  async t => {
    const clock = new ManualClock()
    const connections = new Connections(clock)
    await connections.closed()
    t.equal(clock.pending, 0, 'there is nothing to wait for')
    const cut: string[] = []
    const first = connections.add(() => cut.push('first'))
    const second = connections.add(() => {
      cut.push('second')
      second()
    })
    const settled: string[] = []
    for (const name of ['once', 'twice']) void connections.closed().then(() => settled.push(name))
    first()
    await clock.advance(LIMITS.farewellMs - 1)
    t.same([cut, settled], [[], []])
    await clock.advance(1)
    await flushPromises()
    t.same([cut, settled], [['second'], ['once', 'twice']])
    t.equal(clock.pending, 0)
  },
)
