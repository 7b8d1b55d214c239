/** The tunnels that are compared: each carries connections to `entry` on to the target, through two processes. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Child, type Children, freePort, run } from './children.ts'

export interface Tunnel {
  readonly name: string
  readonly version: string
  readonly settings: string
  readonly isEncrypted: boolean
  /** Port of 127.0.0.1 that the load generator connects to. */
  readonly entry: number
  /** The proxies of the two sides; none for a direct connection. */
  readonly near: Child | undefined
  readonly far: Child | undefined
  /** What was negotiated, as the program reported it after a first connection. @throws Error when it said nothing */
  cipher(): string
}

/** Starts a tunnel to `target`, a port of 127.0.0.1. `directory` is an empty one of its own. */
export type StartTunnel = (children: Children, directory: string, target: number) => Promise<Tunnel>

export const direct: StartTunnel = async (_children, _directory, target) => ({
  name: 'direct',
  version: '-',
  settings: 'no proxy',
  isEncrypted: false,
  entry: target,
  near: undefined,
  far: undefined,
  cipher: () => 'none',
})

/** Plain relays; with larger buffers than the default, since this is meant as the ceiling. */
export const socat: StartTunnel = async (children, _directory, target) => {
  const [entry, middle] = [await freePort(), await freePort()]
  const relay = (label: string, from: number, to: number) =>
    children.start(label, 'socat', [
      ...['-b', '131072', `TCP-LISTEN:${from},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=1024`],
      `TCP:127.0.0.1:${to},nodelay`,
    ])
  const far = relay('socat far', middle, target)
  const near = relay('socat near', entry, middle)
  await Promise.all([accepting(far, middle), accepting(near, entry)])
  return {
    name: 'socat pair',
    version: (await run('socat', '-V')).match(/socat version (\S+)/)?.[1] ?? 'unknown',
    settings: 'plain, -b 131072',
    isEncrypted: false,
    entry,
    near,
    far,
    cipher: () => 'none',
  }
}

export const ssh: StartTunnel = async (children, directory, target) => {
  const [entry, port] = [await freePort(), await freePort()]
  const file = (name: string) => join(directory, name)
  for (const name of ['host', 'user']) await run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', file(name))
  // The place sshd wants for its unprivileged child; it is absent where the service was never started.
  await mkdir('/run/sshd', { recursive: true })
  await writeFile(
    file('sshd_config'),
    [
      ...[
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${file('host')}`,
        `AuthorizedKeysFile ${file('user.pub')}`,
      ],
      ...['PidFile none', 'StrictModes no', 'UsePAM no', 'PasswordAuthentication no', 'PermitRootLogin yes', ''],
    ].join('\n'),
  )
  const far = children.start('sshd', '/usr/sbin/sshd', ['-D', '-e', '-f', file('sshd_config')])
  await far.matched(/Server listening/)
  const near = children.start('ssh', 'ssh', [
    ...['-v', '-N', '-F', '/dev/null', '-i', file('user'), '-p', String(port), '-c', 'aes128-gcm@openssh.com'],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'ExitOnForwardFailure=yes'],
    ...['-L', `127.0.0.1:${entry}:127.0.0.1:${target}`, '127.0.0.1'],
  ])
  await near.matched(/Local forwarding listening[\s\S]*Entering interactive session/)
  return {
    name: 'ssh -L',
    version: (await run('ssh', '-V')).trim().split(',')[0] ?? 'unknown',
    settings: '-c aes128-gcm@openssh.com, -v',
    isEncrypted: true,
    entry,
    near,
    far,
    cipher: () => said(near, /kex: server->client cipher: (\S+)/),
  }
}

export const stunnel: StartTunnel = async (children, directory, target) => {
  const [entry, middle] = [await freePort(), await freePort()]
  const pem = await certificate(directory)
  const side = async (name: string, lines: readonly string[]) => {
    const path = join(directory, `${name}.conf`)
    const common = ['foreground = yes', 'debug = info', 'pid =', 'socket = l:TCP_NODELAY=1', 'socket = r:TCP_NODELAY=1']
    await writeFile(path, [...common, `[${name}]`, ...lines, ''].join('\n'))
    const child = children.start(`stunnel ${name}`, 'stunnel4', [path])
    await child.matched(/Configuration successful/)
    return child
  }
  const far = await side('far', [`accept = 127.0.0.1:${middle}`, `connect = 127.0.0.1:${target}`, `cert = ${pem}`])
  const near = await side('near', [
    ...['client = yes', `accept = 127.0.0.1:${entry}`, `connect = 127.0.0.1:${middle}`],
    ...[`CAfile = ${pem}`, 'verifyPeer = yes'],
  ])
  return {
    name: 'stunnel pair',
    version: (await run('stunnel4', '-version')).match(/stunnel (\S+)/)?.[1] ?? 'unknown',
    settings: 'defaults',
    isEncrypted: true,
    entry,
    near,
    far,
    cipher: () => said(near, /(TLSv\S+) ciphersuite: (\S+)/),
  }
}

/** With larger buffers than the default of 16 KiB: that made it faster. */
export const haproxy = haproxyPair(true)
export const haproxyPlain = haproxyPair(false)

function haproxyPair(isEncrypted: boolean): StartTunnel {
  return (children, directory, target) => startHaproxyPair(children, directory, target, isEncrypted)
}

async function startHaproxyPair(
  ...[children, directory, target, isEncrypted]: [...Parameters<StartTunnel>, isEncrypted: boolean]
): Promise<Tunnel> {
  const [entry, middle] = [await freePort(), await freePort()]
  const pem = await certificate(directory)
  const served = isEncrypted ? ` ssl crt ${pem}` : ''
  const dialed = isEncrypted ? ` ssl verify required ca-file ${pem} verifyhost localhost sni str(localhost)` : ''
  const side = async (name: string, lines: readonly string[]) => {
    const path = join(directory, `${name}.cfg`)
    const common = [
      ...['global', ' tune.bufsize 65536', ' log stdout format raw local0', 'defaults', ' mode tcp', ' log global'],
      ...[' timeout connect 5s', ' timeout client 1h', ' timeout server 1h', `listen ${name}`],
    ]
    await writeFile(path, [...common, ...lines, ''].join('\n'))
    return children.start(`haproxy ${name}`, 'haproxy', ['-db', '-V', '-f', path])
  }
  const far = await side('far', [
    ...[` bind 127.0.0.1:${middle}${served}`, ` server target 127.0.0.1:${target}`],
    ' log-format "cipher %sslv %sslc"',
  ])
  const near = await side('near', [` bind 127.0.0.1:${entry}`, ` server far 127.0.0.1:${middle}${dialed}`])
  await Promise.all([accepting(far, middle), accepting(near, entry)])
  return {
    name: isEncrypted ? 'haproxy TLS pair' : 'haproxy pair',
    version: (await run('haproxy', '-v')).match(/version (\S+)/)?.[1] ?? 'unknown',
    settings: 'tune.bufsize 65536',
    isEncrypted,
    entry,
    near,
    far,
    cipher: () => (isEncrypted ? said(far, /cipher (TLSv\S+) ((?!-)\S+)/) : 'none'),
  }
}

/** What the peer's log says, the groups of `pattern` joined by a space. */
function said(child: Child, pattern: RegExp): string {
  const match = pattern.exec(child.log)
  if (match === null) throw new Error(`${child.label} did not report its cipher; its output:\n${child.log}`)
  return match.slice(1).join(' ')
}

/** A P-256 certificate for `localhost` and its key in one file. */
async function certificate(directory: string): Promise<string> {
  const [key, cert, pem] = ['key.pem', 'cert.pem', 'both.pem'].map(name => join(directory, name)) as [
    string,
    string,
    string,
  ]
  await run(
    ...(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const),
    ...[
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
      '-keyout',
      key,
      '-out',
      cert,
    ],
  )
  await writeFile(pem, await run('cat', cert, key), { mode: 0o600 })
  return pem
}

/** Waits until a child that says nothing when ready listens on `port`; the table is that of the kernel where it runs. */
export async function accepting(child: Child, port: number): Promise<void> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`
  for (const deadline = performance.now() + 5_000; performance.now() < deadline; ) {
    if ((await run('cat', `/proc/${child.pid}/net/tcp`)).includes(wanted)) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error(`${child.label} does not listen on port ${port}; its output:\n${child.log}`)
}
