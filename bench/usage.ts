/** What processes use, read from /proc (proc(5)). */
import { readdir, readFile } from 'node:fs/promises'

/** Ticks a second of the times in /proc/PID/stat: USER_HZ, 100 on every architecture Node runs on. */
const TICKS_PER_SECOND = 100

interface Times {
  readonly parent: number
  /** User and system time of the process and of its children that have ended, in seconds. */
  readonly seconds: number
}

/** CPU seconds used so far by a process and all its descendants. 0 when it is gone. */
export async function cpuSeconds(pid: number): Promise<number> {
  const table = new Map<number, Times>()
  for (const entry of await readdir('/proc')) {
    const times = /^\d+$/.test(entry) ? await timesOf(Number(entry)) : undefined
    if (times !== undefined) table.set(Number(entry), times)
  }
  let seconds = 0
  for (const [candidate, times] of table) if (descends(table, candidate, pid)) seconds += times.seconds
  return seconds
}

/** Resident memory of one process in KiB. @throws Error when it is gone. */
export async function residentKib(pid: number): Promise<number> {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))
  if (match === null) throw new Error(`process ${pid} has no VmRSS`)
  return Number(match[1])
}

function descends(table: ReadonlyMap<number, Times>, candidate: number, ancestor: number): boolean {
  for (let pid = candidate, depth = 0; depth < 64; depth++) {
    if (pid === ancestor) return true
    const times = table.get(pid)
    if (times === undefined) return false
    pid = times.parent
  }
  return false
}

async function timesOf(pid: number): Promise<Times | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The name in parentheses may hold spaces and parentheses itself; the fields are counted after the last one.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields === undefined) return undefined
  const [utime = 0, stime = 0, childUtime = 0, childStime = 0] = fields.slice(11, 15).map(Number)
  return { parent: Number(fields[1]), seconds: (utime + stime + childUtime + childStime) / TICKS_PER_SECOND }
}
