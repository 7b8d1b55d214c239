/**
 * How long applications see nothing when the path under their connection changes. A tick stream runs in both
 * directions through each subject; after each event its receivers, outside of what is measured, tell the longest gap.
 *
 * Subjects have a path each, and their events take turns (A B A B ...). One is struck at a time; while one is measured,
 * the others heal. Events without proof from outside that the connection moved are counted, not measured.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { wait, withChildren } from './bounds.ts'
import type { Children } from './children.ts'
import { type BlackoutArm, type BlackoutResult, type BlackoutSample, describeMachine } from './results.ts'
import { median } from './statistics.ts'
import { type StrikeEvent, SUBJECTS, type Subject } from './subjects.ts'
import { monotonicMs } from './tick-probe.ts'

const TICK_MS = 2
const PATH = { delayMs: 10, mbitPerSecond: 100, queueMs: 100 }
/** The shortest look around an event; longer until the stream is steady again. */
const WINDOW_MS = 400
/** Steady: in the last STEADY_MS no pause above PAUSE_MS_MAX, in either direction. */
const STEADY_MS = 200
const PAUSE_MS_MAX = 30
/** An event that lasts longer counts with what it has lasted so far, and the path is healed. */
const RESUME_MS_MAX = 10_000
/** After so many of those an event is not repeated. */
const STALLS_MAX = 3
const HEAL_MS_MAX = 5_000
const POLL_MS = 25
const ROUND_TRIPS = 9
const RUN_MS_MAX = 15 * 60_000

export interface BlackoutOptions {
  readonly events: number
  /** Keys of SUBJECTS. */
  readonly only: readonly string[]
}

interface Lane {
  readonly subject: Subject
  readonly event: StrikeEvent
  readonly samples: BlackoutSample[]
  unproved: number
  stalls: number
}

export async function benchBlackout(options: BlackoutOptions): Promise<BlackoutResult> {
  if (process.getuid?.() !== 0) throw new Error('the blackout benchmark makes network namespaces: run it as root')
  const machine = await describeMachine()
  return withChildren(async (children, directory) => {
    const subjects = await startSubjects(children, directory, options.only)
    const roundTrips = new Map<Subject, number>()
    for (const subject of subjects) roundTrips.set(subject, await roundTripOf(subject))
    const lanes = interleaved(subjects)
    await strikeAll(lanes, options.events)
    const arms = lanes.map(({ subject, event, samples, unproved }): BlackoutArm => {
      const roundTripMs = roundTrips.get(subject) ?? Number.NaN
      return { subject: subject.name, event: event.name, roundTripMs, samples, unproved }
    })
    const link = `two uplinks of ${PATH.delayMs} ms each way and ${PATH.mbitPerSecond} Mbit/s, emulated over TUN`
    return { machine, link, tickMs: TICK_MS, versions: subjects.map(subject => subject.version), arms }
  })
}

async function startSubjects(children: Children, directory: string, only: readonly string[]): Promise<Subject[]> {
  const subjects: Subject[] = []
  for (const key of only) {
    const start = SUBJECTS[key]
    if (start === undefined) throw new Error(`no subject is called ${key}; known: ${Object.keys(SUBJECTS).join(', ')}`)
    const own = join(directory, key)
    mkdirSync(own)
    const path = { prefix: `hfb${process.pid}-${key}`, ...PATH }
    subjects.push(await start(children, { path, directory: own, tickMs: TICK_MS }))
    console.log(`${subjects.at(-1)?.version}: ready`)
  }
  return subjects
}

async function roundTripOf(subject: Subject): Promise<number> {
  const values: number[] = []
  for (let count = 0; count < ROUND_TRIPS; count++) values.push(await subject.roundTripMs())
  return median(values)
}

/** First events of all subjects, second events of all, and so on, so that one heals while another is struck. */
function interleaved(subjects: readonly Subject[]): Lane[] {
  const most = Math.max(...subjects.map(subject => subject.events.length))
  return Array.from({ length: most }, (_, index) =>
    subjects.flatMap(subject => {
      const event = subject.events[index]
      return event === undefined ? [] : [{ subject, event, samples: [], unproved: 0, stalls: 0 }]
    }),
  ).flat()
}

async function strikeAll(lanes: readonly Lane[], events: number): Promise<void> {
  const healing = new Map<Subject, Promise<unknown>>()
  const deadline = performance.now() + RUN_MS_MAX
  for (let count = 1; count <= events; count++) {
    for (const lane of lanes) {
      if (lane.stalls >= STALLS_MAX) continue
      if (performance.now() > deadline) throw new Error(`not finished within ${RUN_MS_MAX / 60_000} minutes`)
      const failure = await healing.get(lane.subject)
      if (failure !== undefined) throw failure
      await strike(lane)
      // A failure is kept as a value until the subject's next turn, so that it is never unhandled.
      healing.set(
        lane.subject,
        heal(lane).catch((error: unknown) => error),
      )
    }
    if (count % 5 === 0 || count === events) console.log(`${count}/${events}  ${lanes.map(progress).join('  ')}`)
  }
  await Promise.all(healing.values())
}

/** Ends when the path is whole again and both directions are steady; on a busy machine, without that after a time. */
async function heal({ subject, event }: Lane): Promise<void> {
  await event.settle()
  for (const deadline = performance.now() + HEAL_MS_MAX; performance.now() < deadline; await wait(POLL_MS)) {
    if (await isSteady(subject)) return
  }
}

async function strike(lane: Lane): Promise<void> {
  const { subject, event } = lane
  await event.prepare?.()
  const sinceMs = monotonicMs()
  const proof = await event.strike()
  await wait(WINDOW_MS)
  while (!(await isSteady(subject)) && monotonicMs() - sinceMs < RESUME_MS_MAX) await wait(POLL_MS)
  const isStalled = monotonicMs() - sinceMs >= RESUME_MS_MAX
  const [download, upload] = await Promise.all([subject.near.gapSince(sinceMs), subject.far.gapSince(sinceMs)])
  if (!download.isIntact || !upload.isIntact) throw new Error(`${subject.name}: the tick stream is damaged`)
  if (isStalled) {
    console.log(`${subject.name}, ${event.name}: no steady stream after ${RESUME_MS_MAX} ms; healing the path`)
    lane.stalls++
  }
  if (isStalled || (await proof())) lane.samples.push({ uploadMs: upload.longestMs, downloadMs: download.longestMs })
  else lane.unproved++
}

/** Whether neither direction has paused for a while. */
async function isSteady({ near, far }: Subject): Promise<boolean> {
  const sinceMs = monotonicMs() - STEADY_MS
  const gaps = await Promise.all([near.gapSince(sinceMs), far.gapSince(sinceMs)])
  return gaps.every(gap => gap.longestMs <= PAUSE_MS_MAX)
}

function progress({ subject, event, samples, unproved }: Lane): string {
  const worst = samples.map(sample => Math.max(sample.uploadMs, sample.downloadMs))
  const doubt = unproved === 0 ? '' : `, ${unproved} unproved`
  return `${subject.name} ${event.name}: ${median(worst).toFixed(0)} ms${doubt};`
}
