/**
 * `npm run adversary`: strangers, somebody on the path, and a peer that breaks the protocol, against a real sidecar process.
 * Every attempt has to be refused as its row says, and while it lasts the process stays within the row's memory, descriptors
 * and CPU, and an application that speaks through the same sidecar notices nothing. Exit code 1 when one of this does not hold.
 *
 *   --only WORDS   attempts whose text has them
 */
import { parseArgs } from 'node:util'
import { type Attempt, CPU_MS_MAX, DESCRIPTORS_MAX, GROWTH_BYTES_MAX } from './attempt.ts'
import { FLOODS } from './attempts/floods.ts'
import { LENGTHS } from './attempts/lengths.ts'
import { MEMORY } from './attempts/memory.ts'
import { PEERS } from './attempts/peers.ts'
import { STRANGERS } from './attempts/strangers.ts'
import { Gauge, mebibytes, type Taken } from './gauge.ts'
import { type Stage, setStage } from './stage.ts'

const ATTEMPTS: readonly Attempt[] = [...PEERS, ...LENGTHS, ...FLOODS, ...STRANGERS, ...MEMORY]
/** Above what a busy machine does to processes. */
const STALL_MS = 3_000
const ATTEMPT_MS = 60_000
const PROGRESS_BYTES = 64 * 1024

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } })
const chosen = ATTEMPTS.filter(({ what }) => what.includes(values.only))
const endings: (() => unknown)[] = []
let failures = 0
try {
  await playAll()
} finally {
  for (const end of endings.reverse()) await end()
}
process.exit(failures > 0 || chosen.length === 0 ? 1 : 0)

async function playAll(): Promise<void> {
  const stage = await setStage({ teardown: end => endings.push(end) })
  await stage.bystander.progress(PROGRESS_BYTES)
  console.log('| attempt | refused with | memory before, most, after (MiB) | descriptors | CPU, of | bystander |')
  console.log('| --- | --- | --- | --- | --- | --- |')
  for (const attempt of chosen) await play(attempt, stage)
  const faults = []
  if (!(await stage.bystander.finish())) faults.push('the bystander lost bytes')
  for (const cli of [stage.officeCli, stage.laptopCli]) if ((await cli.stop()) !== 0) faults.push('a sidecar failed')
  for (const fault of faults) fail(fault)
  console.log(`${chosen.length} attempts, ${failures} failures`)
}

async function play(attempt: Attempt, stage: Stage): Promise<void> {
  const gauge = new Gauge((attempt.victim === 'laptop' ? stage.laptopCli : stage.officeCli).child.pid!)
  const before = stage.bystander.receivedBytes
  stage.bystander.forgetStalls()
  const once = () => Promise.race([attempt.run(stage).catch(String), tooLate()])
  const first = await once()
  // An attacker that was kept from running is cut for its silence, and has tried nothing.
  const outcome = first.startsWith('Error: closed by undefined') ? await once() : first
  await stage.bystander.progress(PROGRESS_BYTES).catch(error => fail(`bystander: ${error}`))
  const taken = gauge.stop()
  const { longestStallMs, receivedBytes } = stage.bystander
  const moved = mebibytes(receivedBytes - before)
  console.log(
    `| ${attempt.what} | ${outcome} | ${[taken.beforeBytes, taken.peakBytes, taken.afterBytes].map(mebibytes).join(', ')}` +
      ` | ${taken.descriptorsBefore}, then ${taken.descriptorsPeak} | ${seconds(taken.cpuMs)} of ${seconds(taken.elapsedMs)} s` +
      ` | ${moved} MiB, pause ${longestStallMs} ms |`,
  )
  for (const fault of faultsOf(attempt, outcome, taken, longestStallMs)) fail(`${attempt.what}: ${fault}`)
}

function tooLate(): Promise<string> {
  return new Promise(resolve => setTimeout(() => resolve('no end in time'), ATTEMPT_MS).unref())
}

function faultsOf(attempt: Attempt, outcome: string, taken: Taken, stallMs: number): readonly string[] {
  const { growthBytesMax = GROWTH_BYTES_MAX, descriptorsMax = DESCRIPTORS_MAX, cpuMsMax = CPU_MS_MAX } = attempt
  const faults: string[] = []
  const growth = taken.peakBytes - taken.beforeBytes
  const descriptors = taken.descriptorsPeak - taken.descriptorsBefore
  if (outcome !== attempt.refusedWith) faults.push(`it should have been refused with: ${attempt.refusedWith}`)
  if (growth > growthBytesMax) faults.push(`memory grew by ${mebibytes(growth)} MiB`)
  if (descriptors > descriptorsMax) faults.push(`${descriptors} more descriptors`)
  if (taken.cpuMs > cpuMsMax) faults.push(`${taken.cpuMs} ms of CPU`)
  if (stallMs > STALL_MS) faults.push(`the bystander stood still for ${stallMs} ms`)
  return faults
}

function fail(fault: string): void {
  failures++
  console.log(`FAILED ${fault}`)
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1)
}
