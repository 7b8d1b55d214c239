#!/usr/bin/env node
/**
 * The command line. Each command is one file, loaded when it is called. Exit codes: 0 done, 1 failed while running, 2 the
 * command line, a configuration or a file is at fault (one clear sentence says which).
 */
import { CommanderError } from 'commander'
import type { Code } from '../base/codes.ts'
import { OperatorError } from '../base/errors.ts'
import { buildProgram } from './program.ts'
import { watchStandardStreams } from './standard-streams.ts'

/** Faults of what a person wrote or set up, rather than of the moment. */
const USAGE_CODES: ReadonlySet<Code> = new Set([
  'CONFIG_INVALID',
  'CONFIG_MISSING',
  'FILE_EXISTS',
  'FILE_UNWRITABLE',
  'FILE_UNREADABLE',
  'IDENTITY_EXPOSED',
  'IDENTITY_INVALID',
  'PEER_UNKNOWN_HERE',
  'TICKET_INVALID',
  'TICKET_EXPIRED',
  'USAGE',
])

async function main(): Promise<number> {
  try {
    await buildProgram().parseAsync()
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (!(error instanceof OperatorError)) throw error
    // At the end of the first line, before its colon where a list follows.
    process.stderr.write(`holdfast: ${error.message.replace(/:?(?=\n|$)/, end => ` (${error.code})${end}`)}\n`)
    return USAGE_CODES.has(error.code) ? 2 : 1
  }
}

watchStandardStreams()
// Commands have closed what they opened; what a library still holds (a name lookup, say) must not keep the process.
const exitCode = await main()
// That something could not be written is told by 'error' of the stream, which comes after the callback.
process.stdout.write('', () => process.stderr.write('', () => setImmediate(() => process.exit(exitCode))))
