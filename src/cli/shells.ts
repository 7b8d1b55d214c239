/** The words of shells. */
export const SHELLS = ['posix', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** @param value without quotes and backslashes of one kind, the single; undefined takes the variable away */
export function assignment(name: string, value: string | undefined, shell: Shell): string {
  if (value === undefined) return shell === 'fish' ? `set -e ${name}` : `unset ${name}`
  return shell === 'fish' ? `set -gx ${name} '${value}'` : `export ${name}='${value}'`
}
