/** The words of shells. */
export const SHELLS = ['posix', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** @param value undefined takes the variable away */
export function assignment(name: string, value: string | undefined, shell: Shell): string {
  if (value === undefined) return shell === 'fish' ? `set -e ${name}` : `unset ${name}`
  if (shell === 'fish') return `set -gx ${name} '${value.replace(/[\\']/g, '\\$&')}'`
  return `export ${name}='${value.replaceAll("'", "'\\''")}'`
}
