/**
 * Two hosts joined by two cables, in network namespaces of an unprivileged user namespace:
 *
 *     near (this process)                     far
 *       cable-a  10.77.1.2  ----------------  10.77.1.1
 *       cable-b  10.77.2.2  ----------------  10.77.2.1   (unplugged at first)
 *
 * The demo runs itself again inside `unshare --user --net --mount`; everything is gone when that process ends.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { isLinux } from '../../platform/system.ts'
import { onSignal } from './signals.ts'
import type { Stage, StageEvent } from './stage.ts'

const UNSHARE = ['--user', '--map-root-user', '--net', '--mount', '--kill-child', '--fork']
const INSIDE = 'HOLDFAST_DEMO_INSIDE'
/** So long the demo inside has to clean up. */
const ENDING_MS = 3_000

export function isInside(): boolean {
  return process.env[INSIDE] === '1'
}

/** @returns whether this machine lets this user make interfaces; it is tried, not guessed */
export function canMakeNamespaces(): boolean {
  if (!isLinux()) return false
  const script = 'ip link add name probe-a type veth peer name probe-b && ip link set probe-a up'
  return spawnSync('unshare', [...UNSHARE, 'sh', '-c', script], { stdio: 'ignore', timeout: 5_000 }).status === 0
}

/** Runs this command again inside, where it ends when its standard input does. @returns its exit code */
export function rerunInside(args: readonly string[]): Promise<number> {
  const child = spawn('unshare', [...UNSHARE, process.execPath, ...args], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, [INSIDE]: '1' },
  })
  let signalled: number | undefined
  onSignal(exitCode => {
    signalled = exitCode
    child.stdin.destroy()
    setTimeout(() => child.kill('SIGKILL'), ENDING_MS)
  })
  return new Promise(resolve => child.once('exit', code => resolve(signalled ?? code ?? 1)))
}

export function namespaceStage(): Stage {
  const holder = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] })
  const far = ['--target', String(holder.pid), '--net']
  const near = (line: string) => execFileSync('ip', line.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] })
  const onFar = (line: string) =>
    execFileSync('nsenter', [...far, 'ip', ...line.split(' ')], { stdio: ['ignore', 'ignore', 'pipe'] })
  waitForNamespace(holder)
  near('link set lo up')
  onFar('link set lo up')
  for (const [cable, net] of [
    ['a', '10.77.1'],
    ['b', '10.77.2'],
  ] as const) {
    near(`link add name cable-${cable} type veth peer name far-${cable}`)
    near(`link set far-${cable} netns ${holder.pid}`)
    near(`address add ${net}.2/24 dev cable-${cable}`)
    onFar(`address add ${net}.1/24 dev far-${cable}`)
    near(`link set cable-${cable} up`)
    onFar(`link set far-${cable} up`)
  }
  near('link set cable-b down')
  return {
    about: 'two hosts in network namespaces, joined by two cables; their interfaces really change',
    endpoints: ['tcp://10.77.1.1:7700', 'tcp://10.77.2.1:7700'],
    farListen: 'tcp://0.0.0.0:7700',
    events: events(near, onFar),
    spawn: (host, args) => {
      const command = host === 'near' ? [process.execPath, ...args] : ['nsenter', ...far, process.execPath, ...args]
      return spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] })
    },
    end: () => {
      holder.kill()
    },
  }
}

/** Each leaves one way only, so each makes a migration necessary. */
function events(near: (line: string) => void, onFar: (line: string) => void): readonly StageEvent[] {
  return [
    {
      title: 'the near host is renumbered: 10.77.1.2 becomes 10.77.1.3',
      run: () => {
        near('address delete 10.77.1.2/24 dev cable-a')
        near('address add 10.77.1.3/24 dev cable-a')
      },
    },
    {
      title: 'cable B is plugged in, and cable A is pulled',
      run: () => {
        near('link set cable-b up')
        near('link set cable-a down')
      },
    },
    {
      title: 'cable A is back, and cable B is pulled',
      run: () => {
        near('link set cable-a up')
        near('link set cable-b down')
      },
    },
    {
      title: 'the far host loses 10.77.1.1, and cable B is back',
      run: () => {
        near('link set cable-b up')
        onFar('address delete 10.77.1.1/24 dev far-a')
      },
    },
  ]
}

/** `unshare` needs a moment until its child is elsewhere. */
function waitForNamespace(holder: ChildProcess): void {
  const own = execFileSync('readlink', ['/proc/self/ns/net']).toString()
  for (let tries = 0; tries < 200; tries++) {
    const theirs = spawnSync('readlink', [`/proc/${holder.pid}/ns/net`]).stdout.toString()
    if (theirs !== '' && theirs !== own) return
  }
  throw new Error('a network namespace did not come up')
}
