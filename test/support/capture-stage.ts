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
export const NOBODY = 65_534
export const asUser = (id: number) => ['setpriv', `--reuid=${id}`, `--regid=${id}`, '--clear-groups']
/** Programs of some names are not there; a namespace of the lab has a mount namespace of its own. */
export const withoutPrograms = [
  'sh',
  '-c',
  'mount -t tmpfs none /usr/sbin && mount -t tmpfs none /sbin; exec "$0" "$@"',
]
const TALKER = fileURLToPath(new URL('talker.js', import.meta.url))

type Allow = NonNullable<NonNullable<ConfigInput['peers']>[number]['allow']>

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

  /** Once this is in what it says on standard error. */
  async untilSaid(text: string): Promise<void> {
    while (!this.#stderr.includes(text)) await once(this.child.stderr, 'data')
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
  #farSidecar: Running | undefined

  private constructor(t: Teardown, near: Namespace, far: Namespace, nearHost: CliHost, farHost: CliHost) {
    this.#t = t
    this.near = near
    this.far = far
    this.nearHost = nearHost
    this.farHost = farHost
  }

  /** The one that was started last. */
  get farSidecar(): Running {
    return this.#farSidecar!
  }

  /**
   * With the far sidecar and its destinations running.
   * @param name unique among the stages of this process
   * @param allow what the far sidecar lets the near one reach
   */
  static async create(t: Teardown, name: string, allow: Allow = ['0.0.0.0/0:*', '[::]/0:*']): Promise<CaptureStage> {
    const [near, far] = await Promise.all(['n', 'f'].map(end => createNamespace(t, `hfc${process.pid}${name}${end}`)))
    await run(['ip', 'link', 'add', 'near0', 'netns', near!.name, 'type', 'veth', 'peer', 'far0', 'netns', far!.name])
    await near!.ip('link set near0 up', 'addr add 10.78.1.2/24 dev near0', 'addr add fd78:1::2/64 dev near0 nodad')
    await far!.ip('link set far0 up', 'addr add 10.78.1.1/24 dev far0', 'addr add fd78:1::1/64 dev far0 nodad')
    await far!.ip(...DESTINATIONS.map(address => `addr add ${address} dev lo`))
    const stage = new CaptureStage(t, near!, far!, await CliHost.create(t), await CliHost.create(t))
    await stage.start(stage.far, stage.server).line()
    stage.configureFar({ allow })
    await stage.upFar()
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
    return this.holdfastAt(this.near, ...args)
  }

  holdfastAt(where: Namespace, ...args: readonly string[]): Promise<string> {
    return where.run([process.execPath, MAIN, ...args])
  }

  start(where: Namespace, command: readonly string[]): Running {
    return new Running(this.#t, where.spawn(command))
  }

  /** An application that says each line it is given, and hears it back. @returns when it is connected, with its address */
  async client(host: string, port = PORT, wrap: readonly string[] = [], where = this.near) {
    const running = this.start(where, [...wrap, process.execPath, TALKER, host, `${port}`])
    return { running, said: await running.line() }
  }

  /** How many connections were counted under this name. */
  async counted(name: string): Promise<number> {
    const text = await this.near.run(['nft', 'list', 'counter', 'inet', 'holdfast', name])
    return Number(/packets (\d+)/.exec(text)![1])
  }

  /** All rules of a host, and the routes that belong to rules of ours. */
  async rules(where = this.near): Promise<string> {
    const routes = ['route', 'show', 'table', 'all', 'protocol', '72']
    const shown = await Promise.all([
      where.run(['nft', '--stateless', 'list', 'ruleset']),
      ...['-4', '-6'].flatMap(family => [['rule'], routes].map(words => where.run(['ip', family, ...words]))),
    ])
    return shown.join('')
  }

  configureFar({ allow, ...more }: ConfigInput & { readonly allow: Allow }, host = this.farHost): void {
    const near = { name: 'near', id: this.nearHost.peerId, allow: [...allow] }
    host.configure({ listen: ['tcp://[::]:7700'], peers: [near], ...more })
  }

  /** The far sidecar, as it is configured. */
  async upFar(): Promise<Running> {
    this.#farSidecar = this.startFar()
    await this.#farSidecar.line()
    return this.#farSidecar
  }

  startFar(wrap: readonly string[] = [], host = this.farHost): Running {
    return this.start(this.far, [...wrap, process.execPath, MAIN, 'up', '--config', host.configFile])
  }

  /** A host behind `near`, which forwards for it: 10.79.1.2, fd79:1::2. */
  async clientBehind(): Promise<Namespace> {
    const client = await this.#hostBehind(this.near, 79)
    await this.near.ip('route add default via 10.78.1.1', 'route add default via fd78:1::1')
    await this.far.ip('route add 10.79.1.0/24 via 10.78.1.2', 'route add fd79:1::/64 via fd78:1::2')
    return client
  }

  /** A host behind `far`, which forwards for it: 10.80.1.2, fd80:1::2. */
  serverBehind(): Promise<Namespace> {
    return this.#hostBehind(this.far, 80)
  }

  async #hostBehind(gateway: Namespace, network: number): Promise<Namespace> {
    const [four, six] = [`10.${network}.1`, `fd${network}:1::`]
    const host = await createNamespace(this.#t, `${gateway.name}h`)
    await run(['ip', 'link', 'add', 'in0', 'netns', gateway.name, 'type', 'veth', 'peer', 'out0', 'netns', host.name])
    await gateway.ip('link set in0 up', `addr add ${four}.1/24 dev in0`, `addr add ${six}1/64 dev in0 nodad`)
    await host.ip('link set out0 up', `addr add ${four}.2/24 dev out0`, `addr add ${six}2/64 dev out0 nodad`)
    await host.ip(`route add default via ${four}.1`, `route add default via ${six}1`)
    const forwarding = '/proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding'
    await gateway.run(['sh', '-c', `echo 1 | tee ${forwarding}`])
    return host
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
