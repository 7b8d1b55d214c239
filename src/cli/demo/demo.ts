/**
 * `holdfast demo`: two sidecar processes carry a real download while addresses change under them. Nothing here asks for a
 * migration; the sidecars notice by themselves. Exit code 0 only if the sums agree and at least three migrations happened.
 *
 *     this process: HTTP client -> near sidecar ~~ the stage, whose addresses change ~~ far sidecar -> file server
 */
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { fetchStatus } from '../../admin/admin-client.ts'
import { OperatorError } from '../../base/errors.ts'
import { createIdentity, loadIdentity } from '../../secure/identity.ts'
import type { MigrationStatus, PeerStatus } from '../../sidecar/status.ts'
import { loopbackStage } from './loopback-stage.ts'
import { canMakeNamespaces, isInside, namespaceStage, rerunInside } from './namespace-stage.ts'
import { Recording } from './recording.ts'
import { Screen } from './screen.ts'
import { onSignal } from './signals.ts'
import type { Stage } from './stage.ts'

export interface DemoOptions {
  readonly mode: 'auto' | 'namespace' | 'loopback'
  readonly seconds: number
  /** A file for what was measured, or undefined. */
  readonly record?: string
}

/** Where a run is shown, and for how long. */
interface Show {
  readonly screen: Screen
  readonly seconds: number
  readonly recording: Recording
}

const BYTES_PER_SECOND = 24 * 1_048_576
const MIGRATIONS_MIN = 3
/** The demo ends within 40 s whatever happens. */
const DEADLINE_MS = 38_000
const TICK_MS = 200

const program = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** @throws OperatorError USAGE, FILE_UNWRITABLE */
export async function runDemo({ mode, seconds, record }: DemoOptions): Promise<void> {
  const recording = new Recording(record)
  const screen = new Screen({
    isLive: process.stdout.isTTY === true,
    write: text => process.stdout.write(text),
    columns: () => process.stdout.getWindowSize?.()[0] ?? Number.POSITIVE_INFINITY,
  })
  const canNamespace = mode !== 'loopback' && (isInside() || canMakeNamespaces())
  if (mode === 'namespace' && !canNamespace) {
    process.stderr.write('holdfast: this machine does not let this user make network namespaces; try --mode loopback\n')
    process.exitCode = 1
    return
  }
  if (canNamespace && !isInside()) {
    const args = [...process.execArgv, process.argv[1]!, 'demo', '--mode', 'namespace', '--seconds', String(seconds)]
    if (record !== undefined) args.push('--record', record)
    process.exitCode = await rerunInside(args)
    return
  }
  onSignal(exitCode => process.exit(exitCode))
  // Inside a namespace, the process outside holds standard input.
  if (isInside()) process.stdin.resume().once('close', () => process.exit(1))
  const directory = makeDirectory()
  const children: ChildProcess[] = []
  let stage: Stage | undefined
  const clean = () => {
    for (const child of children) child.kill('SIGKILL')
    stage?.end()
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  }
  // Also at a signal, and when whoever read the lines has gone.
  process.once('exit', clean)
  try {
    stage = canNamespace ? namespaceStage() : await loopbackStage(program('./link.js'), mode === 'loopback')
    const isGood = await Promise.race([play(stage, directory, children, { screen, seconds, recording }), timeUp()])
    screen.done()
    if (!isGood) process.exitCode = 1
  } finally {
    clean()
    process.off('exit', clean)
  }
}

function makeDirectory(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'holdfast-demo-'))
  } catch (cause) {
    const message = `cannot make a folder for the keys in ${tmpdir()}: ${(cause as Error).message}; set TMPDIR`
    throw new OperatorError('FILE_UNWRITABLE', message, { cause })
  }
}

async function timeUp(): Promise<boolean> {
  await wait(DEADLINE_MS, undefined, { ref: false })
  process.stderr.write('holdfast: the demo did not end in time\n')
  return false
}

async function play(
  stage: Stage,
  directory: string,
  children: ChildProcess[],
  { screen, seconds, recording }: Show,
): Promise<boolean> {
  screen.say(`Holdfast demo: ${stage.about}.`, 'bold')
  const totalBytes = BYTES_PER_SECOND * seconds
  const start = (host: 'near' | 'far', args: readonly string[]) => {
    const child = stage.spawn(host, [program('./leash.js'), directory, ...args])
    children.push(child)
    return child
  }
  const server = start('far', [program('./file-server.js'), String(totalBytes), String(BYTES_PER_SECOND)])
  const serverLines = createInterface({ input: server.stdout! })[Symbol.asyncIterator]()
  const serverPort = Number((await serverLines.next()).value)
  const { nearPort, socket } = await startSidecars(stage, directory, serverPort, start)
  screen.say(`A client downloads ${totalBytes / 1_048_576} MiB over HTTP from a server behind the far sidecar.`)
  const download = new Download(nearPort, recording)
  const watcher = new Watcher(socket, screen)
  const actors = runEvents(stage, { screen, seconds, recording })
  while (!download.isOver) {
    await wait(TICK_MS)
    const peer = await watcher.look()
    screen.progress(download.progress(totalBytes, peer))
  }
  await actors
  await watcher.look()
  recording.write(stage.about, watcher.migrations)
  screen.done()
  const sent = String((await serverLines.next()).value)
  return tell({ screen, seconds, recording }, sent, download, watcher.migrations)
}

function tell(
  { screen, recording }: Show,
  sent: string,
  download: Download,
  migrations: readonly MigrationStatus[],
): boolean {
  const received = download.sum()
  const isSame = sent === received && download.failure === undefined
  screen.say('')
  if (download.failure !== undefined) screen.say(`the download broke: ${download.failure}`, 'red')
  screen.say(`sent      SHA-256 ${sent}`)
  screen.say(`received  SHA-256 ${received}  ${isSame ? 'the same' : 'DIFFERENT'}`, isSame ? 'green' : 'red')
  const isEnough = migrations.length >= MIGRATIONS_MIN
  const silences = recording.events.map(({ silenceMs }) => `${Math.round(silenceMs)} ms`).join(', ')
  screen.say(
    `${migrations.length} migrations in one TCP connection; after the changes nothing came for ${silences}`,
    isEnough ? 'green' : 'red',
  )
  return isSame && isEnough
}

async function startSidecars(
  stage: Stage,
  directory: string,
  serverPort: number,
  start: (host: 'near' | 'far', args: readonly string[]) => ChildProcess,
): Promise<{ nearPort: number; socket: string }> {
  const keys = { near: await createIdentity(), far: await createIdentity() }
  const ids = { near: loadIdentity(keys.near).peerId, far: loadIdentity(keys.far).peerId }
  const to = `127.0.0.1:${serverPort}`
  const configs = {
    near: {
      peers: [{ name: 'far', id: ids.far, endpoints: stage.endpoints }],
      forward: [{ listen: '127.0.0.1:0', peer: 'far', to }],
    },
    // Advertised as the stage has it: behind a link process, the far side's own address would be a way around it.
    far: {
      listen: [stage.farListen],
      advertise: stage.endpoints,
      peers: [{ name: 'near', id: ids.near, allow: [to] }],
    },
  }
  for (const host of ['far', 'near'] as const) {
    writeFileSync(join(directory, `${host}.pem`), keys[host], { mode: 0o600 })
    const config = { identity: `${host}.pem`, admin: { socket: `${host}.sock` }, ...configs[host] }
    // JSON is YAML.
    writeFileSync(join(directory, `${host}.yaml`), JSON.stringify(config))
    const sidecar = start(host, [
      program('../main.js'),
      'up',
      '--config',
      join(directory, `${host}.yaml`),
      '--log-level',
      process.env['HOLDFAST_LOG_LEVEL'] ?? 'error',
    ])
    sidecar.stderr!.pipe(process.stderr)
    const lines = createInterface({ input: sidecar.stdout! })[Symbol.asyncIterator]()
    const ready = String((await lines.next()).value)
    if (!ready.startsWith('ready')) throw new Error(`the ${host} sidecar did not start: ${ready}`)
  }
  const socket = join(directory, 'near.sock')
  const { forwards } = await fetchStatus(socket)
  return { socket, nearPort: Number(forwards[0]!.listen.split(':').at(-1)) }
}

/** Spread over the download, with some peace before and after. */
async function runEvents(stage: Stage, { screen, seconds, recording }: Show): Promise<void> {
  const everyMs = (seconds * 1_000) / (stage.events.length + 1)
  for (const event of stage.events) {
    await wait(everyMs)
    screen.say(`▸ ${event.title}`, 'yellow')
    recording.addEvent(event.title)
    await event.run()
  }
}

class Download {
  isOver = false
  failure: string | undefined
  readonly #hash = createHash('sha256')
  #digest: string | undefined
  #bytes = 0
  #lastBytes = 0
  #lastAt = performance.now()

  constructor(port: number, recording: Recording) {
    const fail = (error: Error) => {
      this.failure = error.message
      this.isOver = true
    }
    get({ port, host: '127.0.0.1', path: '/file' }, response => {
      response.on('data', (chunk: Buffer) => {
        this.#bytes += chunk.length
        recording.addArrival(chunk.length)
        this.#hash.update(chunk)
      })
      response.on('end', () => {
        this.isOver = true
      })
      response.on('error', fail)
    }).on('error', fail)
  }

  progress(totalBytes: number, peer: PeerStatus | undefined) {
    const now = performance.now()
    const bytesPerSecond = ((this.#bytes - this.#lastBytes) / (now - this.#lastAt)) * 1_000
    this.#lastBytes = this.#bytes
    this.#lastAt = now
    const active = peer?.paths.find(path => path.role === 'active')
    const path = active === undefined ? 'no path' : `${active.local} -> ${active.remote}`
    return { doneBytes: this.#bytes, totalBytes, bytesPerSecond, path, state: peer?.state ?? '?' }
  }

  sum(): string {
    this.#digest ??= this.#hash.digest('hex')
    return this.#digest
  }
}

/** Tells of each migration once it is in the near sidecar's status. */
class Watcher {
  /** All but the first contact. */
  migrations: MigrationStatus[] = []
  readonly #socket: string
  readonly #screen: Screen

  constructor(socket: string, screen: Screen) {
    this.#socket = socket
    this.#screen = screen
  }

  async look(): Promise<PeerStatus | undefined> {
    const peer = (await fetchStatus(this.#socket)).peers[0]
    const all = (peer?.migrations ?? []).filter(one => one.reason !== 'first')
    for (const one of all.slice(this.migrations.length)) {
      const steps = `${one.reason}, ${one.migrator === 'local' ? 'near' : 'far'} side moved`
      this.#screen.say(`  migrated (${steps}) to ${one.to} in ${one.blackoutMs} ms`, 'cyan')
    }
    this.migrations = all
    return peer
  }
}
