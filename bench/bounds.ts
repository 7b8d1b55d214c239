/** What every benchmark needs around it: a directory and children of its own, gone at the end, also on Ctrl-C. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Children } from './children.ts'

export async function withChildren<T>(body: (children: Children, directory: string) => Promise<T>): Promise<T> {
  const children = new Children()
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  children.defer(() => rmSync(directory, { recursive: true, force: true }))
  const stop = () => void children.end().then(() => process.exit(130))
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    return await body(children, directory)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
    await children.end()
  }
}

export function wait(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
