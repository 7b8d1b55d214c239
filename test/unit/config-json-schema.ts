import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { jsonSchema } from '../../src/config/schema.ts'

type Node = Record<string, unknown>

const ROOT = new URL('../../../', import.meta.url)
const built = JSON.parse(readFileSync(new URL('build/config.schema.json', ROOT), 'utf8'))

t.test('the schema for editors is the one of this source', async t => {
  t.same(built, jsonSchema())
  t.match(built, { title: 'Holdfast configuration', $schema: 'https://json-schema.org/draft/2020-12/schema' })
})

t.test('every key has a description', async t => {
  const missing: string[] = []
  const walk = (node: Node, at: string) => {
    for (const [key, child] of Object.entries((node['properties'] ?? {}) as Record<string, Node>)) {
      if (typeof child['description'] !== 'string') missing.push(`${at}.${key}`)
      walk(child, `${at}.${key}`)
    }
    const parts = [node['items'], ...((node['anyOf'] ?? []) as unknown[])].filter(part => part !== undefined)
    for (const part of parts) walk(part as Node, at)
  }
  walk(built, '')
  t.same(missing, [])
})

t.test('it takes the example and refuses wrong keys and types', async t => {
  const schema = z.fromJSONSchema(built)
  const example = parse(readFileSync(new URL('examples/holdfast.yaml', ROOT), 'utf8'))
  t.ok(schema.safeParse(example).success)
  t.same(Object.keys(example).sort(), Object.keys(built.properties).sort(), 'the example has every key')
  t.notOk(schema.safeParse({ ...example, lisen: [] }).success)
  t.notOk(schema.safeParse({ ...example, hold: true }).success)
  t.notOk(schema.safeParse({ ...example, peers: [{ name: 'office' }] }).success)
})
