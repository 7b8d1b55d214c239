/** What the pages say is what the program does: compared in both directions, so that neither can be forgotten. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { renderMetrics } from '../../src/admin/metrics.ts'
import { CODES } from '../../src/base/codes.ts'
import { jsonSchema } from '../../src/config/schema.ts'
import { MIGRATION_TABLE } from '../../src/session/migration-table.ts'
import type { Sidecar } from '../../src/sidecar/sidecar-api.ts'
import { TotalsCounter } from '../../src/sidecar/totals.ts'
import { filesBelow, ROOT, readFile, tableRows } from '../support/repository.ts'

t.test('the generated parts of the pages are up to date', async t => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/docs.mjs', '--check'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  t.equal(status, 0, stderr)
})

t.test('docs/errors.md has every code with its number, and no other', async t => {
  const told = tableRows(readFile('docs/errors.md'), 'code').map(row => ({
    code: row['code'],
    wire: row['wire'] === undefined ? undefined : Number(row['wire']),
    says: row['what happened'],
    todo: row['what to do'],
  }))
  const known = Object.entries(CODES).map(([code, row]) => ({
    code,
    wire: 'wire' in row ? row.wire : undefined,
    says: row.says,
    todo: row.todo,
  }))
  t.same(told, known)
})

t.test('no two codes share a number', async t => {
  const numbers = Object.values(CODES).flatMap(row => ('wire' in row ? [row.wire] : []))
  t.equal(new Set(numbers).size, numbers.length)
})

t.test('docs/configuration.md has every key of the schema, and no other', async t => {
  const told = tableRows(readFile('docs/configuration.md'), 'key').map(row => row['key']!)
  t.same([...told].sort(), keysOf(jsonSchema(), '').sort())
})

t.test('the JSON Schema for editors is the one of the program', async t => {
  t.same(JSON.parse(readFile('build/config.schema.json')), JSON.parse(JSON.stringify(jsonSchema())))
})

t.test('docs/metrics.md has every metric that a scrape shows, and no other', async t => {
  const sidecar = {
    status: () => ({ version: '', uptimeSeconds: 0, peers: [] }),
    totals: () => new TotalsCounter().read(),
    kernelCounts: async () => new Map(),
  }
  const { text } = await renderMetrics(sidecar as unknown as Sidecar)
  const shown = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, metric, type]) => ({ metric, type }))
  const told = tableRows(readFile('docs/metrics.md'), 'metric').map(({ metric, type }) => ({ metric, type }))
  t.same(told, shown)
})

t.test('the state diagram of docs/protocol.md is the migration table', async t => {
  const diagram = /```mermaid\nstateDiagram-v2\n([\s\S]*?)```/.exec(readFile('docs/protocol.md'))![1]!
  const drawn = [...diagram.matchAll(/^ +(\w+) --> (\w+): (.+) \/ (.+)$/gm)].map(([, ...edge]) => edge)
  const listed = Object.entries(MIGRATION_TABLE).flatMap(([state, row]) =>
    Object.entries(row).map(([event, { to, action }]) => [state, to, event, action]),
  )
  t.same(drawn, listed)
})

t.test('every file and heading that a page points to is there', async t => {
  for (const page of pages()) {
    const text = readFile(page)
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path, anchor] = target!.split('#')
      const file = path === '' ? page : join(dirname(page), path!)
      t.ok(existsSync(join(ROOT, file)), `${page} points to ${target}`)
      if (anchor !== undefined) t.ok(anchorsOf(readFile(file)).includes(anchor), `${page} points to ${target}`)
    }
    for (const [, path] of text.matchAll(/`((?:src|test|scripts|docs|deploy|examples|proto|bench)\/[\w./-]+)`/g)) {
      t.ok(existsSync(join(ROOT, path!)), `${page} names ${path}`)
    }
  }
})

t.test('a test that a page quotes by its title is there', async t => {
  const tests = filesBelow('test')
    .filter(path => path.endsWith('.ts'))
    .map(readFile)
    .join('\n')
    .replaceAll("\\'", "'")
  for (const page of pages()) {
    for (const [, title] of readFile(page).matchAll(/“([^”\n]+)”/g)) t.ok(tests.includes(title!), `${page}: ${title}`)
  }
})

t.test('every decision is in their list', async t => {
  const list = readFile('docs/decisions/README.md')
  for (const path of filesBelow('docs/decisions').filter(path => /\/\d/.test(path))) {
    t.match(list, `(${path.split('/').at(-1)})`, path)
  }
})

function pages(): readonly string[] {
  const inDocs = filesBelow('docs').filter(path => path.endsWith('.md'))
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'deploy/README.md', ...inDocs]
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): readonly string[] {
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, text]) => text!)
  return headings.map(text =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

function keysOf(schema: Schema, prefix: string): string[] {
  const keys = Object.entries(schema.properties ?? {}).flatMap(([name, child]) => [
    `${prefix}${name}`,
    ...keysOf(child, `${prefix}${name}${child.type === 'array' ? '[]' : ''}.`),
  ])
  const inside = [schema.items, ...(schema.anyOf ?? [])].filter(one => one !== undefined)
  return [...keys, ...inside.flatMap(one => keysOf(one, prefix))]
}
