/** What the kernel has counted in tables of ours: read by one process of `nft`, beside the event loop. */
import { execFile } from 'node:child_process'
import { LIMITS } from '../base/limits.ts'
import { environment, ProgramError, reason } from './program.ts'

/** Packets by the name of their counter. The first of a connection alone meets the rules of a capture. */
export type Counts = ReadonlyMap<string, number>

/** @throws ProgramError, also when one of the tables is not there */
export function readCounts(tables: readonly string[]): Promise<Counts> {
  const options = {
    env: environment(),
    timeout: LIMITS.nftCountsMs,
    killSignal: 'SIGKILL',
    maxBuffer: LIMITS.nftMessageCharsMax,
  } as const
  return new Promise((resolve, reject) => {
    const nft = execFile('nft', ['-f', '-'], options, (error, stdout, stderr) => {
      if (error === null) return resolve(countsOf(stdout))
      const hasEnded = typeof error.code === 'number'
      reject(new ProgramError(reason('nft', hasEnded ? undefined : error, stderr)))
    })
    // It may end before it has read all.
    nft.stdin?.on('error', () => {})
    nft.stdin?.end(tables.map(table => `list counters table ${table}\n`).join(''))
  })
}

function countsOf(listed: string): Counts {
  const counters = listed.matchAll(/counter (\w+) \{\s+packets (\d+) /g)
  return new Map([...counters].map(([, name, packets]) => [name!, Number(packets)]))
}
