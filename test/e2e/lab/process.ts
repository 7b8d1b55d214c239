/** What the kernel says of a process. */
import { readdirSync, readFileSync } from 'node:fs'

/** `R`, `S`, `T` (stopped), ... as in proc(5). */
export function stateOf(pid: number): string {
  return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '?'
}

export function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}

/** Open descriptors. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Events of its network namespace that the kernel could not queue for those who want them; a socket that is closed takes its count along. */
export function lostEventsOf(pid: number): number {
  // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
  const sockets = readFileSync(`/proc/${pid}/net/netlink`, 'utf8').trim().split('\n').slice(1)
  return sockets.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[8]), 0)
}

/** How long its main thread has been ready and did not run: the kernel's count. */
export function runDelayMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1] ?? 0) / 1e6
}
