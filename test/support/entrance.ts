/** The ways into a sidecar that need no root, for peers in Python. */
import type { CliHost } from './cli-host.ts'

/** `through` connects through `way` to `to`, where the proxy or the forward is at `at`. */
export const DIAL = `
def through(way, at, to):
    s = dial(at)
    s.settimeout(60)
    if way == 'SOCKS5':
        s.sendall(bytes([5, 1, 0])); assert s.recv(2) == bytes([5, 0])
        s.sendall(bytes([5, 1, 0, 1, 127, 0, 0, 1]) + struct.pack('>H', to))
        answer = b''
        while len(answer) < 10: answer += s.recv(10 - len(answer))
        assert answer[1] == 0, answer
    if way == 'HTTP CONNECT':
        s.sendall(('CONNECT 127.0.0.1:%d HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' % to).encode())
        answer = b''
        while not answer.endswith(b'\\r\\n\\r\\n'): answer += s.recv(1)
        assert b' 200 ' in answer, answer
    return s
way, at, to = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
`

/** The port of a way. */
export async function entrance(laptop: CliHost, way: string): Promise<number> {
  return way === 'forward' ? laptop.forwardPort() : Number((await laptop.proxy()).split(':').at(-1))
}
