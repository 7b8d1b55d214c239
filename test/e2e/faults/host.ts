/** Faults of the host a sidecar runs on: it stands still, has no descriptors left, no room for its log, or no processor. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ADDRESS } from '../lab/lab.ts'
import { descriptorsOf, lostEventsOf, runDelayMs } from '../lab/process.ts'
import { run } from '../lab/shell.ts'
import { monotonicMs } from '../programs/agent-protocol.ts'
import { COLD, SILENT } from '../scenarios/bounds.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import type { Stand } from '../scenarios/stand.ts'
import { lasting, until } from '../wait.ts'
import { faultOf, lasts, newConnection, onePathOnly, type Side } from './fault.ts'

const SHORT_STOP_MS = 2_000
const LONG_STOP_MS = 30_000
const FRESH = '10.1.0.3'
const REFUSED = 8
const EXHAUSTED_MS = 1_500
const DEADLINE_MS = 10_000
const DISK_BYTES = 64 * 1024
const PAGE_BYTES = 4_096
const BUSY_MS = 3_000
const RUN_DELAY_MS_MIN = 300
const OVERFLOW_MS = 4_000
const OVERFLOW_ROUNDS_MAX = 50
/** Of one round: addresses that come and go. */
const OVERFLOW_ADDRESSES = 200

export const shortStopNear = stopped('near', SHORT_STOP_MS)
export const shortStopFar = stopped('far', SHORT_STOP_MS)
export const longStopNear = stopped('near', LONG_STOP_MS)
export const longStopFar = stopped('far', LONG_STOP_MS)
export const exhaustedNear = exhausted('near')
export const exhaustedFar = exhausted('far')
export const starvedNear = starved('near')
export const starvedFar = starved('far')

export const overflown = overflownFault()
export const fullDisk = fullDiskFault()

function fullDiskFault(): Scenario {
  /** A file system of its own, made for each run. */
  let disk = ''
  const nearLog = () => {
    disk = mkdtempSync(join(tmpdir(), 'holdfast-small-disk-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'holdfast', disk])
    return { nearLog: join(disk, 'log') }
  }
  const title = 'the file system of the near sidecar’s log is full, and has room again'
  const play = async (stand: Stand) => {
    stand.onClose(async () => {
      await run(['umount', '--lazy', disk])
      rmSync(disk, { recursive: true })
    })
    await onePathOnly(stand)
    const [log, ballast] = [join(disk, 'log'), join(disk, 'ballast')]
    const sizeOf = () => statSync(log).size
    assert.ok(sizeOf() > 0, 'nothing was logged while there was room')
    assert.throws(() => writeFileSync(ballast, Buffer.alloc(DISK_BYTES)), { code: 'ENOSPC' })
    // The rest of the log's last page is taken, too.
    assert.throws(() => appendFileSync(log, Buffer.alloc(PAGE_BYTES, '\n')), { code: 'ENOSPC' })
    const fullBytes = sizeOf()
    await stand.fault({ what: 'a renumbering while nothing can be logged', bound: COLD }, () =>
      stand.lab.renumber('a', ADDRESS.a.v4, FRESH),
    )
    await stand.proveMoved([ADDRESS.a.v4], [FRESH])
    assert.equal(sizeOf(), fullBytes, 'the log has grown on a full disk')
    rmSync(ballast)
    const lastBytes = sizeOf()
    await stand.fault({ what: 'a renumbering once there is room', bound: COLD }, () =>
      stand.lab.renumber('a', FRESH, ADDRESS.a.v4),
    )
    await until('new lines in the log', { deadlineMs: DEADLINE_MS }, () => (sizeOf() > lastBytes ? true : undefined))
    stand.notes.push(`a write failed with ENOSPC; later the log went on from ${lastBytes} to ${sizeOf()} B`)
  }
  return faultOf('log-disk', title, play, { stand: nearLog })
}

function stopped(side: Side, ms: number): Scenario {
  const seconds = ms / 1_000
  const play = async (stand: Stand) => {
    const bound = lasts(ms, ms > SHORT_STOP_MS ? SILENT.extraMs : undefined)
    await stand.fault({ what: `a stop of ${seconds} s`, bound }, async () => {
      const fromMs = monotonicMs()
      try {
        await stand[side].pause()
        await lasting(ms)
      } finally {
        stand[side].resume()
      }
      stand.notes.push(`state T for ${Math.round(monotonicMs() - fromMs)} ms`)
    })
    await newConnection(stand, 'afterwards')
  }
  return faultOf(`stop-${side}-${seconds}s`, `SIGSTOP of the ${side} sidecar for ${seconds} s`, play, {
    isLong: ms > SHORT_STOP_MS,
  })
}

/** What runs goes on; what is new is refused, and not silently; afterwards all is well. */
function exhausted(side: Side): Scenario {
  const title = `the ${side} sidecar has no descriptor left (EMFILE), and a renumbering meanwhile`
  return faultOf(`emfile-${side}`, title, async stand => {
    const ids = Array.from({ length: REFUSED }, (_, index) => `refused-${index}`)
    await onePathOnly(stand)
    const { pid } = stand[side]
    const hard = await hardLimitOf(pid)
    const bound = lasts(EXHAUSTED_MS, SILENT.extraMs)
    await stand.fault({ what: 'a renumbering without descriptors', bound }, async () => {
      await run(['prlimit', '--pid', String(pid), `--nofile=${descriptorsOf(pid)}:${hard}`])
      for (const id of ids) stand.open({ id, kind: 'bytes', up: true, down: true, mbits: 1 })
      await stand.progress('what ran before', monotonicMs())
      await stand.lab.renumber('a', ADDRESS.a.v4, FRESH)
      await lasting(EXHAUSTED_MS)
      await run(['prlimit', '--pid', String(pid), `--nofile=${hard}:${hard}`])
    })
    await stand.proveMoved([ADDRESS.a.v4], [FRESH])
    const reports = await Promise.all(ids.map(id => stand.nearAgent.report(id)))
    const refused = reports.filter(report => report?.state === 'failed' || report?.state === 'closed')
    const clean = refused.filter(report => (report?.receivedBytes ?? 0) > 0 && report?.error === null)
    assert.ok(refused.length > 0, 'every new connection was made: there were descriptors left')
    assert.equal(clean.length, 0, 'connections that were cut seem to have ended in order')
    for (const report of reports) if (report?.state === 'open') await stand.settleBoth(report.id)
    await newConnection(stand, 'afterwards')
    stand.notes.push(`${refused.length} of ${REFUSED} new connections failed meanwhile`)
  })
}

/** More happens than the kernel keeps for it to hear while it stands still; what is lost has its own renumbering in it. */
function overflownFault(): Scenario {
  const title = 'events of the kernel for the near sidecar are lost (ENOBUFS), and a renumbering among them'
  return faultOf('enobufs-near', title, async stand => {
    const { lab, near } = stand
    await onePathOnly(stand)
    const there = Array.from({ length: OVERFLOW_ADDRESSES }, (_, n) => `address add 10.77.0.${n + 1}/32 dev lo`)
    const flood = [...there, ...there.map(line => line.replace(' add ', ' del '))]
    const lost: number[] = []
    await stand.fault({ what: 'a renumbering that is not told', bound: lasts(OVERFLOW_MS) }, async () => {
      try {
        await near.pause()
        for (let round = 0; round < OVERFLOW_ROUNDS_MAX && lostEventsOf(near.pid) === 0; round++)
          await lab.near.ip(...flood)
        lost.push(lostEventsOf(near.pid))
        await lab.renumber('a', ADDRESS.a.v4, FRESH)
        lost.push(lostEventsOf(near.pid))
      } finally {
        near.resume()
      }
    })
    const [before = 0, after = 0] = lost
    assert.ok(before > 0, 'the kernel has kept everything')
    assert.ok(after > before, 'the renumbering was not among what was lost')
    await stand.proveMoved([ADDRESS.a.v4], [FRESH])
    await stand.fault({ what: 'a renumbering that is told again', bound: COLD }, () =>
      lab.renumber('a', FRESH, ADDRESS.a.v4),
    )
    await stand.proveMoved([FRESH], [ADDRESS.a.v4])
    assert.equal((await near.status()).peers[0]?.migrations.at(-1)?.reason, 'gone', 'the kernel was not heard again')
    stand.notes.push(`the kernel counts ${after} lost events, ${after - before} of them by the renumbering`)
  })
}

/** A busy loop of the highest priority on the one core the sidecar may use. */
function starved(side: Side): Scenario {
  const title = `a busy loop of nice -20 on the core of the ${side} sidecar for ${BUSY_MS / 1_000} s`
  return faultOf(`cpu-${side}`, title, async stand => {
    const { pid } = stand[side]
    const cores = (await run(['taskset', '-p', String(pid)])).trim().split(' ').at(-1) ?? '1'
    await stand.fault({ what: 'the busy loop', bound: lasts(BUSY_MS) }, async () => {
      const before = runDelayMs(pid)
      await run(['taskset', '-ap', '1', String(pid)])
      const loop = stand.lab[side].spawn(['nice', '-n', '-20', 'taskset', '1', 'sh', '-c', 'while :; do :; done'])
      const ended = once(loop, 'exit')
      try {
        await lasting(BUSY_MS)
      } finally {
        loop.kill('SIGKILL')
        await ended
        await run(['taskset', '-ap', cores, String(pid)])
      }
      const waitedMs = Math.round(runDelayMs(pid) - before)
      assert.ok(waitedMs > RUN_DELAY_MS_MIN, `it has waited only ${waitedMs} ms for the core`)
      stand.notes.push(`it waited ${waitedMs} ms of ${BUSY_MS} ms for the core`)
    })
  })
}

async function hardLimitOf(pid: number): Promise<string> {
  return (await run(['prlimit', '--pid', String(pid), '--nofile', '--output=HARD', '--noheadings'])).trim()
}
