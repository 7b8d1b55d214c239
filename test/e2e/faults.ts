/**
 * `npm run faults`: what can befall a host and its network, done to real sidecars under load. For each: the proof that it has
 * happened, that all bytes agree and the sessions live, and the longest pause.
 * Exit code 0: all that was asked for passed; 1: not; 2: it cannot run here, or the command line is wrong.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { FAULTS } from './faults/table.ts'
import { longRun } from './long-run.ts'
import { playRun } from './scenarios/run-scenario.ts'
import type { Result, Scenario } from './scenarios/scenario.ts'
import { Turn } from './turn.ts'

const USAGE = `usage: npm run faults -- [--short] [--only NAME[,NAME]]

  --short       leaves out what takes more than some seconds each
  --only NAME   of ${FAULTS.map(({ name }) => name).join(', ')}`

process.exitCode = await longRun(
  'faults',
  USAGE,
  async run => {
    const options = { short: { type: 'boolean', default: false }, only: { type: 'string' } } as const
    const { values } = parseArgs({ args: [...run.args], options })
    const names = values.only?.split(',')
    const unknown = names?.filter(name => !FAULTS.some(fault => fault.name === name)) ?? []
    if (unknown.length > 0) throw new Error(`There is no fault ${unknown.join(', ')}.`)
    const faults = FAULTS.filter(fault => names?.includes(fault.name) ?? (!values.short || fault.isLong !== true))

    return async () => {
      const logDirectory = join(run.directory, 'logs', run.commit)
      mkdirSync(logDirectory, { recursive: true })
      const [near, far] = run.identities
      const identities = { near, far }
      const stage = { identities, capture: 'redirect', turn: new Turn(), logDirectory, signal: run.signal } as const
      const rows: (readonly [Scenario, readonly Result[]])[] = []
      for (const [index, scenario] of faults.entries()) {
        const directions = ['upload', 'download'] as const
        const results = await playRun({ scenario, carrier: 'tcp', directions }, index + 1, stage)
        if (results.length === 0) break
        rows.push([scenario, results])
        for (const fault of new Set(results.flatMap(({ faults }) => faults)))
          run.print(`FAILED ${scenario.name}: ${fault}\n  the sidecars' logs: ${logDirectory}`)
        if (results.every(({ passed }) => passed)) run.print(`ok     ${scenario.name}, ${results[0]?.seconds} s`)
      }
      run.keep(
        `${run.commit}.json`,
        `${JSON.stringify({ machine: run.machine, results: rows.flatMap(row => row[1]) }, null, 1)}\n`,
      )
      run.print(tableOf(rows))
      return rows.length === faults.length && rows.every(([, results]) => results.every(({ passed }) => passed))
    }
  },
  FAULTS,
)

function tableOf(rows: readonly (readonly [Scenario, readonly Result[]])[]): string {
  const lines = rows.map(([scenario, results]) => {
    const pauses = results.flatMap(({ blackoutMs }) => blackoutMs ?? [])
    const pause = pauses.length === 0 ? 'the sessions are reset' : `${Math.round(Math.max(...pauses))} ms`
    const verdict = results.every(({ passed }) => passed) ? 'passed' : 'FAILED'
    return `| ${scenario.title} | ${(results[0]?.proofs ?? []).join('; ')} | ${pause} | ${verdict} |`
  })
  return [
    '| fault | seen from outside | longest pause | bytes and sessions |',
    '| --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
}
