/**
 * One host of the lab: a network namespace with files of its own over /etc/hosts and /etc/nsswitch.conf.
 *
 * `ip netns exec` bind-mounts /etc/netns/NAME/* by inode when a program starts; so a name follows its host only for
 * those who are running already if the file is rewritten in place.
 *
 * Names are `hflab-PID-NUMBER-HOST` (`relab` for the long runs): `sweep` finds by it what a dead process left behind.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { childEnvironment, run, tryRun } from './shell.ts'

const NAMESPACES = '/run/netns'
const FILES = '/etc/netns'
const OURS = /^(?:hflab|relab)-(\d+)-\d+-/
const SYSCTLS = [
  ['net.ipv4.ip_forward', 0],
  ['net.ipv4.conf.all.promote_secondaries', 1],
  ['net.ipv4.conf.default.promote_secondaries', 1],
  ['net.ipv4.conf.all.rp_filter', 0],
  ['net.ipv4.conf.default.rp_filter', 0],
  ['net.ipv6.conf.all.accept_dad', 0],
  ['net.ipv6.conf.default.accept_dad', 0],
  // Else one connection starts with what the kernel learnt about the path from another.
  ['net.ipv4.tcp_no_metrics_save', 1],
] as const

export class Namespace {
  readonly name: string

  private constructor(name: string) {
    this.name = name
  }

  /** @throws Error when a namespace cannot be made (not root) */
  static async create(name: string): Promise<Namespace> {
    const namespace = new Namespace(name)
    mkdirSync(`${FILES}/${name}`, { recursive: true })
    namespace.setHosts({})
    writeFileSync(`${FILES}/${name}/nsswitch.conf`, 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n')
    await run(['ip', 'netns', 'add', name])
    const settings = SYSCTLS.map(([key, value]) => `echo ${value} > /proc/sys/${key.replaceAll('.', '/')}`)
    await namespace.run(['sh', '-c', [...settings, 'ip link set lo up'].join('\n')])
    return namespace
  }

  /** Runs `ip` with these lines as one batch: nothing else is between them. */
  async ip(...lines: readonly string[]): Promise<void> {
    await run(['ip', '-n', this.name, '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  async nft(script: string): Promise<void> {
    await this.run(['nft', '-f', '-'], script)
  }

  run(command: readonly string[], input = '', deadlineMs = 30_000): Promise<string> {
    return run(['ip', 'netns', 'exec', this.name, ...command], { input, deadlineMs })
  }

  /** Starts a program inside; its process id is the child's, since `ip netns exec` becomes the program. */
  spawn(command: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
    const env = { ...childEnvironment(), ...environment }
    return spawn('ip', ['netns', 'exec', this.name, ...command], { env })
  }

  /** What names mean on this host from now on, also for programs that run. */
  setHosts(hosts: Readonly<Record<string, readonly string[]>>): void {
    const lines = Object.entries(hosts).flatMap(([name, addresses]) => addresses.map(address => `${address} ${name}`))
    writeFileSync(`${FILES}/${this.name}/hosts`, ['127.0.0.1 localhost', '::1 localhost', ...lines, ''].join('\n'))
  }

  /** Kills what runs inside and removes all of it. Harmless when it is gone. */
  async remove(): Promise<void> {
    await removeNamespace(this.name)
  }
}

/** Removes the namespaces of the runs of these processes. @returns their names */
export async function sweep(isMeant: (pid: number) => boolean): Promise<readonly string[]> {
  const names = [NAMESPACES, FILES].filter(existsSync).flatMap(directory => readdirSync(directory))
  const meant = [...new Set(names)].filter(name => {
    const owner = OURS.exec(name)?.[1]
    return owner !== undefined && isMeant(Number(owner))
  })
  for (const name of meant) await removeNamespace(name)
  return meant
}

async function removeNamespace(name: string): Promise<void> {
  const inside = (await tryRun(['ip', 'netns', 'pids', name])).split('\n').filter(line => line !== '')
  for (const pid of inside) killIfAlive(Number(pid))
  await tryRun(['ip', 'netns', 'del', name])
  rmSync(`${FILES}/${name}`, { recursive: true, force: true })
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
