/** What the network says of a connection that lives on: an application must not be told that it is over. */
import { spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import t from 'tap'
import { ApplicationSocket } from '../../src/platform/application-socket.ts'
import { loadLibc } from '../../src/platform/libc.ts'
import { socketCalls } from '../../src/platform/socket-calls.ts'
import { PythonPeer, withoutPython } from '../support/python-peer.ts'
import { Recorder } from '../support/recorder.ts'

/** Asks for the next byte that `s` expects (TCP_REPAIR, TCP_QUEUE_SEQ), and says in ICMP that the other end of `s` cannot be reached, as a router does while its network is away. */
const UNREACHABLE = `
for name, value in ((19, 1), (20, 1)): s.setsockopt(socket.IPPROTO_TCP, name, value)
seq = struct.unpack('I', s.getsockopt(socket.IPPROTO_TCP, 21, 4))[0]
s.setsockopt(socket.IPPROTO_TCP, 19, -1)
home = socket.inet_aton('127.0.0.1')
about = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 48, 0, 0, 64, 6, 0, home, home)
about += struct.pack('!HHI', s.getpeername()[1], s.getsockname()[1], seq)
check = sum(struct.unpack('!14H', about)) + 0x301
while check >> 16: check = (check & 0xffff) + (check >> 16)
raw.sendto(struct.pack('!BBHI', 3, 1, check ^ 0xffff, 0) + about, ('127.0.0.1', 0))
`
const RAW = 'raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)'
const REPAIR = 'socket.socket().setsockopt(socket.IPPROTO_TCP, 19, 1)'
const withoutRaw =
  withoutPython ||
  (loadLibc() === undefined && 'libc cannot be called here: a reset after the end is not looked for') ||
  (spawnSync('python3', ['-c', `import socket; ${RAW}; ${REPAIR}`]).status !== 0 && 'sending ICMP needs root')

t.test('a network that is away for a moment is no reset, though the peer has ended', { skip: withoutRaw }, async t => {
  const calls = socketCalls()!
  const getsockopt = loadLibc()!.declare('int getsockopt(int fd, int level, int name, _Out_ int *value, int *length)')
  const pending = [0]
  let tell = (_told: number): void => undefined
  const told = new Promise<number>(resolve => {
    tell = resolve
  })
  const takeError = (fd: number) => {
    const taken = calls.takeError(fd)
    // SO_ERROR
    getsockopt(fd, 1, 4, pending, Int32Array.of(4))
    if (taken + pending[0]! !== 0) tell(pending[0]!)
    return taken
  }
  const script = `${RAW}; s.shutdown(1); s.recv(5); ask()\n${UNREACHABLE}\nsay(drain(s))`
  const peer = new PythonPeer(`s = listen(); ${script}`)
  t.teardown(() => peer.kill())
  const to = { host: '127.0.0.1', port: Number(await peer.heard()) }
  const { signal } = new AbortController()
  const socket = await ApplicationSocket.connect(to, { signal }, { ...calls, takeError })
  const recorder = new Recorder()
  socket.attach(recorder)
  await recorder.until(() => recorder.events.includes('end'))
  socket.write([Buffer.from('hello')])
  peer.tell()
  t.equal(await told, constants.errno.EHOSTUNREACH, 'the kernel has heard of it')
  socket.write([Buffer.from('more')])
  socket.end()
  t.equal(await peer.heard(), '4 FIN')
  await recorder.closed()
  t.same(recorder.events, ['end', 'closed'])
})
