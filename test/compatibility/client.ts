/** A client that knows nothing of Holdfast, and the two kinds of work that a move can fall into. */
import assert from 'node:assert/strict'
import { sha256Of } from '../e2e/programs/real/random-file.ts'
import type { RunningProgram } from '../e2e/programs/real/running-program.ts'
import type { Visit, Way } from './ground.ts'
import type { Service, Services } from './services.ts'

export interface Client {
  readonly name: string
  /** A command that says it, and the part of its words that is the version. */
  readonly version: readonly [command: readonly string[], pattern: RegExp]
  readonly needs: Service
  /** For the page: its work, and what is compared. */
  readonly does: string
  /** Ways that it cannot go by itself, and why. */
  readonly not?: Partial<Record<Way, string>>
  /** @throws Error with what went wrong */
  play(visit: Visit, services: Services): Promise<void>
}

/** The host moves in the middle of it. @returns what the program printed; its exit code was 0 */
export async function transfer(
  { ground, start }: Visit,
  command: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<string> {
  const underWay = await ground.transfer()
  const program = start(command, environment)
  await underWay(program)
  await ground.move()
  program.mustRun()
  return program.ends()
}

export interface Dialogue {
  /** What is typed, and what is answered. */
  readonly before: readonly [line: string, answer: RegExp]
  readonly after: readonly [line: string, answer: RegExp]
  /** How it is told to end; else its input ends. */
  readonly farewell?: string
  /** @default 0 */
  readonly code?: number
}

/**
 * The host moves between a question and the next one. The answers have the mark of their connection as their first group: it
 * must be the same before and after.
 */
export async function dialogue(visit: Visit, command: readonly string[], words: Dialogue): Promise<string> {
  const program = visit.start(command)
  const before = await ask(program, words.before)
  await visit.ground.move()
  const after = await ask(program, words.after)
  assert.equal(after[1], before[1], 'the mark of the connection')
  if (words.farewell !== undefined) program.write(`${words.farewell}\n`)
  program.endInput()
  return program.ends(words.code)
}

function ask(program: RunningProgram, [line, answer]: readonly [string, RegExp]): Promise<RegExpExecArray> {
  program.write(`${line}\n`)
  return program.said(answer)
}

export function mustSay(text: string, pattern: RegExp): void {
  if (!pattern.test(text)) throw new Error(`said ${JSON.stringify(text.slice(-400))}, not ${pattern}`)
}

/** @throws Error when the file is not the one that the servers have */
export async function mustBeTheFile(path: string, { fileSha256 }: Services): Promise<void> {
  assert.equal(await sha256Of(path), fileSha256, `checksum of ${path}`)
}
