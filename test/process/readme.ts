/**
 * The commands of README.md, run as they stand there: on two "machines", which are two folders of this one.
 *
 * The comment above a block says where it runs and whether it stays. Ports, the name of the office, IDs and the ticket are put
 * in, since a reader would. A block without a comment fails here, so none can be forgotten.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { ROOT, readFile } from '../support/repository.ts'

type Machine = 'office' | 'laptop'

interface Block {
  readonly machine: Machine
  /** Runs on until it is stopped; else it must end with 0. */
  readonly stays: boolean
  /** The block is the content of this file. */
  readonly file: string | undefined
  readonly text: string
}

const skip = process.platform === 'win32' ? 'the blocks are for sh' : false

t.test('the quick start of README.md works as it is written', { skip }, async t => {
  const base = mkdtempSync(join(tmpdir(), 'holdfast-readme-'))
  const service = createServer({ allowHalfOpen: true }, socket => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(service, 'listening')
  const running: ChildProcess[] = []
  const stop = () => Promise.all(running.splice(0).map(end))
  t.teardown(async () => {
    await stop()
    service.close()
    rmSync(base, { recursive: true })
  })
  const reader = new Reader(base, await portsFor((service.address() as AddressInfo).port))
  const blocks = blocksOf(readFile('README.md'))
  const [ticket, configuration] = [blocks.slice(0, 2), blocks.slice(2)]

  for (const block of ticket) running.push(await reader.begin(block))
  t.equal(await reader.echo('by ticket'), 'by ticket')
  await stop()

  for (const block of configuration) {
    // A path is there from the first connection on, and then there is one to move from.
    if (block.text.includes('holdfast migrate')) t.equal(await reader.echo('by configuration'), 'by configuration')
    if (block.file !== undefined) reader.write(block)
    else if (block.stays) running.push(await reader.begin(block))
    else {
      const { code, output } = await reader.run(block)
      t.equal(code, 0, `${block.text}${output}`)
    }
  }
  t.equal(await reader.echo('after the move'), 'after the move')
  t.match(await reader.status(), {
    peers: [{ name: 'office', migrations: [{ reason: 'first' }, { reason: 'command' }] }],
  })
})

/** Does what the page says. */
class Reader {
  readonly #base: string
  readonly #ports: Readonly<Record<string, number>>
  readonly #ids = new Map<Machine, string>()
  #ticket = ''

  /** @param ports what stands for the ports of the page */
  constructor(base: string, ports: Readonly<Record<string, number>>) {
    this.#base = base
    this.#ports = ports
    for (const folder of ['office', 'laptop', 'bin']) mkdirSync(join(base, folder))
    const program = join(base, 'bin', 'holdfast')
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${ROOT}build/src/cli/main.js' "$@"\n`)
    chmodSync(program, 0o755)
  }

  write({ machine, file, text }: Block): void {
    writeFileSync(join(this.#base, machine, file!), this.#filled(machine, text))
  }

  async run(block: Block): Promise<{ code: number; output: string }> {
    const child = this.#spawn(block)
    let output = ''
    const take = (chunk: Buffer) => {
      output += chunk.toString()
    }
    child.stdout!.on('data', take)
    child.stderr!.on('data', take)
    const [code] = (await once(child, 'close')) as [number]
    const id = /^hf1\w+$/m.exec(output)?.[0]
    if (id !== undefined) this.#ids.set(block.machine, id)
    return { code, output }
  }

  /** @returns once it says that it is ready */
  async begin(block: Block): Promise<ChildProcess> {
    const child = this.#spawn(block)
    let words = ''
    child.stderr!.on('data', (chunk: Buffer) => {
      words += chunk.toString()
    })
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
      if (line.value.startsWith('hft1')) this.#ticket = line.value
      if (/^(ready|hft1)/.test(line.value)) return child
    }
    throw new Error(`it ended before it was ready: ${block.text}${words}`)
  }

  /** What comes back through the forward. */
  async echo(word: string): Promise<string> {
    const socket = connect(this.#ports['15432']!, '127.0.0.1')
    socket.end(word)
    let text = ''
    for await (const chunk of socket) text += chunk
    return text
  }

  async status(): Promise<unknown> {
    const text = 'holdfast status --json --config laptop/holdfast.yaml'
    const { output } = await this.run({ machine: 'laptop', stays: false, file: undefined, text })
    return JSON.parse(output)
  }

  /** In a process group, since sh may stay between. Without NODE_OPTIONS, which would load tap into it. */
  #spawn({ machine, text }: Block): ChildProcess {
    const { NODE_OPTIONS: _, ...env } = process.env
    const child = spawn('sh', ['-e', '-c', this.#filled(machine, text)], {
      cwd: join(this.#base, machine),
      env: { ...env, PATH: `${join(this.#base, 'bin')}:${env['PATH']}` },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
    // Only `connect -` reads it.
    child.stdin.on('error', () => {}).end(`${this.#ticket}\n`)
    return child
  }

  #filled(machine: Machine, text: string): string {
    const other = machine === 'office' ? 'laptop' : 'office'
    return text
      .replace(/\b(?:15432|5432|7700|1080)\b/g, port => String(this.#ports[port]))
      .replaceAll('office.example.com', '127.0.0.1')
      .replaceAll('hf1…', this.#ids.get(other) ?? '')
  }
}

/** The blocks to run, in order. */
function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = []
  const fenced = /(?:<!-- ([^\n]+) -->\n\n)?```(sh|yaml)\n([\s\S]*?)```/g
  for (const [, comment, language, text] of page.matchAll(fenced)) {
    if (comment?.startsWith('not in the readme test: ')) continue
    const found = /^readme test: (office|laptop)(, stays)?(?:, file (\S+))?$/.exec(comment ?? '')
    if (found === null) throw new Error(`the comment above does not say where this runs:\n${text}`)
    const file = found[3]
    if ((language === 'yaml') !== (file !== undefined)) throw new Error(`a file or a command?\n${text}`)
    blocks.push({ machine: found[1] as Machine, stays: found[2] !== undefined, file, text: text! })
  }
  return blocks
}

/** Free ones for what the page listens on. */
async function portsFor(service: number): Promise<Readonly<Record<string, number>>> {
  const probes = ['127.0.0.1', '::', '127.0.0.1'].map(host => createServer().listen(0, host))
  await Promise.all(probes.map(probe => once(probe, 'listening')))
  const [forward, overlay, proxy] = probes.map(probe => (probe.address() as AddressInfo).port)
  await Promise.all(probes.map(probe => once(probe.close(), 'close')))
  return { 5432: service, 15432: forward!, 7700: overlay!, 1080: proxy! }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'close')
  process.kill(-child.pid!, 'SIGTERM')
  await ended
}
