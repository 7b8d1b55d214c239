/**
 * Two hosts in network namespaces, with a link between them: `near` captures what its applications connect to, `far` has the
 * destinations and dials them. Needs root.
 *
 *     client -> near, 10.78.1.2, fd78:1::2 ------ far, 10.78.1.1, fd78:1::1; destinations 10.20.0.5, fd20::5 on its lo
 */
import { type ChildProcessWithoutNullStreams, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ConfigInput } from '../../src/config/schema.ts'
import { Namespace } from '../e2e/lab/namespace.ts'
import { run } from '../e2e/lab/shell.ts'
import { MAIN } from './cli.ts'
import { CliHost, type Teardown } from './cli-host.ts'

export const DESTINATIONS = ['10.20.0.5', 'fd20::5'] as const
export const PORT = 5432
const TALKER = fileURLToPath(new URL('talker.js', import.meta.url))

/** A program whose lines are read one by one. */
export class Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>
  #stderr = ''

  constructor(t: Teardown, child: ChildProcessWithoutNullStreams) {
    this.child = child
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    child.stderr.setEncoding('utf8').on('data', text => {
      this.#stderr += text
    })
    child.stdin.on('error', () => {})
    t.teardown(() => child.kill('SIGKILL'))
  }

  get stderr(): string {
    return this.#stderr
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`it ended: ${this.#stderr}`)
    return value
  }

  /** Sends a line. @returns what comes back */
  ask(line: string): Promise<string> {
    this.child.stdin.write(`${line}\n`)
    return this.line()
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const isOver = this.child.exitCode !== null || this.child.signalCode !== null
    this.child.kill(signal)
    if (!isOver) await once(this.child, 'exit')
    return this.child.exitCode
  }
}

export class CaptureStage {
  readonly near: Namespace
  readonly far: Namespace
  readonly nearHost: CliHost
  readonly farHost: CliHost
  /** The command of a destination on PORT. */
  readonly server = [process.execPath, TALKER, 'serve', `${PORT}`]
  readonly #t: Teardown

  private constructor(t: Teardown, near: Namespace, far: Namespace, nearHost: CliHost, farHost: CliHost) {
    this.#t = t
    this.near = near
    this.far = far
    this.nearHost = nearHost
    this.farHost = farHost
  }

  /** With the far sidecar and its destinations running. @param name unique among the stages of this process */
  static async create(t: Teardown, name: string): Promise<CaptureStage> {
    const [near, far] = await Promise.all(['n', 'f'].map(end => createNamespace(t, `hfc${process.pid}${name}${end}`)))
    await run(['ip', 'link', 'add', 'near0', 'netns', near!.name, 'type', 'veth', 'peer', 'far0', 'netns', far!.name])
    await near!.ip('link set near0 up', 'addr add 10.78.1.2/24 dev near0', 'addr add fd78:1::2/64 dev near0 nodad')
    await far!.ip('link set far0 up', 'addr add 10.78.1.1/24 dev far0', 'addr add fd78:1::1/64 dev far0 nodad')
    await far!.ip(...DESTINATIONS.map(address => `addr add ${address} dev lo`))
    const stage = new CaptureStage(t, near!, far!, await CliHost.create(t), await CliHost.create(t))
    await stage.#startFar()
    return stage
  }

  /** The near sidecar, which captures what goes to the networks. @param wrap words before the command, such as another user */
  async up(routes: readonly string[], capture: ConfigInput['capture'] = {}, wrap: readonly string[] = []) {
    this.configure(routes, capture)
    const running = this.startNear(wrap)
    await running.line()
    return running
  }

  configure(routes: readonly string[], capture: ConfigInput['capture'] = {}, host = this.nearHost): void {
    host.configure({
      peers: [{ name: 'far', id: this.farHost.peerId, endpoints: ['tcp://10.78.1.1:7700', 'tcp://[fd78:1::1]:7700'] }],
      routes: routes.map(to => ({ to, peer: 'far' })),
      capture,
    })
  }

  /** Nothing is at the far end but the destinations, and the routes let connections go there by themselves. */
  configureWithoutSidecar(routes: readonly string[], capture: ConfigInput['capture'] = {}): void {
    this.nearHost.configure({
      peers: [{ name: 'far', id: this.farHost.peerId, endpoints: ['tcp://10.78.1.1:7', 'tcp://[fd78:1::1]:7'] }],
      routes: routes.map(to => ({ to, peer: 'far', withoutSidecar: 'direct' })),
      capture,
    })
  }

  startNear(wrap: readonly string[] = [], host = this.nearHost): Running {
    return this.start(this.near, [...wrap, process.execPath, MAIN, 'up', '--config', host.configFile])
  }

  /** A command of Holdfast that stays. */
  startHoldfast(where: Namespace, ...args: readonly string[]): Running {
    return this.start(where, [process.execPath, MAIN, ...args])
  }

  /** A command of Holdfast on the near host. @returns its standard output */
  holdfast(...args: readonly string[]): Promise<string> {
    return this.near.run([process.execPath, MAIN, ...args])
  }

  start(where: Namespace, command: readonly string[]): Running {
    return new Running(this.#t, where.spawn(command))
  }

  /** An application that says each line it is given, and hears it back. @returns when it is connected, with its address */
  async client(host: string, port = PORT, wrap: readonly string[] = [], where = this.near) {
    const running = this.start(where, [...wrap, process.execPath, TALKER, host, `${port}`])
    return { running, said: await running.line() }
  }

  /** A third host behind `near`, which forwards for it. */
  async clientBehind(): Promise<Namespace> {
    const { near, far } = this
    const client = await createNamespace(this.#t, `${near.name}c`)
    await run(['ip', 'link', 'add', 'inner0', 'netns', near.name, 'type', 'veth', 'peer', 'cl0', 'netns', client.name])
    await near.ip('link set inner0 up', 'addr add 10.79.1.1/24 dev inner0', 'addr add fd79:1::1/64 dev inner0 nodad')
    await client.ip('link set cl0 up', 'addr add 10.79.1.2/24 dev cl0', 'addr add fd79:1::2/64 dev cl0 nodad')
    await client.ip('route add default via 10.79.1.1', 'route add default via fd79:1::1')
    const switches = ['/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding']
    await near.run(['sh', '-c', `echo 1 | tee ${switches.join(' ')}`])
    await near.ip('route add default via 10.78.1.1', 'route add default via fd78:1::1')
    await far.ip('route add 10.79.1.0/24 via 10.78.1.2', 'route add fd79:1::/64 via fd78:1::2')
    return client
  }

  /** How many connections were counted under this name. */
  async counted(name: string): Promise<number> {
    const text = await this.near.run(['nft', 'list', 'counter', 'inet', 'holdfast', name])
    return Number(/packets (\d+)/.exec(text)![1])
  }

  /** All rules of the near host, and the routes that belong to rules of ours. */
  async rules(): Promise<string> {
    const routes = ['route', 'show', 'table', 'all', 'protocol', '72']
    const shown = await Promise.all([
      this.near.run(['nft', '--stateless', 'list', 'ruleset']),
      ...['-4', '-6'].flatMap(family => [['rule'], routes].map(words => this.near.run(['ip', family, ...words]))),
    ])
    return shown.join('')
  }

  async #startFar(): Promise<void> {
    await this.start(this.far, this.server).line()
    this.farHost.configure({
      listen: ['tcp://[::]:7700'],
      peers: [{ name: 'near', id: this.nearHost.peerId, allow: ['0.0.0.0/0:*', '[::]/0:*'] }],
    })
    await this.start(this.far, [process.execPath, MAIN, 'up', '--config', this.farHost.configFile]).line()
  }
}

export async function createNamespace(t: Teardown, name: string): Promise<Namespace> {
  const namespace = await Namespace.create(name)
  t.teardown(() => namespace.remove())
  return namespace
}

/** Why such a stage cannot be made here, or false. */
export function namespacesUnavailable(): string | false {
  if (process.getuid?.() !== 0) return 'namespaces need root'
  const name = `hfc${process.pid}probe`
  try {
    execFileSync('ip', ['netns', 'add', name], { stdio: 'ignore' })
    execFileSync('ip', ['netns', 'delete', name])
    execFileSync('nft', ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'no network namespace can be made here, or there is no nft'
  }
}
