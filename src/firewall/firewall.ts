/**
 * Applies, removes and shows the rules of a capture, through `nft` and `ip`. It waits for them: a few milliseconds when a
 * sidecar starts and ends, and the only way that works while a process exits.
 *
 * The routing comes first and the table of nftables last, for it is what takes effect: until then, whatever is there goes on.
 */
import { existsSync } from 'node:fs'
import { OperatorError } from '../base/errors.ts'
import type { CapturePlan, Family } from './capture-plan.ts'
import { type Program, runProgram } from './program.ts'
import { oursOf, ROUTING_PROTOCOL, routing, routingRemoval, type ShownRouting } from './routing.ts'
import { REMOVAL, ruleset, TABLE } from './ruleset.ts'
import { SUSPENSION_REMOVAL, SUSPENSION_TABLE } from './suspension.ts'

const FAMILIES: readonly Family[] = [4, 6]

/**
 * Replaces what an earlier process has left.
 * @throws OperatorError CAPTURE_UNAVAILABLE in one sentence; what was there is as it was, or nothing of ours is left
 */
export function applyFirewall(plan: CapturePlan): void {
  // Nothing has been touched when this fails.
  nft(['-c', '-f', '-'], ruleset(plan))
  try {
    for (const family of FAMILIES) removeRouting(family)
    for (const { family, lines } of routing(plan)) {
      if (lines.length > 0) ip(family, ['-batch', '-'], `${lines.join('\n')}\n`)
    }
    nft(['-f', '-'], ruleset(plan))
  } catch (error) {
    tryToRemove()
    throw error
  }
}

/** Harmless when there is nothing. @throws OperatorError CAPTURE_UNAVAILABLE */
export function removeFirewall(): void {
  nft(['-f', '-'], REMOVAL)
  for (const family of FAMILIES) removeRouting(family)
}

/** The same, and what drops packets of lost carriers. @throws OperatorError CAPTURE_UNAVAILABLE */
export function removeAll(): void {
  nft(['-f', '-'], SUSPENSION_REMOVAL)
  removeFirewall()
}

/** All of ours as the kernel has it, with its counts; '' when there is nothing. @throws OperatorError CAPTURE_UNAVAILABLE */
export function showFirewall(): string {
  const there = nft(['list', 'tables']).split('\n')
  const tables = [TABLE, SUSPENSION_TABLE].filter(table => there.includes(`table ${table}`))
  const shown = tables.map(table => nft(['list', 'table', ...table.split(' ')]))
  const ours = FAMILIES.flatMap(family => {
    const { rules, routes } = oursOf(shownRouting(family))
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
  const lines = routing(plan).flatMap(({ family, lines }) => lines.map(line => `# ip -${family} ${line}\n`))
  return `${ruleset(plan)}${lines.join('')}`
}

function tryToRemove(): void {
  try {
    removeFirewall()
  } catch {
    // The first error says why.
  }
}

function removeRouting(family: Family): void {
  const lines = routingRemoval(shownRouting(family))
  if (lines.length > 0) ip(family, ['-batch', '-'], `${lines.join('\n')}\n`)
}

function shownRouting(family: Family): ShownRouting {
  // A kernel without IPv6 would not understand the question.
  if (family === 6 && !existsSync('/proc/net/if_inet6')) return { rules: '', routes: '' }
  const routes = ip(family, ['-N', 'route', 'show', 'table', 'all', 'protocol', `${ROUTING_PROTOCOL}`])
  return { rules: ip(family, ['-N', 'rule', 'show']), routes }
}

function nft(args: readonly string[], input = ''): string {
  return run('nft', args, input)
}

function ip(family: Family, args: readonly string[], input = ''): string {
  return run('ip', [`-${family}`, ...args], input)
}

function run(program: Program, args: readonly string[], input: string): string {
  try {
    return runProgram(program, args, input)
  } catch (error) {
    throw new OperatorError('CAPTURE_UNAVAILABLE', `connections cannot be captured: ${(error as Error).message}`)
  }
}
