/**
 * How programs are told to use a proxy of the running sidecar.
 *
 * - ALL_PROXY is SOCKS5 with names looked up on the far side (socks5h), and carries http:// as well.
 * - HTTPS_PROXY is HTTP CONNECT, for programs that know no SOCKS.
 * - HTTP_PROXY must not be there: http:// URLs would be asked of the proxy in a form that it does not take, and not by ALL_PROXY.
 */
import { fetchStatus } from '../admin/admin-client.ts'
import { formatHostPort, isWildcard, parseHostPort } from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'
import { findConfig } from './find-config.ts'
import { findSocket, type SocketOptions } from './find-socket.ts'
import { assignment, type Shell } from './shells.ts'

export interface ProxySettings {
  /** host:port, as programs on this host reach it. */
  readonly place: string
  /** `user:password@`, fit for a URL; '' where there is none. */
  readonly login: string
  /** Other proxies of the same sidecar, host:port. */
  readonly others: readonly string[]
}

/** In both cases: programs do not agree. */
const UNSET = ['HTTP_PROXY', 'http_proxy']
const NOT_PROXIED = ['localhost', '127.0.0.1', '::1']

/**
 * The first proxy of the running sidecar.
 * @throws OperatorError SIDECAR_NOT_RUNNING, USAGE when it has none, and what findSocket throws
 */
export async function findProxy(options: SocketOptions): Promise<ProxySettings> {
  const { proxies } = await fetchStatus(await findSocket(options))
  const [first, ...others] = proxies
  if (first === undefined) {
    const todo = "add proxy: [{listen: '127.0.0.1:1080'}] to its configuration and start it again"
    throw new OperatorError('USAGE', `the sidecar has no proxy: ${todo}`)
  }
  const login = first.hasPassword ? await loginOf(options) : ''
  return { place: reachable(first.listen), login, others: others.map(({ listen }) => listen) }
}

/**
 * Variables to set, and those to take away.
 * @param env what is set there already: hosts that are not proxied stay so
 */
export function proxyEnvironment(
  { place, login }: ProxySettings,
  env: NodeJS.ProcessEnv,
): Readonly<Record<string, string | undefined>> {
  const variables = [
    ['ALL_PROXY', `socks5h://${login}${place}`],
    ['HTTPS_PROXY', `http://${login}${place}`],
    ['NO_PROXY', notProxied(env)],
  ] as const
  return Object.fromEntries([
    ...variables.flatMap(([name, value]) => [[name, value] as const, [name.toLowerCase(), value] as const]),
    ...UNSET.map(name => [name, undefined] as const),
  ])
}

/** What is there in either case of the name, and this host. Programs take a `*` for everything only where it is alone. */
function notProxied(env: NodeJS.ProcessEnv): string {
  const there = `${env['NO_PROXY'] ?? ''},${env['no_proxy'] ?? ''}`.split(/[\s,]+/).filter(word => word !== '')
  return there.includes('*') ? '*' : [...new Set([...there, ...NOT_PROXIED])].join(',')
}

/** For `eval`: the variables, and as comments what programs want that do not read them. */
export function settingsText(settings: ProxySettings, shell: Shell, env: NodeJS.ProcessEnv): string {
  const { place, login, others } = settings
  const lines = Object.entries(proxyEnvironment(settings, env)).map(([name, value]) => assignment(name, value, shell))
  const pipe = "ProxyCommand='holdfast pipe %h %p'"
  const git = assignment('GIT_SSH_COMMAND', `ssh -o ${pipe.replaceAll("'", '"')}`, shell)
  const comments = [
    `http:// URLs go by ALL_PROXY; HTTP_PROXY would ask the proxy for what it does not do.`,
    `curl  reads these; for one command: curl --proxy socks5h://${login}${place} URL`,
    `git   reads these for https; for ssh: ${git}`,
    `ssh   ssh -o ${pipe} USER@HOST, or in ~/.ssh/config: ProxyCommand holdfast pipe %h %p`,
    `psql  libpq knows no proxies; write a forward: {listen: '127.0.0.1:15432', peer: NAME, to: 'HOST:5432'}`,
    `browsers take their settings from http://${place}/proxy.pac`,
    ...others.map(other => `the sidecar has another proxy at ${other}`),
  ]
  return `${[...lines, ...comments.map(line => `# ${line}`)].join('\n')}\n`
}

/** Who may read the configuration may know the password; the sidecar tells it nobody. */
async function loginOf({ config, socket }: SocketOptions): Promise<string> {
  if (socket !== undefined) {
    const todo = 'name that with --config, in place of --socket'
    throw new OperatorError('USAGE', `the proxy has a password, which only the configuration knows: ${todo}`)
  }
  const { loadConfig } = await import('../config/load.ts')
  const auth = loadConfig(findConfig(config)).proxy[0]?.auth
  return auth === undefined ? '' : `${encoded(auth.user)}:${encoded(auth.password)}@`
}

/** Of what a URL may have and a shell's quotes may not, too. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/['()*!]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** A wildcard is every address of this host; loopback is the one to take. */
function reachable(listen: string): string {
  const { host, port } = parseHostPort(listen)!
  return formatHostPort({ host: isWildcard(host) ? '127.0.0.1' : host, port })
}
