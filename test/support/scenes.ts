/**
 * Many connections at once between an application and a destination, neither of which is Node. Each connection is a scene: its
 * first byte is the scene's number, and then each end plays its script. Lines of both processes are `NUMBER words`.
 */
import type { HostPort } from '../../src/base/endpoint.ts'
import { PythonPeer } from './python-peer.ts'

export type Way = 'forward' | 'SOCKS5' | 'HTTP CONNECT' | 'redirect' | 'tproxy'

/** Streams have a pattern; in what hear() and push() return, an end is FIN or RST. */
const STAGE = `
import fcntl, json, re, select, termios, threading, time
OOB = socket.MSG_OOB
ROUND = 251
PATTERN = bytes(range(ROUND)) * 300
def stream(count): return (PATTERN * (count // len(PATTERN) + 1))[:count]
def hear(s):
    count = 0
    try:
        while True:
            part = s.recv(1 << 16)
            if not part: return '%d FIN' % count
            if part != PATTERN[count % ROUND:][:len(part)]: return '%d, and then other bytes' % count
            count += len(part)
    except ConnectionResetError: return '%d RST' % count
def push(s):
    try:
        while True: s.sendall(b'x'); time.sleep(0.001)
    except (ConnectionResetError, BrokenPipeError): return 'RST'
def hung(s):
    waiting = select.poll(); waiting.register(s, 0)
    return 'RST' if waiting.poll(60000) else 'nothing'
def settle(s):
    while fcntl.ioctl(s, termios.TIOCOUTQ, bytes(4)) != bytes(4): time.sleep(0.001)
def peek(s, count):
    while len(s.recv(count, socket.MSG_PEEK)) < count: pass
def exactly(s, count):
    part = b''
    while len(part) < count:
        more = s.recv(count - len(part))
        if not more: raise EOFError('after %d of %d bytes' % (len(part), count))
        part += more
    return part
cues = {}
lock = threading.Lock()
def play(number, script, connect):
    cue = cues[number] = threading.Event()
    def tell(text):
        with lock: say('%d %s' % (number, text))
    def middle():
        tell('middle')
        assert cue.wait(60)
    names = {**globals(), 'middle': middle, 'said': None}
    try:
        with connect() as s:
            names['s'] = s
            exec(script, names)
    except Exception as error: names['said'] = 'failed: %r' % error
    if names['said'] is not None: tell(names['said'])
def spawn(work, *args): threading.Thread(target=work, args=args, daemon=True).start()
def heed():
    for line in sys.stdin: cues[int(line)].set()
`
const DESTINATION = `
host, scripts = sys.argv[1], [compile(one, 'scene', 'exec') for one in json.loads(sys.argv[2])]
server = socket.create_server((host, 0), backlog=1024)
# Nobody listens there, and nobody else can.
closed = socket.socket(); closed.bind((host, 0))
# One waits to be accepted, and more may not.
full = socket.create_server((host, 0), backlog=0); waiting = socket.create_connection(full.getsockname())
def meet(s):
    s.settimeout(60)
    number = exactly(s, 1)[0]
    play(number, scripts[number], lambda: s)
def serve():
    while True: spawn(meet, server.accept()[0])
say(json.dumps([one.getsockname()[1] for one in (server, closed, full)]))
spawn(serve)
heed()
`
const APPLICATION = `
way = sys.argv[1]
def through(at, to):
    """Connected, or what the application is told."""
    s = socket.create_connection(at, 60)
    if way == 'SOCKS5':
        s.sendall(bytes([5, 1, 0])); assert exactly(s, 2) == bytes([5, 0])
        s.sendall(bytes([5, 1, 0, 1]) + socket.inet_aton(to[0]) + struct.pack('>H', to[1]))
        reply = exactly(s, 10)[1]
        if reply != 0: return s, 'reply %d' % reply
    if way == 'HTTP CONNECT':
        s.sendall(('CONNECT %s:%d HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' % to).encode())
        head = ''
        while not head.endswith('\\r\\n\\r\\n'): head += exactly(s, 1).decode()
        status = head.split()[1]
        if status != '200': return s, '%s %s' % (status, re.search(r'error=(\\w+)', head)[1])
    return s, None
`
const SCENES = `
at, to, scripts = (json.loads(one) for one in sys.argv[2:])
def connect(number):
    s, told = through(tuple(at), tuple(to))
    assert told is None, told
    s.sendall(bytes([number]))
    return s
for number, script in scripts.items(): spawn(play, int(number), script, lambda number=int(number): connect(number))
heed()
`

/** What destinations do in each scene, by its number; they play it as often as it is asked for. */
export class Destination {
  readonly peer: PythonPeer
  readonly host: string
  /** Where it listens, where nobody listens, and where a connection is never accepted. */
  readonly ports: { readonly open: number; readonly closed: number; readonly full: number }

  private constructor(peer: PythonPeer, host: string, [open, closed, full]: readonly number[]) {
    this.peer = peer
    this.host = host
    this.ports = { open: open!, closed: closed!, full: full! }
  }

  /** @param within words before a command that runs where destinations are */
  static async start(scripts: readonly string[], host: string, within: readonly string[] = []): Promise<Destination> {
    const peer = new PythonPeer({ within, script: STAGE + DESTINATION }, host, JSON.stringify(scripts))
    return new Destination(peer, host, JSON.parse(await peer.heard()))
  }

  get place(): HostPort {
    return { host: this.host, port: this.ports.open }
  }
}

/** How an application reaches destinations. */
export interface Approach {
  readonly way: Way
  /** What it connects to so that it reaches `to`: the forward, the proxy, or `to` itself. */
  readonly at: (to: HostPort) => HostPort
  /** Words before a command that runs where applications are. */
  readonly within: readonly string[]
}

/** @param scripts by the number of their scene */
export function startScenes(
  { way, at, within }: Approach,
  to: HostPort,
  scripts: Readonly<Record<number, string>>,
): PythonPeer {
  const places = [at(to), to].map(place => JSON.stringify([place.host, place.port]))
  return new PythonPeer({ within, script: STAGE + APPLICATION + SCENES }, way, ...places, JSON.stringify(scripts))
}

/** @returns what each scene says next */
export async function wordsOf(peer: PythonPeer, count: number): Promise<ReadonlyMap<number, string>> {
  const words = new Map<number, string>()
  while (words.size < count) {
    const [, number, said] = /^(\d+) (.*)$/.exec(await peer.heard())!
    words.set(Number(number), said!)
  }
  return words
}

const VISITS = `
def told(at, to):
    try:
        s, refused = through(tuple(at), tuple(to))
        end = drain(s)
        return end if refused is None else refused + ', then ' + end.split()[1]
    except ConnectionResetError: return '0 RST'
    except Exception as error: return 'failed: %r' % error
def visit(index, at, to):
    said = told(at, to)
    with lock: say('%d %s' % (index, said))
for index, (at, to) in enumerate(json.loads(sys.argv[2])): spawn(visit, index, at, to)
ask()
`

/** @returns what an application is told of each destination, all asked at once */
export async function askFor({ way, at, within }: Approach, places: readonly HostPort[]): Promise<readonly string[]> {
  const asked = places.map(to => [at(to), to].map(({ host, port }) => [host, port]))
  const peer = new PythonPeer({ within, script: STAGE + APPLICATION + VISITS }, way, JSON.stringify(asked))
  try {
    const words = await wordsOf(peer, places.length)
    return places.map((_, index) => words.get(index)!)
  } finally {
    peer.kill()
  }
}

const MANY = `
from concurrent.futures import ThreadPoolExecutor
count, number, script = int(sys.argv[2]), int(sys.argv[3]), compile(sys.argv[4], 'scene', 'exec')
at, to = (tuple(json.loads(one)) for one in sys.argv[5:])
def once(_):
    s, told = through(at, to)
    assert told is None, told
    with s:
        s.sendall(bytes([number]))
        exec(script, {**globals(), 's': s})
with ThreadPoolExecutor(8) as pool:
    while True:
        list(pool.map(once, range(count)))
        say('played'); count = int(ask())
`

/** One scene again and again, some connections at a time. Says `played`, and plays as often as it is told then. */
export function startMany(
  { way, at, within }: Approach,
  to: HostPort,
  scene: { readonly number: number; readonly script: string; readonly count: number },
): PythonPeer {
  const places = [at(to), to].map(place => JSON.stringify([place.host, place.port]))
  const words = [scene.count, scene.number, scene.script, ...places]
  return new PythonPeer({ within, script: STAGE + APPLICATION + MANY }, way, ...words)
}
