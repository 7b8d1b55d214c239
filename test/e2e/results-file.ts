/**
 * The results of `--repeat`, one JSON a line, so that a run that was cut can go on where it was; and the same as a table
 * for people. They belong to one state of the sources: another commit, or changes not committed, are another file.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from './scenarios/run-scenario.ts'
import type { Result } from './scenarios/scenario.ts'
import type { Way } from './scenarios/ways.ts'

export interface Row extends Result {
  /** From 1. */
  readonly repetition: number
  readonly commit: string
  /** ISO 8601. */
  readonly at: string
}

export class ResultsFile {
  readonly #path: string
  readonly #commit: string
  readonly rows: Row[]

  constructor(directory: string, commit: string) {
    mkdirSync(directory, { recursive: true })
    this.#commit = commit
    this.#path = join(directory, commit)
    this.rows = existsSync(this.jsonl) ? readFileSync(this.jsonl, 'utf8').split('\n').flatMap(parsed) : []
  }

  get jsonl(): string {
    return `${this.#path}.jsonl`
  }

  get table(): string {
    return `${this.#path}.md`
  }

  /** @returns what this run gave in this repetition; empty when it has yet to be made */
  resultsOf({ scenario, carrier, directions }: Run, repetition: number): readonly Row[] {
    const found = directions.map(direction =>
      this.rows.find(
        row =>
          row.repetition === repetition &&
          row.scenario === scenario.name &&
          row.carrier === carrier &&
          row.direction === direction,
      ),
    )
    const rows = found.filter(row => row !== undefined)
    return rows.length === directions.length ? rows : []
  }

  add(results: readonly Result[], repetition: number): void {
    const at = new Date().toISOString()
    const rows = results.map(result => ({ ...result, repetition, commit: this.#commit, at }))
    this.rows.push(...rows)
    appendFileSync(this.jsonl, rows.map(row => `${JSON.stringify(row)}\n`).join(''))
    writeFileSync(this.table, tableOf(this.rows, this.#commit))
  }
}

/** The commit the sources are at; with a mark of their own when they were changed since. */
export function stateOfSources(directory: string): string {
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', directory, ...args], { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 }).trim()
  try {
    const commit = git('rev-parse', '--short=12', 'HEAD')
    const changes = git('diff', 'HEAD') + git('ls-files', '--others', '--exclude-standard')
    return changes === '' ? commit : `${commit}-${createHash('sha256').update(changes).digest('hex').slice(0, 8)}`
  } catch {
    return 'unversioned'
  }
}

/** A line that was cut in the middle is as good as none. */
function parsed(line: string): readonly Row[] {
  try {
    return [JSON.parse(line) as Row]
  } catch {
    return []
  }
}

function tableOf(rows: readonly Row[], commit: string): string {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = `${row.scenario} | ${row.carrier} | ${row.direction}`
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  const lines = [...groups].map(([key, group]) => {
    const passed = group.filter(row => row.passed).length
    const blackouts = group.flatMap(row => row.blackoutMs ?? []).sort((a, b) => a - b)
    const median = blackouts[Math.floor((blackouts.length - 1) / 2)]
    const worst = blackouts.at(-1)
    const rounds = worst === undefined ? undefined : worst / (group.find(row => row.blackoutMs === worst)?.rttMs ?? 1)
    const bound = Math.min(...group.flatMap(row => row.blackoutMaxMs ?? []))
    const cells = [shown(median), shown(worst), shown(rounds, 1), Number.isFinite(bound) ? shown(bound) : '-']
    return `| ${key} | ${passed} of ${group.length} | ${cells.join(' | ')} |`
  })
  const faults = rows
    .filter(row => !row.passed)
    .map(row => {
      const cause = row.faults.map(fault => fault.split('\n', 4).join(' ')).join('; ')
      return `- ${row.scenario} ${row.carrier} ${row.direction}, repetition ${row.repetition}, ${row.at}: ${cause}`
    })
  return [
    `# End-to-end results at ${commit}`,
    '',
    'Blackouts in milliseconds; R is the measured round trip of the idle path.',
    '',
    '| scenario | carrier | direction | passed | median blackout | worst | worst in R | bound |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
    ...waysTable(rows),
    ...(faults.length === 0 ? ['No failures.'] : ['Failures:', '', ...faults]),
    '',
  ].join('\n')
}

/** Of scenarios that are played on several ways in at once; both directions and carriers together. */
function waysTable(rows: readonly Row[]): readonly string[] {
  const onWays = rows.filter(({ blackoutsMs }) => Object.keys(blackoutsMs).length > 1)
  if (onWays.length === 0) return []
  const ways = [...new Set(onWays.flatMap(({ blackoutsMs }) => Object.keys(blackoutsMs) as Way[]))]
  const lines = [...new Set(onWays.map(({ scenario }) => scenario))].map(scenario => {
    const cells = ways.map(way => {
      const all = onWays.filter(row => row.scenario === scenario).flatMap(({ blackoutsMs }) => blackoutsMs[way] ?? [])
      return all.length === 0 ? '-' : `${shown(Math.max(...all))} of ${all.length}`
    })
    return `| ${scenario} | ${cells.join(' | ')} |`
  })
  const head = ['The longest blackout on each way in, of so many:', '', `| scenario | ${ways.join(' | ')} |`]
  return [...head, `|---|${'---|'.repeat(ways.length)}`, ...lines, '']
}

function shown(value: number | undefined, digits = 0): string {
  return value === undefined ? '-' : value.toFixed(digits)
}
