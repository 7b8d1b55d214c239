import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { ApplicationSocket } from '../../src/platform/application-socket.ts'
import { loadLibc } from '../../src/platform/libc.ts'
import { socketCalls } from '../../src/platform/socket-calls.ts'
import { PythonPeer, withoutPython } from '../support/python-peer.ts'
import { listenOnce, Recorder } from '../support/recorder.ts'

const never = new AbortController().signal
const MIB = 1024 * 1024

interface Meeting {
  readonly socket: ApplicationSocket
  readonly peer: PythonPeer
  readonly recorder: Recorder
}

/** Both ways to come by an application socket; with and without the calls into libc. */
const ways: Record<string, (t: Tap.Test, script: string) => Promise<Meeting>> = {
  accepted: (t, script) => accept(t, script, socketCalls()),
  dialed: (t, script) => dial(t, script, socketCalls()),
  'accepted without libc': (t, script) => accept(t, script, undefined),
  'dialed without libc': (t, script) => dial(t, script, undefined),
}

type Calls = ReturnType<typeof socketCalls>

async function accept(t: Tap.Test, script: string, calls: Calls): Promise<Meeting> {
  const { port, accepted, server } = await listenOnce(socket => ApplicationSocket.adopt(socket, calls ?? null))
  const peer = new PythonPeer(`s = dial(int(sys.argv[1]))\n${script}`, port)
  t.teardown(() => peer.kill())
  const socket = await accepted
  server.close()
  return { socket, peer, recorder: new Recorder() }
}

async function dial(t: Tap.Test, script: string, calls: Calls): Promise<Meeting> {
  const peer = new PythonPeer(`s = listen()\n${script}`)
  t.teardown(() => peer.kill())
  const to = { host: '127.0.0.1', port: Number(await peer.heard()) }
  const socket = await ApplicationSocket.connect(to, { signal: never }, calls ?? null)
  return { socket, peer, recorder: new Recorder() }
}
