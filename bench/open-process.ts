/**
 * Opens connections, or answers them, in a network namespace of its choice: node open-process.js, with an IPC channel.
 *
 * One exchange is: connect, the dialogue of the proxy if there is one, 64 bytes there, the same 64 back, FIN there, FIN back.
 * A program waits for each answer of a proxy before it goes on, as most libraries do.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Dialogue = 'none' | 'socks5' | 'http-connect'

export interface Entry {
  readonly host: string
  readonly port: number
  readonly dialogue: Dialogue
  /** What the proxy is asked for: an IPv4 address. */
  readonly destination: { readonly host: string; readonly port: number }
}

export type OpenQuestion =
  | { readonly ask: 'serve'; readonly host: string }
  | { readonly ask: 'open'; readonly entry: Entry; readonly count: number; readonly parallel: number }

export type OpenAnswer =
  | { readonly tell: 'serving'; readonly port: number }
  | {
      readonly tell: 'opened'
      /** From the first connect to the last close. */
      readonly seconds: number
      /** Of each exchange: from the connect until it was accepted, and until the first byte of the answer. */
      readonly connectMs: readonly number[]
      readonly firstByteMs: readonly number[]
    }
  | { readonly tell: 'failed'; readonly why: string }

const MESSAGE_BYTES = 64
const MESSAGE = Buffer.alloc(MESSAGE_BYTES, 'x')
const EXCHANGE_MS_MAX = 15_000
const BACKLOG = 4_096

process.on('message', (question: OpenQuestion) => {
  const answer = question.ask === 'serve' ? serve(question.host) : open(question)
  answer.then(tell, (error: Error) => tell({ tell: 'failed', why: error.message }))
})
process.once('disconnect', () => process.exit())

function tell(answer: OpenAnswer): void {
  process.send?.(answer)
}

function serve(host: string): Promise<OpenAnswer> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.end())
    socket.on('data', bytes => socket.write(bytes))
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, host, BACKLOG, () => {
      resolve({ tell: 'serving', port: (server.address() as AddressInfo).port })
    })
  })
}

async function open({ entry, count, parallel }: Extract<OpenQuestion, { ask: 'open' }>): Promise<OpenAnswer> {
  const [connectMs, firstByteMs]: [number[], number[]] = [[], []]
  let left = count
  const start = performance.now()
  const worker = async () => {
    while (left-- > 0) {
      const times = await exchange(entry)
      connectMs.push(times.connectMs)
      firstByteMs.push(times.firstByteMs)
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return { tell: 'opened', seconds: (performance.now() - start) / 1_000, connectMs, firstByteMs }
}

/** What is said to a proxy, and how its answer ends. */
function dialogueOf({ dialogue, destination: { host, port } }: Entry): readonly Step[] {
  if (dialogue === 'none') return []
  if (dialogue === 'http-connect') {
    const request = `CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`
    return [{ say: Buffer.from(request), isAnswer: heard => /^HTTP\/1\.[01] 200 [\s\S]*\r\n\r\n$/.test(`${heard}`) }]
  }
  const request = Buffer.from([5, 1, 0, 1, ...host.split('.').map(Number), port >> 8, port & 0xff])
  return [
    { say: Buffer.from([5, 1, 0]), isAnswer: heard => heard.equals(Buffer.from([5, 0])) },
    { say: request, isAnswer: heard => heard.length === 10 && heard[1] === 0 },
  ]
}

interface Step {
  readonly say: Buffer
  isAnswer(heard: Buffer): boolean
}

/** @throws Error when it is refused, reset, cut short or not over in time */
function exchange(entry: Entry): Promise<{ connectMs: number; firstByteMs: number }> {
  const steps: Step[] = [...dialogueOf(entry), { say: MESSAGE, isAnswer: heard => heard.length === MESSAGE_BYTES }]
  const name = `the exchange through ${entry.host}:${entry.port}`
  return new Promise((resolve, reject) => {
    const start = performance.now()
    const times = { connectMs: Number.NaN, firstByteMs: Number.NaN }
    let heard: Buffer = Buffer.alloc(0)
    const next = (socket: Socket) => {
      const [step] = steps
      if (step === undefined) socket.end()
      else socket.write(step.say)
    }
    const socket = connect({ host: entry.host, port: entry.port, noDelay: true, allowHalfOpen: true }, () => {
      times.connectMs = performance.now() - start
      next(socket)
    })
    const timer = setTimeout(() => socket.destroy(new Error(`${name} took too long`)), EXCHANGE_MS_MAX)
    socket.on('data', bytes => {
      if (steps.length === 1 && heard.length === 0) times.firstByteMs = performance.now() - start
      heard = Buffer.concat([heard, bytes])
      if (steps[0]?.isAnswer(heard) !== true) return
      heard = Buffer.alloc(0)
      steps.shift()
      next(socket)
    })
    socket.on('end', () => {
      if (steps.length > 0) socket.destroy(new Error(`${name} ended after ${heard.length} bytes: ${heard}`))
    })
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(times)
    })
  })
}
