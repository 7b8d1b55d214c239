/** What zod found wrong, as faults that a person can mend. */
import type { z } from 'zod'
import { configSchema } from './schema.ts'
import { didYouMean, quoted } from './words.ts'

export type Path = readonly PropertyKey[]

/** Tells of one fault at a path. */
export type Report = (path: Path, message: string) => void

/** @param value the whole document, of which `issue.path` is a part */
export function reportIssue(issue: z.core.$ZodIssue, value: unknown, report: Report): void {
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      report([...issue.path, key], `the key "${key}" is unknown${didYouMean(key, knownKeys(issue.path))}`)
    }
  } else if (issue.code === 'invalid_union') {
    // The alternative that has the right shape, if one has: its faults are what was meant.
    const meant = issue.errors.find(list => !list.some(one => one.code === 'invalid_type' && one.path.length === 0))
    if (meant === undefined) report(issue.path, `${issue.message}${notThis(valueAt(value, issue.path), issue.path)}`)
    else for (const one of meant) reportIssue({ ...one, path: [...issue.path, ...one.path] }, value, report)
  } else if (issue.code === 'invalid_type') {
    const found = valueAt(value, issue.path)
    const kind = KINDS[issue.expected]
    if (found === undefined) report(issue.path, 'is missing')
    else if (found === null) report(issue.path, `has no value; write ${kind}, or leave the key out`)
    else report(issue.path, `must be ${kind}${notThis(found, issue.path)}`)
  } else {
    report(issue.path, issue.message)
  }
}

/** Logs keep what a fault says: a password that YAML takes for a number is no text for them. */
function notThis(found: unknown, path: Path): string {
  return path.includes('auth') ? '' : `, not ${quoted(found)}`
}

/** The schema's types, as people call them. */
const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  array: 'a list',
  object: 'a mapping',
  boolean: 'true or false',
}

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((found, step) => (found as Record<PropertyKey, unknown> | undefined)?.[step], value)
}

/** `peers[0].endpoints[1]` */
export function pathText(path: Path): string {
  const steps = path.map(step => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
  return steps.join('').replace(/^\./, '') || '(file)'
}

function knownKeys(path: Path): readonly string[] {
  let shape: Node = configSchema as unknown as Node
  for (const step of [...path, undefined]) {
    while (shape.def.innerType !== undefined) shape = shape.def.innerType
    // Of alternatives, only one is a mapping.
    shape = shape.def.options?.find(one => one.def.type === 'object') ?? shape
    if (step !== undefined) shape = shape.def.element ?? shape.def.shape![String(step)]!
  }
  return Object.keys(shape.def.shape!)
}

/** The parts of a zod schema that lead to the keys of a mapping. */
interface Node {
  readonly def: {
    readonly type: string
    readonly innerType?: Node
    readonly element?: Node
    readonly options?: readonly Node[]
    readonly shape?: Readonly<Record<string, Node>>
  }
}
