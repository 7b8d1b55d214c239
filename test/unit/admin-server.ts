import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { fetchStatus, requestMigrate } from '../../src/admin/admin-client.ts'
import { startAdminServer } from '../../src/admin/admin-server.ts'
import { LIMITS } from '../../src/base/limits.ts'
import { temporaryDirectory } from '../support/cli.ts'
import { FakeSidecar, REPORT } from '../support/fake-sidecar.ts'

async function start(t: Test, sidecar = new FakeSidecar()): Promise<{ socket: string; sidecar: FakeSidecar }> {
  const socket = join(temporaryDirectory(t), 'holdfast.sock')
  const server = await startAdminServer(socket, sidecar)
  t.teardown(() => server.close())
  return { socket, sidecar }
}

function ask(socketPath: string, method: string, path: string, body = ''): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, agent: false }, async response => {
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) text += chunk
      resolve({ status: response.statusCode!, text })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

t.test('the socket is open to its user only, whatever the umask', async t => {
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const { socket } = await start(t)
  t.equal(statSync(socket).mode & 0o777, 0o600)
  t.equal(process.umask(), 0, 'the umask of the process is as it was')
})

t.test('answers status, migrate, metrics and health; the client reads what the server says', async t => {
  const { socket, sidecar } = await start(t)
  t.same(await fetchStatus(socket), REPORT)
  t.same(await requestMigrate(socket, undefined), [{ peer: 'office', code: 'moved', message: 'a move was begun' }])
  t.same(await requestMigrate(socket, 'home'), [{ peer: 'home', code: 'moved', message: 'a move was begun' }])
  t.same(sidecar.calls, ['migrate all', 'migrate home'])
  t.same(await ask(socket, 'GET', '/healthz'), { status: 200, text: '{"status":"running"}\n' })
  t.match((await ask(socket, 'GET', '/metrics?x=1')).text, 'holdfast_sessions{peer="office",side="near"} 1\n')
  t.same(await ask(socket, 'GET', '/v1/nothing'), {
    status: 404,
    text: '{"error":"there is no GET /v1/nothing here"}\n',
  })
  t.equal((await ask(socket, 'GET', '/v1/migrate')).status, 404)
})

t.test('refuses a body that is not what it should be, and one that is too long', async t => {
  const { socket, sidecar } = await start(t)
  const long = JSON.stringify({ peer: 'x'.repeat(LIMITS.adminBodyBytesMax) })
  for (const body of ['{', '[]', 'null', '7', '{"peer":7}', '{"peer":null}', long]) {
    const { status, text } = await ask(socket, 'POST', '/v1/migrate', body)
    t.equal(status, 400, body.slice(0, 20))
    t.equal(text, '{"error":"the body is not {} or {\\"peer\\": NAME}"}\n')
  }
  t.same(sidecar.calls, [], 'nothing moved')
  t.equal((await ask(socket, 'POST', '/v1/migrate')).status, 200, 'no body means all')
})

t.test('a body has at most adminBodyBytesMax bytes, however few characters they are', async t => {
  const { socket, sidecar } = await start(t)
  const most = LIMITS.adminBodyBytesMax
  for (const letter of ['x', 'é']) {
    const peerOf = (bytes: number) => letter.repeat(bytes / letter.length).slice(0, bytes / Buffer.byteLength(letter))
    const room = most - JSON.stringify({ peer: '' }).length
    const evenRoom = room - (room % Buffer.byteLength(letter))
    const bodyOf = (more: number) =>
      `${JSON.stringify({ peer: peerOf(evenRoom) })}${' '.repeat(room - evenRoom + more)}`
    t.equal((await ask(socket, 'POST', '/v1/migrate', bodyOf(0).trimEnd())).status, 200, 'below')
    t.equal((await ask(socket, 'POST', '/v1/migrate', bodyOf(0))).status, 200, 'the limit')
    t.equal((await ask(socket, 'POST', '/v1/migrate', bodyOf(1))).status, 400, 'one above')
  }
  t.equal(sidecar.calls.length, 4)
})

t.test('a fault of the sidecar is told, and the server goes on', async t => {
  const sidecar = new FakeSidecar()
  const { socket } = await start(t, sidecar)
  sidecar.status = () => {
    throw new Error('broken')
  }
  t.same(await ask(socket, 'GET', '/v1/status'), { status: 500, text: '{"error":"Error: broken"}\n' })
  await t.rejects(fetchStatus(socket), {
    code: 'SIDECAR_NOT_RUNNING',
    message: /\(it says 500 \{"error":"Error: broken"\}\): start it with/,
  })
  t.equal((await ask(socket, 'GET', '/healthz')).status, 200)
})

t.test('takes at most LIMITS.adminConnectionsMax connections, and more when some end', async t => {
  const { socket } = await start(t)
  const open: Socket[] = []
  for (let i = 0; i < LIMITS.adminConnectionsMax; i++) {
    const one = connect(socket)
    t.teardown(() => one.destroy())
    await once(one, 'connect')
    // An answer shows that the server has it.
    one.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(one, 'data')
    open.push(one)
  }
  await t.rejects(ask(socket, 'GET', '/healthz'), 'one too many is cut')
  open[0]!.destroy()
  const again = async (): Promise<number> => {
    const answer = await ask(socket, 'GET', '/healthz').catch(() => undefined)
    return answer?.status ?? again()
  }
  t.equal(await again(), 200)
})

t.test('closing removes the socket, cuts who is connected, and is harmless when repeated', async t => {
  const socket = join(temporaryDirectory(t), 'holdfast.sock')
  const server = await startAdminServer(socket, new FakeSidecar())
  t.equal(server.socket, socket)
  const idle = connect(socket).on('error', () => {})
  await once(idle, 'connect')
  const closed = once(idle, 'close')
  await server.close()
  await closed
  await server.close()
  t.notOk(existsSync(socket))
})

/** A socket that a killed process left behind. */
async function staleSocket(t: Test): Promise<string> {
  const directory = temporaryDirectory(t)
  const socket = join(directory, 'holdfast.sock')
  const dead = createServer()
  await once(dead.listen(join(directory, 'other.sock')), 'listening')
  renameSync(join(directory, 'other.sock'), socket)
  await new Promise(resolve => dead.close(resolve))
  t.ok(existsSync(socket), 'left behind')
  return socket
}

t.test('of several that start at once on a socket left behind, one has it', async t => {
  const socket = await staleSocket(t)
  const starts = await Promise.allSettled([1, 2, 3].map(() => startAdminServer(socket, new FakeSidecar())))
  const started = starts.filter(start => start.status === 'fulfilled')
  t.equal(started.length, 1)
  for (const start of starts) if (start.status === 'rejected') t.match(start.reason, { code: 'SIDECAR_RUNNING' })
  t.same(await fetchStatus(socket), REPORT, 'and it can be reached')
  t.same(readdirSync(dirname(socket)), ['holdfast.sock'])
  await started[0]?.value.close()
})

t.test('takes over a socket that nobody has open any more', async t => {
  const socket = await staleSocket(t)
  const server = await startAdminServer(socket, new FakeSidecar())
  t.same(await fetchStatus(socket), REPORT)
  await server.close()
})

t.test('takes nothing over on which somebody answers, or that is no socket, or where none can be', async t => {
  const { socket } = await start(t)
  await t.rejects(startAdminServer(socket, new FakeSidecar()), {
    code: 'SIDECAR_RUNNING',
    message: `a sidecar already answers on ${socket}: stop it first, or set another admin.socket`,
  })
  t.same(await fetchStatus(socket), REPORT, 'the first still answers')
  const directory = temporaryDirectory(t)
  const file = join(directory, 'file')
  writeFileSync(file, 'mine')
  mkdirSync(join(directory, 'folder'))
  for (const path of [file, join(directory, 'folder')]) {
    await t.rejects(startAdminServer(path, new FakeSidecar()), {
      code: 'ADDRESS_UNAVAILABLE',
      message: `${path} is there and is no socket: choose another path for admin.socket in the configuration`,
    })
  }
  t.ok(existsSync(file))
  await t.rejects(startAdminServer(join(directory, 'absent', 'a.sock'), new FakeSidecar()), {
    code: 'ADDRESS_UNAVAILABLE',
    message: `cannot make the admin socket ${directory}/absent/a.sock (there is no directory ${directory}/absent): mend admin.socket in the configuration`,
  })
  await t.rejects(startAdminServer(join(file, 'a.sock'), new FakeSidecar()), {
    code: 'ADDRESS_UNAVAILABLE',
    message: `cannot make the admin socket ${file}/a.sock (ENOTDIR): mend admin.socket in the configuration`,
  })
})

t.test('the client says what is in the way when nobody answers as a sidecar does', async t => {
  const directory = temporaryDirectory(t)
  const absent = join(directory, 'absent.sock')
  await t.rejects(fetchStatus(absent), {
    code: 'SIDECAR_NOT_RUNNING',
    message: `no sidecar answers on ${absent}: start it with \`holdfast up\`, or name its socket with --socket`,
  })
  const rows: [says: string, told: RegExp][] = [
    ['HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nno!', /not valid JSON/],
    ['HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n{}', /aborted/],
    ['SSH-2.0-OpenSSH\r\n', /Parse Error/],
    ['', /socket hang up/],
  ]
  for (const [says, told] of rows) {
    const socket = join(directory, `${rows.findIndex(row => row[0] === says)}.sock`)
    const server = createServer(one => one.once('data', () => one.end(says)))
    await once(server.listen(socket), 'listening')
    t.teardown(() => server.close())
    await t.rejects(fetchStatus(socket), { code: 'SIDECAR_NOT_RUNNING', message: told }, says)
  }
})
