import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { WireCode } from '../../src/base/codes.ts'
import { LIMITS } from '../../src/base/limits.ts'
import type { CapturedConnection } from '../../src/capture/capture.ts'
import { listenForward } from '../../src/capture/forward.ts'
import { AllowList } from '../../src/egress/allow-list.ts'
import { dialDestination } from '../../src/egress/dial-destination.ts'
import { ApplicationSocket } from '../../src/platform/application-socket.ts'
import { Connections } from '../../src/sidecar/connections.ts'
import { Direct, type DirectOptions } from '../../src/sidecar/direct.ts'
import { TotalsCounter } from '../../src/sidecar/totals.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { Recorder } from '../support/recorder.ts'

/** A client, the socket that it was captured as, and a server that it wants to reach. */
async function stage(t: Test, dial?: DirectOptions['dial']) {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const captured = new Promise<ApplicationSocket>(resolve => {
    void listenForward({ listen: { host: '127.0.0.1', port: 0 } }, resolve).then(forward => {
      t.teardown(() => forward.close())
      client.connect(forward.local.port, '127.0.0.1')
    })
  })
  const client = new net.Socket({ allowHalfOpen: true })
  client.on('error', () => {})
  t.teardown(() => {
    client.destroy()
    server.close()
  })
  const totals = new TotalsCounter()
  const connections = new Connections(new ManualClock())
  const failed: WireCode[] = []
  const loopback = new AllowList(['127.0.0.0/8:*'])
  const direct = new Direct({
    dial: dial ?? ((to, _, signal) => dialDestination(to, loopback, { signal })),
    connections,
    totals,
    onFailed: code => failed.push(code),
  })
  const to = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  const socket = await captured
  const open = (more: Partial<CapturedConnection> = {}) => direct.open({ socket, to, ...more }, 'no_route')
  const accepted = async () => {
    const [remote] = (await once(server, 'connection')) as [net.Socket]
    t.teardown(() => remote.destroy())
    return remote.on('error', () => {})
  }
  return { server, client, socket, direct, open, accepted, totals, connections, failed }
}

t.test('bytes go both ways, what was read before first, and each end is passed on by itself', async t => {
  const { client, socket, open, accepted, totals, connections } = await stage(t)
  socket.unread(Buffer.from('early '))
  const answers: unknown[] = []
  const [remote] = await Promise.all([accepted(), open({ answer: (...answer) => answers.push(answer) })])
  t.match(answers, [[undefined, /^127\.0\.0\.1:\d+$/]])
  t.same(totals.directConnections, { no_route: 1, no_sidecar: 0 })
  client.end('words')
  t.equal(await textOf(remote), 'early words')
  t.equal(remote.writable, true, 'the other direction goes on')
  remote.end('answer')
  t.equal(await textOf(client), 'answer')
  await connections.closed()
})

t.test('a reader that stands still stops the writer, and nothing is lost', async t => {
  let dialed: ApplicationSocket | undefined
  const { client, open, accepted } = await stage(t, async ({ host, port }, _, signal) => {
    dialed = await ApplicationSocket.connect({ host, port }, { signal })
    return { socket: dialed, remote: '' }
  })
  const [remote] = await Promise.all([accepted(), open()])
  remote.pause()
  const chunk = Buffer.alloc(1 << 20, 'holdfast')
  const bytes = 64 * chunk.length
  for (let i = 0; i < 64; i++) client.write(chunk)
  client.end()
  const turn = () => new Promise(resolve => setImmediate(resolve))
  while (dialed!.queuedBytes < LIMITS.applicationHighWaterBytes) await turn()
  for (let i = 0; i < 500; i++) await turn()
  t.ok(dialed!.queuedBytes < LIMITS.applicationHighWaterBytes + LIMITS.slabBytes, `${dialed!.queuedBytes} bytes wait`)
  let received = 0
  remote.on('data', data => {
    received += data.length
  })
  remote.resume()
  await once(remote, 'end')
  t.equal(received, bytes)
})

t.test('a reset is passed on in both directions', async t => {
  for (const side of ['client', 'remote'] as const) {
    const { client, open, accepted, connections } = await stage(t)
    const [remote] = await Promise.all([accepted(), open()])
    const [first, other] = side === 'client' ? [client, remote] : [remote, client]
    // Something must have come, or the reset could be a refusal.
    first.write('x')
    await once(other, 'data')
    const closed = new Promise(resolve => other.once('close', resolve))
    first.resetAndDestroy()
    other.end()
    await closed
    await connections.closed()
    t.pass(side)
  }
})

t.test('a failure is told to the application, or is a reset', async t => {
  const { socket, client, open, failed, connections } = await stage(t, async () => 'REFUSED')
  const answers: unknown[] = []
  await open({ answer: (...answer) => answers.push(answer) })
  t.same(answers, [['REFUSED', '']])
  const recorder = new Recorder()
  socket.attach(recorder)
  client.write('x')
  await recorder.until(() => recorder.receivedBytes === 1)
  t.same(failed, ['REFUSED'])
  await connections.closed()
  const silent = await stage(t, async () => 'REFUSED')
  const closed = new Promise(resolve => silent.client.once('close', resolve))
  await silent.open()
  silent.client.resume()
  await closed
  t.same(silent.failed, ['REFUSED'])
})

t.test('a stop gives up a dial that is under way, tells the application, and wants nothing of its answer', async t => {
  let answerDial: (answered: Awaited<ReturnType<DirectOptions['dial']>>) => void = () => {}
  let isAborted = false
  const { direct, open, failed, connections } = await stage(t, (_, __, signal) => {
    signal.addEventListener('abort', () => {
      isAborted = true
    })
    return new Promise(resolve => {
      answerDial = resolve
    })
  })
  const answers: unknown[] = []
  const opened = open({ answer: (...answer) => answers.push(answer) })
  direct.stop()
  t.ok(isAborted)
  t.same(answers, [['SHUTTING_DOWN', '']])
  const late = { resets: 0, reset: () => void late.resets++ }
  answerDial({ socket: late as unknown as ApplicationSocket, remote: '' })
  await opened
  t.equal(late.resets, 1, 'it was connected too late')
  t.same([answers.length, failed], [1, []])
  await connections.closed()
})

/** A dial that ends when it is given up, and says that it was. */
function endless(): { dial: DirectOptions['dial']; given: Promise<void> } {
  let giveUp = () => {}
  const given = new Promise<void>(resolve => {
    giveUp = resolve
  })
  const dial: DirectOptions['dial'] = (_, __, signal) =>
    new Promise(resolve => {
      signal.addEventListener('abort', () => {
        giveUp()
        resolve('APPLICATION_RESET')
      })
    })
  return { dial, given }
}

t.test('a program that resets gives up the dial for it, also after it has spoken', async t => {
  for (const words of ['', 'words']) {
    const { dial, given } = endless()
    const { client, open, failed, connections } = await stage(t, dial)
    const answers: unknown[] = []
    const opened = open({ answer: (...answer) => answers.push(answer) })
    if (words !== '') client.write(words)
    client.resetAndDestroy()
    await Promise.all([given, opened])
    t.same([answers, failed], [[], []], 'there is nobody to tell')
    await connections.closed()
  }
})

t.test(
  'a program that waits for its answer and ends without a word gives up the dial, and its socket is ended',
  async t => {
    const { dial, given } = endless()
    const { socket, client, open } = await stage(t, dial)
    const opened = open({ answer: code => code !== undefined && socket.end() })
    client.end()
    await Promise.all([given, opened])
    t.equal(await textOf(client), '')
  },
)

t.test('a program that half-closes while its destination is dialed has its words delivered, and an answer', async t => {
  for (const words of ['words', '']) {
    let connected = () => {}
    const isEnded = new Promise<void>(resolve => {
      connected = resolve
    })
    const { client, open, accepted, connections } = await stage(t, async ({ host, port }, _, signal) => {
      await isEnded
      return { socket: await ApplicationSocket.connect({ host, port }, { signal }), remote: '' }
    })
    // Whoever listens without a word to a captured connection may wait for one.
    const opened = open(words === '' ? {} : { answer: () => {} })
    client.end(words)
    await once(client, 'finish')
    for (let i = 0; i < 100; i++) await new Promise(resolve => setImmediate(resolve))
    const [remote] = await Promise.all([accepted(), opened, connected()])
    t.equal(await textOf(remote), words)
    remote.end('answer')
    t.equal(await textOf(client), 'answer')
    await connections.closed()
  }
})

t.test('a stop resets what is connected', async t => {
  const { client, direct, open, accepted, connections } = await stage(t)
  const [remote] = await Promise.all([accepted(), open()])
  client.write('x')
  await once(remote, 'data')
  const closed = [client, remote].map(socket => new Promise(resolve => socket.once('close', resolve)))
  direct.stop()
  for (const socket of [client, remote]) socket.end()
  await Promise.all([...closed, connections.closed()])
})

async function textOf(socket: net.Socket): Promise<string> {
  let text = ''
  socket.setEncoding('utf8').on('data', data => {
    text += data
  })
  await once(socket, 'end')
  return text
}
