/**
 * Applies, removes and shows our rules, through `nft` and `ip`: those of a capture, and those that bring back what is for
 * clients' addresses. It waits for them: a few milliseconds when a sidecar starts and ends, and the only way that works while a
 * process exits.
 *
 * The routing comes first and the table of nftables last, for it is what takes effect: until then, whatever is there goes on.
 */
import { existsSync } from 'node:fs'
import { OperatorError } from '../base/errors.ts'
import type { Network } from '../base/network.ts'
import type { CapturePlan, Family } from './capture-plan.ts'
import {
  CLIENTS_REMOVAL,
  CLIENTS_ROUTING_TABLE,
  CLIENTS_TABLE,
  clientsRouting,
  clientsTable,
} from './client-addresses.ts'
import { type Program, runProgram } from './program.ts'
import {
  CAPTURE_TABLES,
  type FamilyLines,
  oursOf,
  ROUTING_PROTOCOL,
  routing,
  routingRemoval,
  type ShownRouting,
} from './routing.ts'
import { REMOVAL, ruleset, TABLE } from './ruleset.ts'
import { SUSPENSION_REMOVAL, SUSPENSION_TABLE } from './suspension.ts'

const FAMILIES: readonly Family[] = [4, 6]

/** A table of nftables with the tables of routing beside it. */
interface Part {
  readonly removal: string
  /** Of routing: a regular expression of their numbers. */
  readonly routingTables: string
  /** Runs a program. @throws OperatorError */
  readonly run: Run
}

type Run = (program: Program, args: readonly string[], input?: string) => string

const CAPTURE: Part = {
  removal: REMOVAL,
  routingTables: CAPTURE_TABLES,
  run: runFor('CAPTURE_UNAVAILABLE', 'connections cannot be captured'),
}
const CLIENTS: Part = {
  removal: CLIENTS_REMOVAL,
  routingTables: `${CLIENTS_ROUTING_TABLE}`,
  run: runFor('SOURCE_UNAVAILABLE', 'addresses of clients cannot be kept'),
}

/**
 * Replaces what an earlier process has left.
 * @throws OperatorError CAPTURE_UNAVAILABLE in one sentence; what was there is as it was, or nothing of ours is left
 */
export function applyFirewall(plan: CapturePlan): void {
  apply(CAPTURE, ruleset(plan), routing(plan))
}

/** Harmless when there is nothing. @throws OperatorError CAPTURE_UNAVAILABLE */
export function removeFirewall(): void {
  remove(CAPTURE)
}

/** The same for what is answered to clients in these networks. @throws OperatorError SOURCE_UNAVAILABLE */
export function applyClients(networks: readonly Network[]): void {
  apply(CLIENTS, clientsTable(networks), clientsRouting(networks))
}

/** Harmless when there is nothing. @throws OperatorError SOURCE_UNAVAILABLE */
export function removeClients(): void {
  remove(CLIENTS)
}

/** All of ours, also what drops packets of lost carriers. @throws OperatorError */
export function removeAll(): void {
  CAPTURE.run('nft', ['-f', '-'], SUSPENSION_REMOVAL)
  removeFirewall()
  removeClients()
}

/** All of ours as the kernel has it, with its counts; '' when there is nothing. @throws OperatorError CAPTURE_UNAVAILABLE */
export function showFirewall(): string {
  const { run } = CAPTURE
  const there = run('nft', ['list', 'tables']).split('\n')
  const tables = [TABLE, CLIENTS_TABLE, SUSPENSION_TABLE].filter(table => there.includes(`table ${table}`))
  const shown = tables.map(table => run('nft', ['list', 'table', ...table.split(' ')]))
  const ours = FAMILIES.flatMap(family => {
    const { rules, routes } = oursOf(shownRouting(run, family), `(?:${CAPTURE_TABLES}|${CLIENTS_ROUTING_TABLE})`)
    const lines = [...rules.map(rule => `rule: ${rule}`), ...routes.map(route => `route: ${route.trim()}`)]
    return lines.map(line => `# ip -${family} ${line}\n`)
  })
  return [...shown, ...ours].join('')
}

/** The port that the rules there are lead to; undefined when there are none. @throws OperatorError CAPTURE_UNAVAILABLE */
export function appliedPort(): number | undefined {
  const port = /(?:redirect to |tproxy ip6? to \S*):(\d+)/.exec(showFirewall())?.[1]
  return port === undefined ? undefined : Number(port)
}

/** What would be applied, for people to read. */
export function describeFirewall(plan: CapturePlan): string {
  return describe(ruleset(plan), routing(plan))
}

export function describeClients(networks: readonly Network[]): string {
  return describe(clientsTable(networks), clientsRouting(networks))
}

function describe(script: string, routes: readonly FamilyLines[]): string {
  return script + routes.flatMap(({ family, lines }) => lines.map(line => `# ip -${family} ${line}\n`)).join('')
}

function apply(part: Part, script: string, routes: readonly FamilyLines[]): void {
  const { run } = part
  // Nothing has been touched when this fails.
  run('nft', ['-c', '-f', '-'], script)
  try {
    for (const family of FAMILIES) removeRouting(part, family)
    for (const { family, lines } of routes) {
      if (lines.length > 0) run('ip', [`-${family}`, '-batch', '-'], `${lines.join('\n')}\n`)
    }
    run('nft', ['-f', '-'], script)
  } catch (error) {
    tryToRemove(part)
    throw error
  }
}

function remove(part: Part): void {
  part.run('nft', ['-f', '-'], part.removal)
  for (const family of FAMILIES) removeRouting(part, family)
}

function tryToRemove(part: Part): void {
  try {
    remove(part)
  } catch {
    // The first error says why.
  }
}

function removeRouting({ run, routingTables }: Part, family: Family): void {
  const lines = routingRemoval(shownRouting(run, family), routingTables)
  if (lines.length > 0) run('ip', [`-${family}`, '-batch', '-'], `${lines.join('\n')}\n`)
}

function shownRouting(run: Run, family: Family): ShownRouting {
  // A kernel without IPv6 would not understand the question.
  if (family === 6 && !existsSync('/proc/net/if_inet6')) return { rules: '', routes: '' }
  const ip = (...words: readonly string[]) => run('ip', [`-${family}`, '-N', ...words])
  const routes = ip('route', 'show', 'table', 'all', 'protocol', `${ROUTING_PROTOCOL}`)
  return { rules: ip('rule', 'show'), routes }
}

function runFor(code: 'CAPTURE_UNAVAILABLE' | 'SOURCE_UNAVAILABLE', what: string): Run {
  return (program, args, input = '') => {
    try {
      return runProgram(program, args, input)
    } catch (error) {
      throw new OperatorError(code, `${what}: ${(error as Error).message}`)
    }
  }
}
