/** The repository's own files, for tests that compare them with each other. Paths are relative to its root. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Three folders above build/test/support/. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export function readFile(path: string): string {
  return readFileSync(`${ROOT}${path}`, 'utf8')
}

/** Paths of all files below a folder, sorted. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(`${ROOT}${folder}`, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => `${entry.parentPath}/${entry.name}`.slice(ROOT.length))
    .sort()
}

/** Hand-written TypeScript below a folder: path and text. */
export function sourcesBelow(folder: string): readonly (readonly [path: string, text: string])[] {
  const paths = filesBelow(folder).filter(path => path.endsWith('.ts') && !path.includes('.gen.'))
  return paths.map(path => [path, readFile(path)] as const)
}

/** The rows of every Markdown table of a page whose first heading is `heading`: cells by heading, marks of code taken off. */
export function tableRows(page: string, heading: string): readonly Record<string, string>[] {
  const rows: Record<string, string>[] = []
  let headings: readonly string[] | undefined
  for (const line of page.split('\n')) {
    if (!line.startsWith('|')) headings = undefined
    else if (headings === undefined) headings = cellsOf(line)
    else if (headings[0] === heading && !line.startsWith('| ---')) {
      rows.push(Object.fromEntries(cellsOf(line).map((cell, i) => [headings![i]!, cell])))
    }
  }
  return rows
}

function cellsOf(line: string): readonly string[] {
  const cells = line.slice(1, -1).split(/(?<!\\)\|/)
  return cells.map(cell =>
    cell
      .trim()
      .replaceAll('\\|', '|')
      .replace(/^`(.*)`$/, '$1'),
  )
}
