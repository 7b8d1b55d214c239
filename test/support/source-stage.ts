/**
 * Four hosts for tests of clients' addresses, in network namespaces. Needs root and python3.
 *
 *     client 10.79.1.2 -- near 10.78.1.2 ======== 10.78.1.1 far -- server 10.80.1.2, whose way to anybody is far
 *
 * The server and the client are no Node:
 *
 *     serve PORT            says `ADDRESS PORT` of each who connects, hears it to its end, and answers `BYTES SHA-256`
 *     HOST PORT [HEADER]    sends HEADER, says its own port, sends so many bytes as each line says, and ends; says what comes
 *                           back, or `reset`
 */
import type { Test } from 'tap'
import type { Namespace } from '../e2e/lab/namespace.ts'
import { CaptureStage, PORT, type Running } from './capture-stage.ts'

const SOURCE_PROGRAM = `
import hashlib
import socket
import sys
import threading

PATTERN = b'holdfast'


def main():
    if sys.argv[1] == 'serve':
        serve(int(sys.argv[2]))
    else:
        talk(*sys.argv[1:])


def serve(port):
    server = socket.create_server(('::', port), family=socket.AF_INET6, dualstack_ipv6=True)
    print('listening')
    while True:
        one, peer = server.accept()
        print(peer[0].removeprefix('::ffff:'), peer[1])
        threading.Thread(target=hear, args=(one,), daemon=True).start()


def hear(one):
    digest = hashlib.sha256()
    count = 0
    try:
        while chunk := one.recv(65536):
            digest.update(chunk)
            count += len(chunk)
        one.sendall(f'{count} {digest.hexdigest()}\\n'.encode())
    except OSError:
        pass
    one.close()


def talk(host, port, header=''):
    one = socket.create_connection((host, int(port)))
    one.sendall(header.encode())
    print(one.getsockname()[1])
    threading.Thread(target=end, args=(one,), daemon=True).start()
    try:
        while chunk := one.recv(65536):
            sys.stdout.write(chunk.decode())
    except OSError:
        print('reset')


def end(one):
    sent = 0
    for line in sys.stdin:
        count = int(line)
        at = sent % len(PATTERN)
        one.sendall((PATTERN * (count // len(PATTERN) + 2))[at:at + count])
        sent += count
        print('sent', count)
    one.shutdown(socket.SHUT_WR)


main()
`
const PROGRAM = ['python3', '-u', '-c', SOURCE_PROGRAM]
export const CLIENTS = ['10.79.0.0/16', 'fd79::/16']
export const PRESERVE = ['0.0.0.0/0:*', '[::]/0:*'].map(to => ({ to, source: 'preserve' as const, clients: CLIENTS }))
export const ROUTES = ['10.80.0.0/16', 'fd80::/16']
/** A server of each family, and the client that it is to see. */
export const ENDS = [
  ['10.80.1.2', '10.79.1.2'],
  ['fd80:1::2', 'fd79:1::2'],
] as const

export interface Hosts {
  readonly stage: CaptureStage
  readonly client: Namespace
  readonly server: Namespace
  /** Says the address and port of each who connects. */
  readonly listener: Running
}

export async function hosts(t: Test, name: string): Promise<Hosts> {
  const stage = await CaptureStage.create(t, name, PRESERVE)
  const [client, server] = [await stage.clientBehind(), await stage.serverBehind()]
  return { stage, client, server, listener: await listen(stage, server) }
}

export async function listen(stage: CaptureStage, where: Namespace, port = PORT): Promise<Running> {
  const listener = stage.start(where, [...PROGRAM, 'serve', `${port}`])
  await listener.line()
  return listener
}

/** A program on the client's host that is connected; it says its own port. */
export async function connect({ stage, client }: Hosts, host: string, port: number | string = PORT, header = '') {
  const running = stage.start(client, [...PROGRAM, host, `${port}`, header])
  return { running, port: Number(await running.line()) }
}

/** Near listeners of the client's network, of which each leads to one of `to`, and believes what its clients say by a header. */
export async function forward(stage: CaptureStage, ...to: readonly string[]): Promise<void> {
  stage.nearHost.configure({
    peers: [{ name: 'far', id: stage.farHost.peerId, endpoints: ['tcp://10.78.1.1:7700'] }],
    forward: to.flatMap((destination, i) => [
      { listen: `10.79.1.1:${7001 + i}`, peer: 'far', to: destination },
      { listen: `[fd79:1::1]:${7001 + i}`, peer: 'far', to: destination },
      { listen: `10.79.1.1:${8001 + i}`, peer: 'far', to: destination, proxyProtocol: { from: ['10.79.1.2'] } },
    ]),
  })
  await stage.startNear().line()
}

/** A client is seen as itself, and hears the answer. */
export async function exchange(
  t: Test,
  all: Hosts,
  host: string,
  address: string,
  port: number = PORT,
  listener = all.listener,
) {
  const { running, port: own } = await connect(all, host, port)
  t.equal(await listener.line(), `${address} ${own}`)
  running.child.stdin.end('100000\n')
  t.match([await running.line(), await running.line()], ['sent 100000', /^100000 /])
}
