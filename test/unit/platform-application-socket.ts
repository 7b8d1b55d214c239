import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { ApplicationSocket } from '../../src/platform/application-socket.ts'
import { loadLibc } from '../../src/platform/libc.ts'
import { socketCalls } from '../../src/platform/socket-calls.ts'
import { PythonPeer, withoutPython } from '../support/python-peer.ts'
import { listenOnce, Recorder } from '../support/recorder.ts'

const never = new AbortController().signal
const MIB = 1024 * 1024
const withoutSs = spawnSync('ss', ['-V']).status !== 0 && 'ss (iproute2) is not installed'

interface Meeting {
  readonly socket: ApplicationSocket
  readonly peer: PythonPeer
  readonly recorder: Recorder
}

/** Both ways to come by an application socket; with and without the calls into libc. */
const ways: Record<string, (t: Test, script: string) => Promise<Meeting>> = {
  accepted: (t, script) => accept(t, script, socketCalls()),
  dialed: (t, script) => dial(t, script, socketCalls()),
  'accepted without libc': (t, script) => accept(t, script, null),
  'dialed without libc': (t, script) => dial(t, script, null),
}

type Calls = ReturnType<typeof socketCalls>

async function accept(t: Test, script: string, calls: Calls): Promise<Meeting> {
  const { port, accepted, server } = await listenOnce(socket => ApplicationSocket.adopt(socket, calls))
  const peer = new PythonPeer(`s = dial(int(sys.argv[1]))\n${script}`, port)
  t.teardown(() => peer.kill())
  const socket = await accepted
  server.close()
  return { socket, peer, recorder: new Recorder() }
}

async function dial(t: Test, script: string, calls: Calls): Promise<Meeting> {
  const peer = new PythonPeer(`s = listen()\n${script}`)
  t.teardown(() => peer.kill())
  const to = { host: '127.0.0.1', port: Number(await peer.heard()) }
  const socket = await ApplicationSocket.connect(to, { signal: never }, calls)
  return { socket, peer, recorder: new Recorder() }
}

for (const [way, meet] of Object.entries(ways)) {
  t.test(`an application socket, ${way}`, { skip: withoutPython }, async t => {
    t.test('reads nothing before attach, then all, then a genuine FIN', async t => {
      const { socket, peer, recorder } = await meet(t, `s.sendall(b'x' * 300000); s.shutdown(1); say(drain(s))`)
      socket.attach(recorder)
      await recorder.until(() => recorder.events.includes('end'))
      t.equal(recorder.receivedBytes, 300_000)
      socket.end()
      t.equal(await peer.heard(), '0 FIN')
      await recorder.closed()
      t.same(recorder.events, ['data', 'end', 'closed'])
    })

    t.test('what one receiver gives back is what the next one gets first', async t => {
      const { socket, peer, recorder } = await meet(t, `s.sendall(b'head' + b'x' * 300000); say(drain(s))`)
      let first = ''
      await new Promise<void>(resolve => {
        const reader = new Recorder()
        reader.onData = chunk => {
          first = String(Buffer.from(chunk.subarray(0, 4)))
          socket.unread(chunk.subarray(4))
          chunk.fill(0)
          resolve()
        }
        socket.attach(reader)
      })
      t.equal(first, 'head')
      const pieces: Buffer[] = []
      const onData = recorder.onData.bind(recorder)
      recorder.onData = chunk => {
        pieces.push(Buffer.from(chunk))
        onData(chunk)
      }
      socket.attach(recorder)
      await recorder.until(() => recorder.receivedBytes === 300_000)
      t.ok(Buffer.concat(pieces).equals(Buffer.alloc(300_000, 'x')))
      socket.end()
      t.equal(await peer.heard(), '0 FIN')
    })

    t.test('bytes before the first of the application count for nobody', async t => {
      const { socket, peer, recorder } = await meet(t, `say(drain(s)); s.close()`)
      socket.writePreface(Buffer.from('PROXY UNKNOWN\r\n'))
      socket.write([Buffer.from('hello')])
      socket.end()
      socket.attach(recorder)
      t.equal(await peer.heard(), '20 FIN')
      await recorder.closed()
      t.equal(recorder.consumedBytes, 5)
    })

    t.test('probes a peer that is silent', { skip: withoutSs }, async t => {
      const { socket } = await meet(t, `drain(s)`)
      // The peer is on this host, too: ours is the one with our local port.
      const { stdout } = spawnSync('ss', ['-tnoi', 'src', '127.0.0.1', 'sport', '=', `:${socket.local.port}`])
      const ours =
        String(stdout)
          .split('\n')
          .find(line => line.includes(`127.0.0.1:${socket.local.port} `)) ?? ''
      const [, minutes, seconds] = /timer:\(keepalive,(?:(\d+)min)?(?:([\d.]+)sec)?,0\)/.exec(ours) ?? []
      const remainingMs = (Number(minutes ?? 0) * 60 + Number(seconds ?? 0)) * 1_000
      t.ok(remainingMs > 0 && remainingMs <= LIMITS.keepAliveIdleMs, ours)
      t.ok(remainingMs > LIMITS.keepAliveIdleMs / 2, ours)
      socket.reset()
    })

    t.test('a byte that is urgent keeps its place; without libc it is lost', async t => {
      const { socket, recorder } = await meet(
        t,
        `s.sendall(b'a'); s.send(b'b', socket.MSG_OOB); s.sendall(b'c'); s.shutdown(1); drain(s)`,
      )
      let said = ''
      recorder.onData = chunk => {
        said += Buffer.from(chunk)
      }
      socket.attach(recorder)
      await recorder.until(() => recorder.events.includes('end'))
      t.equal(said, way.endsWith('without libc') ? 'ac' : 'abc')
      socket.end()
      await recorder.closed()
    })

    t.test('goes on receiving after its own FIN', async t => {
      const { socket, peer, recorder } = await meet(t, `say(drain(s)); s.sendall(b'x' * 70000); ask(); s.close()`)
      socket.attach(recorder)
      socket.write([Buffer.from('hello')])
      socket.end()
      t.equal(await peer.heard(), '5 FIN')
      await recorder.until(() => recorder.receivedBytes === 70_000)
      t.same(recorder.events, ['data'], 'open until the peer ends, too')
      peer.tell()
      await recorder.closed()
      t.same(recorder.events, ['data', 'end', 'closed'])
      t.equal(recorder.consumedBytes, 5)
    })

    t.test('tells a reset, and never an end, when the peer resets while reading is paused', async t => {
      const { socket, peer, recorder } = await meet(t, `s.sendall(b'x' * 1000); ask(); abort(s); say('reset')`)
      socket.attach(recorder)
      await recorder.until(() => recorder.receivedBytes === 1_000)
      socket.pause()
      peer.tell()
      t.equal(await peer.heard(), 'reset')
      socket.resume()
      await recorder.closed()
      t.same(recorder.events, ['data', 'reset', 'closed'])
    })

    t.test('tells a reset, and never an end, when the peer resets before attach', async t => {
      const { socket, peer, recorder } = await meet(t, `s.sendall(b'x' * 1000); ask(); abort(s); say('reset')`)
      peer.tell()
      t.equal(await peer.heard(), 'reset')
      socket.attach(recorder)
      await recorder.closed()
      t.same(
        recorder.events.filter(event => event !== 'data'),
        ['reset', 'closed'],
      )
    })

    t.test('tells a reset when the peer resets what is written', async t => {
      const { socket, peer, recorder } = await meet(t, `ask(); abort(s); say('reset')`)
      peer.tell()
      t.equal(await peer.heard(), 'reset')
      socket.write([Buffer.from('nobody')])
      socket.attach(recorder)
      await recorder.closed()
      t.same(recorder.events, ['reset', 'closed'])
      t.equal(recorder.consumedBytes, 0)
    })

    t.test('loses nothing of 8 MiB when it closes towards a slow reader', async t => {
      const script = `s.shutdown(1); ask(); say(drain(s))`
      const { socket, peer, recorder } = await meet(t, script)
      socket.attach(recorder)
      await recorder.until(() => recorder.events.includes('end'))
      const chunk = Buffer.alloc(MIB, 1)
      t.equal(socket.write(Array.from({ length: 8 }, () => chunk)), false)
      socket.end()
      peer.tell()
      t.equal(await peer.heard(), `${8 * MIB} FIN`)
      await recorder.closed()
      t.equal(recorder.consumedBytes, 8 * MIB)
      t.equal(recorder.drains, 0, 'after end() nobody may write')
    })

    t.test('closes in good order after the peer has ended, though nobody has read', async t => {
      const { socket, peer, recorder } = await meet(t, `s.shutdown(1); ask(); say(drain(s))`)
      socket.attach(recorder)
      await recorder.until(() => recorder.events.includes('end'))
      socket.write([Buffer.alloc(30_000)])
      socket.end()
      await recorder.closed()
      peer.tell()
      t.equal(await peer.heard(), '30000 FIN')
    })

    t.test('says when it is full, and when it has drained', async t => {
      const { socket, peer, recorder } = await meet(t, `ask(); say(drain(s))`)
      socket.attach(recorder)
      const chunk = Buffer.alloc(MIB)
      let sentBytes = 0
      for (; socket.queuedBytes === 0; sentBytes += MIB) t.equal(socket.write([chunk]), false)
      t.equal(socket.write([]), true, 'nothing is no write')
      peer.tell()
      await recorder.until(() => recorder.drains > 0)
      t.equal(socket.queuedBytes, 0)
      await recorder.until(() => recorder.consumedBytes === sentBytes)
      // Not by a reset: without libc it waits for the kernel's queue by the clock, and a busy peer may read later.
      socket.end()
      t.equal(await peer.heard(), `${sentBytes} FIN`)
    })

    t.test('delivers what was written before its reset', async t => {
      const { socket, peer, recorder } = await meet(t, `say(drain(s))`)
      socket.attach(recorder)
      socket.write([Buffer.alloc(200_000), Buffer.alloc(1), Buffer.alloc(99_999)])
      socket.reset()
      t.equal(socket.write([Buffer.from('dropped')]), true)
      socket.end()
      t.equal(await peer.heard(), '300000 RST')
      await recorder.closed()
      t.same(recorder.events, ['closed'])
    })

    t.test('resets also while its FIN waits for the queue, within the bound', async t => {
      const { socket, peer, recorder } = await meet(t, `ask(); say(drain(s))`)
      socket.attach(recorder)
      socket.write([Buffer.alloc(32 * MIB)])
      socket.end()
      socket.reset()
      socket.reset()
      await recorder.closed()
      t.same(recorder.events, ['closed'])
      peer.tell()
      t.match(await peer.heard(), way.includes('without') ? /^\d+ (RST|FIN)$/ : /^\d+ RST$/)
    })

    t.test('passes nothing on while paused, and the rest when resumed', async t => {
      const { socket, recorder } = await meet(t, `s.sendall(b'x' * 500000); s.close()`)
      socket.attach(recorder)
      socket.pause()
      await new Promise(resolve => setImmediate(resolve))
      t.equal(recorder.receivedBytes, 0)
      socket.resume()
      await recorder.until(() => recorder.events.includes('end'))
      t.equal(recorder.receivedBytes, 500_000)
      socket.resume()
      socket.reset()
      await recorder.closed()
      t.same(recorder.events, ['data', 'end', 'closed'])
    })

    if (way.endsWith('without libc')) return
    t.test('finds a reset that comes after the end, though nothing is written', async t => {
      // The look keeps no process alive, so the peer does.
      const { socket, peer, recorder } = await meet(t, `s.shutdown(1); ask(); abort(s); ask()`)
      socket.attach(recorder)
      await recorder.until(() => recorder.events.includes('end'))
      peer.tell()
      await recorder.closed()
      t.same(recorder.events, ['end', 'reset', 'closed'])
    })
  })
}

t.test('adopted sockets keep server.close() waiting until they are closed, and no longer', async t => {
  const { port, accepted, server } = await listenOnce()
  const dialed = await ApplicationSocket.connect({ host: '127.0.0.1', port }, { signal: never })
  const socket = await accepted
  t.same([dialed.remote, dialed.local], [socket.local, socket.remote])
  const closed = once(server.close(), 'close')
  const recorder = new Recorder()
  dialed.attach(recorder)
  socket.reset()
  await Promise.all([closed, recorder.closed()])
  t.same(recorder.events, ['reset', 'closed'])
})

t.test('rejects with the error of the connect', async t => {
  const { port, server } = await listenOnce()
  await once(server.close(), 'close')
  await t.rejects(ApplicationSocket.connect({ host: '127.0.0.1', port }, { signal: never }), { code: 'ECONNREFUSED' })
})

t.test('rejects with the reason of the signal, before and during the connect', async t => {
  const reason = new Error('enough')
  const to = { host: '127.0.0.1', port: 9 }
  await t.rejects(ApplicationSocket.connect(to, { signal: AbortSignal.abort(reason) }), reason)
  const controller = new AbortController()
  const connected = ApplicationSocket.connect(to, controller)
  controller.abort(reason)
  await t.rejects(connected, reason)
})

t.test('a socket that failed before attach tells it then', async t => {
  const { port, accepted, server } = await listenOnce()
  const dialed = await ApplicationSocket.connect({ host: '127.0.0.1', port }, { signal: never })
  const socket = await accepted
  const closed = once(server.close(), 'close')
  dialed.reset()
  // Only writing shows the reset to a socket that does not read.
  socket.write([Buffer.alloc(1)])
  await closed
  const recorder = new Recorder()
  socket.attach(recorder)
  await recorder.closed()
  t.same(recorder.events, ['reset', 'closed'])
})

const withoutLibc =
  withoutPython || (loadLibc() === undefined && 'libc cannot be called here: a killed process sends FIN')

t.test('a killed process resets its application sockets, accepted and dialed', { skip: withoutLibc }, async t => {
  const from = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  const program = `
    import { ApplicationSocket } from ${from('../../src/platform/application-socket.js')}
    import { listenOnce, Recorder } from ${from('../support/recorder.js')}
    const { port, accepted } = await listenOnce()
    console.log(port)
    for (const socket of [
      await ApplicationSocket.connect({ host: '127.0.0.1', port: Number(process.argv[1]) }, new AbortController()),
      await accepted,
    ]) {
      socket.attach(new Recorder())
      socket.write([Buffer.from('truncated')])
    }
    console.log('written')
  `
  const peer = new PythonPeer(`
a = listen(); b = dial(int(ask()))
for s in (a, b): say(s.recv(100).decode())
for s in (a, b): say(drain(s))
`)
  const port = await peer.heard()
  const { NODE_OPTIONS: _, ...env } = process.env
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, port], { env, stdio: [...stdio] })
  t.teardown(() => [peer.kill(), child.kill('SIGKILL')])
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  peer.tell((await lines.next()).value)
  t.equal((await lines.next()).value, 'written')
  t.same([await peer.heard(), await peer.heard()], ['truncated', 'truncated'])
  child.kill('SIGKILL')
  t.same([await peer.heard(), await peer.heard()], ['0 RST', '0 RST'])
})
