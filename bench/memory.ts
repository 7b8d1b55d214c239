/**
 * What a sidecar costs at rest and per idle session. Resident memory is read at several numbers of open sessions and a
 * line is fitted; every session has carried one byte there and back, so it is open on both sides.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { wait, withChildren } from './bounds.ts'
import type { Child } from './children.ts'
import { Opener } from './opener.ts'
import { describeMachine, type MemoryResult, type MemorySide, type MemorySubject } from './results.ts'
import { TUNNELS } from './throughput.ts'
import type { Tunnel } from './tunnel.ts'
import { cpuSeconds, residentKib } from './usage.ts'

/** Shares of the greatest number of sessions at which memory is read: 500 to 10,000 by default. */
const POINTS = [0.05, 0.25, 0.5, 0.75, 1]
const SETTLE_MS = 2_000
/** Between the first session and the measurement at rest: what starting up left to collect is collected. */
const CALM_MS = 5_000
const OPENS_AT_ONCE = 50
const ANSWER_MS = 10_000
const DESCRIPTORS_SPARE = 500

export interface MemoryOptions {
  readonly sessions: number
  readonly restSeconds: number
  /** Keys of TUNNELS. */
  readonly only: readonly string[]
}

export async function benchMemory(options: MemoryOptions): Promise<MemoryResult> {
  const machine = await describeMachine()
  const subjects: MemorySubject[] = []
  for (const key of options.only) {
    const start = TUNNELS[key]
    if (start === undefined) throw new Error(`no tunnel is called ${key}; known: ${Object.keys(TUNNELS).join(', ')}`)
    const subject = await withChildren(async (children, directory) => {
      const destination = await new Opener(children).serve('127.0.0.1')
      mkdirSync(join(directory, key))
      return measure(await start(children, join(directory, key), destination), {
        ...options,
        sessions: affordable(key, options.sessions),
      })
    })
    subjects.push(subject)
  }
  return { machine, restSeconds: options.restSeconds, subjects }
}

async function measure(tunnel: Tunnel, options: MemoryOptions): Promise<MemorySubject> {
  const { near, far, name, version } = tunnel
  if (near === undefined || far === undefined) throw new Error(`${name} has no proxies to measure`)
  const warmUp = await openSession(tunnel.entry)
  warmUp.end()
  await wait(CALM_MS)
  console.log(`${name}: at rest for ${options.restSeconds} s`)
  const sides = [near, far]
  const restCpu = await cpuPercent(sides, options.restSeconds)
  const restKib = await resident(sides)
  const points: { sessions: number; residentKib: number[] }[] = []
  const sockets: Socket[] = []
  try {
    for (const share of POINTS) {
      await openSessions(tunnel.entry, sockets, Math.round(share * options.sessions))
      await wait(SETTLE_MS)
      points.push({ sessions: sockets.length, residentKib: await resident(sides) })
      console.log(`${name}: ${sockets.length} sessions, RSS ${points.at(-1)?.residentKib.join(' and ')} KiB`)
    }
    const idleCpu = await cpuPercent(sides, options.restSeconds / 2)
    return { name, version, sides: sides.map((_, index) => sideOf(index, { restKib, restCpu, idleCpu, points })) }
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

interface Readings {
  readonly restKib: readonly number[]
  readonly restCpu: readonly number[]
  readonly idleCpu: readonly number[]
  readonly points: readonly { readonly sessions: number; readonly residentKib: readonly number[] }[]
}

function sideOf(index: number, readings: Readings): MemorySide {
  const at = (values: readonly number[]) => values[index] ?? Number.NaN
  return {
    side: index === 0 ? 'near' : 'far',
    restKib: at(readings.restKib),
    restCpuPercent: at(readings.restCpu),
    idleSessionsCpuPercent: at(readings.idleCpu),
    points: readings.points.map(point => ({ sessions: point.sessions, residentKib: at(point.residentKib) })),
  }
}

function resident(sides: readonly Child[]): Promise<number[]> {
  return Promise.all(sides.map(side => residentKib(side.pid)))
}

/** Percent of one core that each used over the next `seconds`. */
async function cpuPercent(sides: readonly Child[], seconds: number): Promise<number[]> {
  const before = await Promise.all(sides.map(side => cpuSeconds(side.pid)))
  const start = performance.now()
  await wait(seconds * 1_000)
  const after = await Promise.all(sides.map(side => cpuSeconds(side.pid)))
  const elapsed = (performance.now() - start) / 1_000
  return after.map((used, index) => (100 * (used - (before[index] ?? 0))) / elapsed)
}

async function openSessions(port: number, sockets: Socket[], count: number): Promise<void> {
  while (sockets.length < count) {
    const batch = Math.min(OPENS_AT_ONCE, count - sockets.length)
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => openSession(port)))))
  }
}

/** A connection that has carried one byte there and back. @throws Error when it is refused, reset, or not answered */
function openSession(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('.'))
    const timer = setTimeout(() => fail(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS)
    const fail = (error: Error) => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    socket.once('error', fail).once('data', () => {
      clearTimeout(timer)
      socket.off('error', fail).on('error', () => socket.destroy())
      resolve(socket)
    })
  })
}

/** So many, or as many as one process may have descriptors for: a proxy that does not multiplex has two for each. */
function affordable(key: string, sessions: number): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  const most = Math.floor((Number(limit) - DESCRIPTORS_SPARE) / (key === 'holdfast' ? 1 : 2))
  if (most >= sessions) return sessions
  console.log(`${key}: ${most} sessions, since a process may have only ${limit} descriptors`)
  return most
}
