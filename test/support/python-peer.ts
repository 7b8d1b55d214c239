/**
 * A TCP peer that is not Node: a Python process that runs `script` with `say(text)` and `ask()`, one line each way.
 * Python closes, half-closes, resets and reads exactly when the script says so.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

const PRELUDE = `
import socket, struct, sys
def say(text): print(text, flush=True)
def ask(): return sys.stdin.readline().strip()
def listen():
    server = socket.create_server(('127.0.0.1', 0)); say(server.getsockname()[1]); return server.accept()[0]
def dial(port): return socket.create_connection(('127.0.0.1', port))
def abort(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); s.close()
def drain(s):
    count = 0
    try:
        while True:
            part = s.recv(1 << 16)
            if not part: return '%d FIN' % count
            count += len(part)
    except ConnectionResetError: return '%d RST' % count
`

/** The reason to skip tests that need Python, or false. */
export const withoutPython: string | false =
  spawnSync('python3', ['-c', '']).status === 0 ? false : 'python3 is not installed'

/** A script that runs somewhere else: `within` are the words before the command, such as `ip netns exec NAME`. */
export interface PlacedScript {
  readonly within: readonly string[]
  readonly script: string
}

export class PythonPeer {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string>

  constructor(what: string | PlacedScript, ...args: (string | number)[]) {
    const { within, script } = typeof what === 'string' ? { within: [], script: what } : what
    const [program, ...words] = [...within, 'python3', '-c', PRELUDE + script, ...args.map(String)]
    const stdio: ['pipe', 'pipe', 'inherit'] = ['pipe', 'pipe', 'inherit']
    this.#child = spawn(program!, words, { stdio })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** The next line the script says. @throws when the script has ended */
  async heard(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('the Python peer ended without a word')
    return value
  }

  /** Answers the script's ask(). */
  tell(text: string | number = ''): void {
    this.#child.stdin.write(`${text}\n`)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
