/** The command line of `npm run e2e`. */
import { parseArgs } from 'node:util'
import type { CarrierKind, Scenario } from './scenarios/scenario.ts'

export const USAGE = `usage: npm run e2e -- [--only NAME[,NAME]] [--carrier tcp|ws] [--repeat N] [--self-test]

  --only NAME     scenarios to run: a whole name (6-blackhole) or its number (6)
  --carrier KIND  one carrier only; else tcp and ws
  --repeat N      N times, into e2e-results/COMMIT.jsonl and .md; the same command again continues where it was cut
  --self-test     proves the lab itself, without Holdfast`

export interface Options {
  readonly scenarios: readonly Scenario[]
  readonly carriers: readonly CarrierKind[]
  /** Undefined: once, and nothing is written. */
  readonly repeat: number | undefined
  readonly isSelfTest: boolean
}

/** @throws Error with one sentence that says what is wrong */
export function readOptions(args: readonly string[], scenarios: readonly Scenario[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      carrier: { type: 'string' },
      repeat: { type: 'string' },
      'self-test': { type: 'boolean', default: false },
    },
  })
  return {
    scenarios: values.only === undefined ? scenarios : chosen(values.only.split(','), scenarios),
    carriers: carriersOf(values.carrier),
    repeat: values.repeat === undefined ? undefined : countOf(values.repeat),
    isSelfTest: values['self-test'],
  }
}

/** In the order of the table. */
function chosen(names: readonly string[], scenarios: readonly Scenario[]): readonly Scenario[] {
  const isNamed = (scenario: Scenario, name: string) =>
    scenario.name === name ||
    scenario.name.startsWith(`${name}-`) ||
    (/^\d+$/.test(name) && new RegExp(`^${name}[a-z]-`).test(scenario.name))
  for (const name of names) {
    if (scenarios.some(scenario => isNamed(scenario, name))) continue
    throw new Error(`There is no scenario ${name}; there are ${scenarios.map(scenario => scenario.name).join(', ')}.`)
  }
  return scenarios.filter(scenario => names.some(name => isNamed(scenario, name)))
}

function carriersOf(carrier: string | undefined): readonly CarrierKind[] {
  if (carrier === undefined) return ['tcp', 'ws']
  if (carrier === 'tcp' || carrier === 'ws') return [carrier]
  throw new Error(`There is no carrier ${carrier}; there are tcp and ws.`)
}

function countOf(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new Error(`--repeat needs a number above 0, not ${text}.`)
}
