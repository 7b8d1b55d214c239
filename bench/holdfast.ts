/** A pair of sidecars, driven by the command line only: what an operator would run. */
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Child, type Children, freePort, run } from './children.ts'
import { ROOT } from './results.ts'
import type { StartTunnel } from './tunnel.ts'

export const CLI = resolve(ROOT, 'build/src/cli/main.js')

export interface SidecarPlan {
  /** Address the far sidecar is reached at and listens on. */
  readonly farAddress: string
  /** `host:port` as the far sidecar dials it. */
  readonly destination: string
  /** Command and arguments put before each sidecar's own, such as `ip netns exec NAME`. */
  readonly nearPrefix?: readonly string[]
  readonly farPrefix?: readonly string[]
  /** What else the near side's configuration says, and the far side allows. */
  readonly nearLines?: readonly string[]
  readonly allow?: readonly string[]
}

export interface SidecarPair {
  readonly near: Child
  readonly far: Child
  /** Port of 127.0.0.1 on the near side that leads to the destination. */
  readonly entry: number
  readonly carrierPort: number
  readonly version: string
  readonly nearConfig: string
}

/** Starts two sidecars with one tcp carrier and one forward. @throws Error with their output when one does not start */
export async function startSidecars(children: Children, directory: string, plan: SidecarPlan): Promise<SidecarPair> {
  const [entry, carrierPort] = [await freePort(), await freePort()]
  const [nearId, farId] = [await initialize(directory, 'near'), await initialize(directory, 'far')]
  const farConfig = await configure(directory, 'far', [
    `listen: ['tcp://${plan.farAddress}:${carrierPort}']`,
    ...[
      'peers:',
      '  - name: near',
      `    id: ${nearId}`,
      `    allow: [${[plan.destination, ...(plan.allow ?? [])].map(rule => `'${rule}'`).join(', ')}]`,
    ],
  ])
  const nearConfig = await configure(directory, 'near', [
    ...['peers:', '  - name: far', `    id: ${farId}`],
    `    endpoints: ['tcp://${plan.farAddress}:${carrierPort}']`,
    `forward: [{listen: '127.0.0.1:${entry}', peer: far, to: '${plan.destination}'}]`,
    ...(plan.nearLines ?? []),
  ])
  const up = async (label: string, config: string, prefix: readonly string[] = []) => {
    const [command, ...args] = [...prefix, process.execPath, CLI, 'up', '--config', config]
    const child = children.start(label, command as string, args)
    await child.matched(/^ready/m)
    return child
  }
  const far = await up('far sidecar', farConfig, plan.farPrefix)
  const near = await up('near sidecar', nearConfig, plan.nearPrefix)
  const version = (await run(process.execPath, CLI, '--version')).trim()
  return { near, far, entry, carrierPort, version, nearConfig }
}

export const holdfast: StartTunnel = async (children, directory, target) => {
  const plan = { farAddress: '127.0.0.1', destination: `127.0.0.1:${target}` }
  const { near, far, entry, version } = await startSidecars(children, directory, plan)
  return {
    name: 'Holdfast',
    version,
    settings: 'tcp carrier, defaults',
    isEncrypted: true,
    entry,
    near,
    far,
    // Nothing to read: the protocol has this one cipher for records.
    cipher: () => 'AES-256-GCM (fixed)',
  }
}

/** A configuration that captures so many networks, none beside another. @returns its path */
export async function writeCapture(directory: string, networks: number): Promise<string> {
  await initialize(directory, 'near')
  const farId = await initialize(directory, 'far')
  const routes = Array.from({ length: networks }, (_, i) => `10.${128 + (i >> 7)}.${(i & 127) * 2}.0/24`)
  return configure(directory, 'near', [
    ...['capture: {}', 'peers:', `  - {name: far, id: ${farId}}`, 'routes:'],
    ...routes.map(to => `  - {to: ${to}, peer: far}`),
  ])
}

/** @returns the peer ID */
async function initialize(directory: string, side: string): Promise<string> {
  const output = await run(process.execPath, CLI, 'init', '--dir', join(directory, side))
  const match = /\bhf1\w+/.exec(output)
  if (match === null) throw new Error(`holdfast init printed no peer ID:\n${output}`)
  return match[0]
}

async function configure(directory: string, side: string, lines: readonly string[]): Promise<string> {
  const path = join(directory, side, 'bench.yaml')
  await writeFile(path, [...lines, 'identity: identity.pem', 'admin: {socket: bench.sock}', ''].join('\n'))
  return path
}
