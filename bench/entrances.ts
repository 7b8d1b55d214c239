/** The ways in that are compared: where a program connects, and what it says there, to reach one destination. */
import { mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Child, type Children, freePort, run } from './children.ts'
import { type SidecarPair, type SidecarPlan, startSidecars } from './holdfast.ts'
import type { Entry } from './open-process.ts'
import { accepting, direct, haproxy, haproxyPlain, type StartTunnel, socat, ssh } from './tunnel.ts'

export interface Entrance {
  readonly name: string
  readonly version: string
  readonly settings: string
  /** As `Tunnel.cipher`: known after a first connection. */
  cipher(): string
  readonly entry: Entry
  /** The proxies on the way. */
  readonly near: Child | undefined
  readonly far: Child | undefined
}

type Destination = Entry['destination']
type StartEntrances = (children: Children, directory: string, destination: Destination) => Promise<readonly Entrance[]>

/** Each to a port of 127.0.0.1. */
export const LOOPBACK: Readonly<Record<string, StartEntrances>> = {
  direct: through(direct),
  holdfast: holdfastOnLoopback,
  ssh: through(ssh),
  haproxy: through(haproxy),
  'haproxy-plain': through(haproxyPlain),
  socat: through(socat),
  microsocks: async (children, _directory, destination) => [await microsocks(children, '127.0.0.1', destination)],
}

/** A pair of sidecars with every way in: a forward, and proxies that wait for the far side's answer or do not. */
export async function startHoldfast(
  children: Children,
  directory: string,
  plan: Omit<SidecarPlan, 'destination'>,
  destination: Destination,
): Promise<{ readonly pair: SidecarPair; readonly entrances: readonly Entrance[] }> {
  const [waiting, optimistic] = [await freePort(), await freePort()]
  const proxy = `proxy: [{listen: '127.0.0.1:${waiting}', peer: far}, {listen: '127.0.0.1:${optimistic}', peer: far, optimistic: true}]`
  const pair = await startSidecars(children, directory, {
    ...plan,
    destination: `${destination.host}:${destination.port}`,
    nearLines: [proxy, ...(plan.nearLines ?? [])],
  })
  const entrance = (how: string, port: number, dialogue: Entry['dialogue']) =>
    ofHoldfast(pair, how, { host: '127.0.0.1', port, dialogue, destination })
  const entrances = [
    entrance('forward', pair.entry, 'none'),
    entrance('SOCKS5', waiting, 'socks5'),
    entrance('SOCKS5, optimistic', optimistic, 'socks5'),
    entrance('HTTP CONNECT', waiting, 'http-connect'),
  ]
  return { pair, entrances }
}

export function ofHoldfast({ near, far, version }: SidecarPair, how: string, entry: Entry): Entrance {
  const cipher = () => 'AES-256-GCM (fixed)'
  return { name: `Holdfast ${how}`, version, settings: 'tcp carrier, defaults', cipher, entry, near, far }
}

/** One process, without encryption: on the way there is one proxy less than elsewhere. */
export async function microsocks(
  children: Children,
  host: string,
  destination: Destination,
  prefix: readonly string[] = [],
): Promise<Entrance> {
  const port = await freePort()
  const [command, ...args] = [...prefix, 'microsocks', '-i', host, '-p', String(port)]
  const far = children.start('microsocks', command as string, args)
  await accepting(far, port)
  return {
    name: 'microsocks SOCKS5',
    version: await packageVersion('microsocks'),
    settings: 'one process, defaults',
    cipher: () => 'none',
    entry: { host, port, dialogue: 'socks5', destination },
    near: undefined,
    far,
  }
}

/** Leads what rules of its own redirect to `proxy`, which speaks SOCKS5. `destination` is what is connected to. */
export async function redsocks(
  children: Children,
  directory: string,
  proxy: Entrance,
  { prefix, destination }: { readonly prefix: readonly string[]; readonly destination: Destination },
): Promise<Entrance> {
  const port = await freePort()
  const path = join(directory, 'redsocks.conf')
  const section = [
    `local_ip = 127.0.0.1; local_port = ${port};`,
    `ip = ${proxy.entry.host}; port = ${proxy.entry.port};`,
  ]
  const base = 'base { log_info = off; log = "stderr"; daemon = off; redirector = iptables; }'
  await writeFile(path, `${base}\nredsocks { ${section.join(' ')} type = socks5; listenq = 1024; }\n`)
  const [command, ...args] = [...prefix, 'redsocks', '-c', path]
  const near = children.start('redsocks', command as string, args)
  await accepting(near, port)
  const chain = `chain output { type nat hook output priority -100; ip daddr ${destination.host} tcp dport ${destination.port} redirect to :${port}\n }`
  await run(...(prefix as [string, ...string[]]), 'nft', `table ip bench {\n ${chain}\n}`)
  return {
    name: 'redsocks + microsocks',
    version: `${/redsocks\/(\S+)/.exec(await run('redsocks', '-v'))?.[1] ?? 'unknown'}, ${proxy.version}`,
    settings: 'defaults',
    cipher: () => 'none',
    entry: { ...destination, dialogue: 'none', destination },
    near,
    far: proxy.far,
  }
}

export function directTo(destination: Destination): Entrance {
  const entry: Entry = { ...destination, dialogue: 'none', destination }
  return {
    name: 'direct',
    version: '-',
    settings: 'no proxy',
    cipher: () => 'none',
    entry,
    near: undefined,
    far: undefined,
  }
}

async function holdfastOnLoopback(children: Children, directory: string, destination: Destination) {
  const { entrances } = await startHoldfast(children, directory, { farAddress: '127.0.0.1' }, destination)
  return entrances.filter(({ name }) => !name.endsWith('optimistic'))
}

function through(start: StartTunnel): StartEntrances {
  return async (children, directory, destination) => {
    mkdirSync(directory, { recursive: true })
    const tunnel = await start(children, directory, destination.port)
    return [{ ...tunnel, entry: { host: '127.0.0.1', port: tunnel.entry, dialogue: 'none', destination } }]
  }
}

/** It does not tell its version itself. */
async function packageVersion(name: string): Promise<string> {
  return run('dpkg-query', '-W', '-f', '$' + '{Version}', name).catch(() => 'unknown')
}
