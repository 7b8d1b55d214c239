/** What all legs together have shown: for the results file, and as the row of docs/reliability.md. */
import { CAUSES, WORDS } from './causes.ts'
import type { LegResult } from './leg.ts'

export interface Summary {
  readonly json: object
  readonly markdown: string
  readonly failures: number
}

export function summaryOf(results: readonly LegResult[], asked: number, machine: string): Summary {
  const moves = results.flatMap(result => result.moves)
  const failures = results.flatMap(result => result.failures)
  const causes = CAUSES.flatMap(cause => {
    const blackouts = moves.filter(move => move.cause === cause).map(move => move.blackoutMs)
    return blackouts.length === 0 ? [] : [{ cause, count: blackouts.length, ...spread(blackouts) }]
  })
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0)
  const all = {
    commit: results.at(-1)?.commit ?? 'none',
    date: (results.at(-1)?.at ?? '').slice(0, 10),
    machine,
    migrations: moves.length,
    failures: failures.length + (moves.length < asked && failures.length === 0 ? 1 : 0),
    ...spread(moves.map(move => move.blackoutMs)),
    mebibytes: Math.round(results.reduce((sum, result) => sum + result.bytes, 0) / 2 ** 20),
    minutes: Math.round(seconds / 6) / 10,
    perSecond: Math.round((moves.length / Math.max(1, seconds)) * 10) / 10,
  }
  const markdown = [
    '| commit | date | machine | migrations | failures | median blackout | longest | checked | time |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    `| \`${all.commit}\` | ${all.date} | ${machine} | ${all.migrations} | ${all.failures} | ${all.medianMs} ms | ${all.longestMs} ms | ${all.mebibytes} MiB | ${all.minutes} min |`,
    '',
    '| cause | migrations | median blackout | 99 of 100 below | longest |',
    '| --- | --- | --- | --- | --- |',
    ...causes.map(
      ({ cause, count, medianMs, p99Ms, longestMs }) =>
        `| ${WORDS[cause]} | ${count} | ${medianMs} ms | ${p99Ms} ms | ${longestMs} ms |`,
    ),
  ].join('\n')
  return { json: { ...all, causes, failed: failures }, markdown, failures: all.failures }
}

function spread(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0)
  return { medianMs: at(0.5), p99Ms: at(0.99), longestMs: at(1) }
}
