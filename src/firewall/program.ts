/** `nft` and `ip`: run, and what went wrong as a clause for the operator. */
import { spawnSync } from 'node:child_process'
import { LIMITS } from '../base/limits.ts'

const PROVIDERS = { nft: 'nftables', ip: 'iproute2' } as const

export type Program = keyof typeof PROVIDERS

/** The message is a clause: why the program failed, and what to do. */
export class ProgramError extends Error {}

/** @returns its standard output @throws ProgramError */
export function runProgram(program: Program, args: readonly string[], input = ''): string {
  const options = { input, env: environment(), encoding: 'utf8', timeout: LIMITS.firewallMs } as const
  const { error, status, signal, stdout, stderr } = spawnSync(program, args, options)
  // It may end before it has read all: then how it ended counts.
  const isCut = error !== undefined && 'code' in error && error.code === 'EPIPE'
  if ((error === undefined || isCut) && status === 0) return stdout
  const why = error === undefined || isCut ? endedBy(signal) : error
  throw new ProgramError(reason(program, why, stderr ?? ''))
}

function endedBy(signal: string | null): Error | undefined {
  return signal === null ? undefined : new Error(`it was ended by ${signal}`)
}

/** Translated messages would not be understood below. */
export function environment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
}

/** @param error why it did not run to its end */
export function reason(program: Program, error: Error | undefined, stderr: string): string {
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') {
    return `there is no program \`${program}\`; install ${PROVIDERS[program]}`
  }
  if (error !== undefined) return `\`${program}\` did not end: ${error.message}`
  if (/not permitted|permission denied/i.test(stderr)) {
    return 'this user may not change rules; run as root, or grant CAP_NET_ADMIN'
  }
  return `\`${program}\` said "${stderr.trim().split('\n')[0]}"`
}
