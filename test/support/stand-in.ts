import { chmodSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { temporaryDirectory } from './cli.ts'

/** Why no such program can be made here, or false. */
export const withoutShell = process.platform === 'win32' && 'no shell scripts'

/** A program of the shell that is found under this name. @returns its directory, in which it runs */
export function standIn(t: Parameters<typeof temporaryDirectory>[0], name: string, script: string): string {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, name), `#!/bin/sh\ncd "${directory}"\n${script}\n`)
  chmodSync(join(directory, name), 0o755)
  const { PATH = '' } = process.env
  process.env['PATH'] = `${directory}${delimiter}${PATH}`
  t.teardown(() => {
    process.env['PATH'] = PATH
  })
  return directory
}
