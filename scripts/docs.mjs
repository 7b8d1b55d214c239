// npm run docs: rewrites the generated parts of docs/*.md, which stand between these two comments:
//     <!-- generated: NAME -->
//     <!-- /generated -->
// `--check` writes nothing and exits 1 when a part is out of date. Needs a build.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { renderMetrics } from '../build/src/admin/metrics.js'
import { CODES } from '../build/src/base/codes.js'
import { LIMITS } from '../build/src/base/limits.js'
import { jsonSchema } from '../build/src/config/schema.js'
import { MIGRATION_STATES, MIGRATION_TABLE } from '../build/src/session/migration-table.js'
import { BLACKOUT_BOUNDS_MS } from '../build/src/sidecar/totals.js'

const PARTS = {
  'codes of sessions': () => codes(wire => wire !== undefined && wire < 0x100),
  'codes of carriers': () => codes(wire => wire >= 0x100),
  'codes of this host': () => codes(wire => wire === undefined),
  'configuration keys': configuration,
  limits,
  metrics,
  'migration diagram': migrationDiagram,
  'migration table': migrationTable,
  layers,
}

const isCheck = process.argv.includes('--check')
const used = new Set()
const stale = []
for (const file of ['README.md', ...readdirSync('docs').map(name => `docs/${name}`)].filter(name =>
  name.endsWith('.md'),
)) {
  const before = readFileSync(file, 'utf8')
  const after = await rewrite(before, file)
  if (after === before) continue
  stale.push(file)
  if (!isCheck) writeFileSync(file, after)
}
for (const name of Object.keys(PARTS)) if (!used.has(name)) throw new Error(`no page has the part "${name}"`)
if (isCheck && stale.length > 0) {
  console.error(`out of date: ${stale.join(', ')}; run \`npm run docs\``)
  process.exitCode = 1
} else if (stale.length > 0) console.log(`rewritten: ${stale.join(', ')}`)

async function rewrite(text, file) {
  const pieces = text.split(/(<!-- generated: [^>]+ -->\n[\s\S]*?<!-- \/generated -->)/)
  for (const [i, piece] of pieces.entries()) {
    const name = /^<!-- generated: ([^>]+) -->/.exec(piece)?.[1]
    if (name === undefined) continue
    if (PARTS[name] === undefined) throw new Error(`${file}: nobody generates "${name}"`)
    used.add(name)
    pieces[i] = `<!-- generated: ${name} -->\n\n${(await PARTS[name]()).trim()}\n\n<!-- /generated -->`
  }
  return pieces.join('')
}

/** A Markdown table; a bar in a cell would end it. */
function table(headings, rows) {
  const line = cells => `| ${cells.map(cell => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n')
}

function codes(belongs) {
  const rows = Object.entries(CODES).filter(([, { wire }]) => belongs(wire))
  const hasWire = rows[0][1].wire !== undefined
  return table(
    ['code', ...(hasWire ? ['wire'] : []), 'what happened', 'what to do'],
    rows.map(([code, { wire, says, todo }]) => [
      `\`${code}\``,
      ...(hasWire ? [`0x${wire.toString(16).padStart(2, '0')}`] : []),
      says,
      todo,
    ]),
  )
}

function configuration() {
  return table(['key', 'type', 'default', 'meaning'], keysOf(jsonSchema(), ''))
}

function keysOf(schema, prefix) {
  const rows = []
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const path = `${prefix}${name}`
    const need = schema.required?.includes(name) ? 'required' : 'none'
    const preset = property.default === undefined ? need : `\`${JSON.stringify(property.default)}\``
    rows.push([`\`${path}\``, typeOf(property), preset, property.description])
    const alternatives = property.items?.anyOf ?? [property.items ?? property]
    const mapping = alternatives.find(one => one.type === 'object')
    if (mapping !== undefined) rows.push(...keysOf(mapping, `${path}${property.type === 'array' ? '[]' : ''}.`))
  }
  return rows
}

function typeOf({ type, anyOf, items }) {
  if (anyOf !== undefined) return anyOf.map(typeOf).join(' or ')
  if (type === 'array') return `list of ${typeOf(items)}`
  return [type]
    .flat()
    .map(name => ({ object: 'mapping', string: 'text' })[name] ?? name)
    .join(' or ')
}

/** Groups, comments and keys as limits.ts has them; the values are those of the program. */
function limits() {
  const parts = []
  let rows = []
  let comment = ''
  const finish = () => rows.length > 0 && parts.push(table(['limit', 'value', 'reason, and what happens there'], rows))
  for (const line of readFileSync('src/base/limits.ts', 'utf8').split('\n')) {
    const group = /^ {2}\/\/ ---- (.+)$/.exec(line)?.[1]
    const says = /^ {2}\/\*\* (.+?)(?: \*\/)?$/.exec(line)?.[1]
    const key = /^ {2}(\w+):/.exec(line)?.[1]
    if (group !== undefined) {
      finish()
      parts.push(`### ${group}`)
      rows = []
    }
    if (says !== undefined) comment = says
    if (key !== undefined) rows.push([`\`${key}\``, amount(key, LIMITS[key]), comment])
  }
  finish()
  return parts.join('\n\n')
}

function amount(name, value) {
  if (/Bytes/.test(name))
    return scaled(value, [
      ['TiB', 2 ** 40],
      ['MiB', 2 ** 20],
      ['KiB', 2 ** 10],
      ['B', 1],
    ])
  if (/Ms$/.test(name))
    return scaled(value, [
      ['d', 86_400_000],
      ['h', 3_600_000],
      ['s', 1_000],
      ['ms', 1],
    ])
  return String(value)
}

function scaled(value, units) {
  const [unit, size] = units.find(([, size]) => value >= size && value % size === 0)
  return `${value / size} ${unit}`
}

/** As a scrape shows them, of a sidecar in which everything has happened once. */
async function metrics() {
  const { text } = await renderMetrics(busySidecar())
  const families = new Map()
  for (const line of text.split('\n')) {
    const [, word, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (word === 'HELP') families.set(name, { help: rest, labels: new Set() })
    if (word === 'TYPE') families.get(name).type = rest
    const [, sample, labels = ''] = /^([a-z_]+)(?:\{(.*)\})? /.exec(line) ?? []
    const family = families.get(sample) ?? families.get(sample?.replace(/_(bucket|sum|count)$/, ''))
    for (const [, label] of labels.matchAll(/(\w+)="/g)) if (label !== 'le') family.labels.add(`\`${label}\``)
  }
  const rows = [...families].map(([name, { type, help, labels }]) => [
    `\`${name}\``,
    type,
    [...labels].join(', '),
    help,
  ])
  return table(['metric', 'type', 'labels', 'meaning'], rows)
}

function busySidecar() {
  const session = { side: 'near', outboxBytes: 1 }
  const path = { scheme: 'tcp', role: 'active', rttMs: 1 }
  const peer = { name: 'office', state: 'stable', epoch: 1, paths: [path], sessions: [session] }
  const blackout = { count: 1, sumMs: 1, atMost: BLACKOUT_BOUNDS_MS.map(() => 1) }
  const migrations = [{ reason: 'gone', migrator: 'local', count: 1, replayedBytes: 1, blackout }]
  const counts = { sessionsOpened: { near: 1, far: 1 }, sentBytes: 1, receivedBytes: 1 }
  return {
    status: () => ({ version: '0', uptimeSeconds: 1, peers: [peer] }),
    totals: () => ({
      ...counts,
      capturedConnections: [{ mode: 'redirect', family: 'ipv4', count: 1 }],
      suspensions: 1,
      directConnections: { no_route: 1, no_sidecar: 1 },
      resets: new Map([['REFUSED', 1]]),
      proxyRefusals: new Map([['malformed', 1]]),
      migrations,
    }),
    kernelCounts: async () => new Map(['own', 'dropped_in'].map(name => [name, 1])),
  }
}

function migrationDiagram() {
  const lines = ['```mermaid', 'stateDiagram-v2', '  [*] --> suspended']
  for (const state of MIGRATION_STATES) {
    for (const [event, { to, action }] of Object.entries(MIGRATION_TABLE[state])) {
      lines.push(`  ${state} --> ${to}: ${event} / ${action}`)
    }
  }
  return [...lines, '  expired --> [*]', '```'].join('\n')
}

function migrationTable() {
  const events = [...new Set(MIGRATION_STATES.flatMap(state => Object.keys(MIGRATION_TABLE[state])))]
  const cell = (state, event) => {
    const row = MIGRATION_TABLE[state][event]
    return row === undefined ? '-' : `${row.action} → ${row.to}`
  }
  return table(
    ['event', ...MIGRATION_STATES],
    events.map(event => [event, ...MIGRATION_STATES.map(state => cell(state, event))]),
  )
}

/** What each folder of src/ may import, as its TypeScript project says. */
function layers() {
  const rows = []
  for (const { name } of readdirSync('src', { withFileTypes: true }).filter(one => one.isDirectory())) {
    const { references, compilerOptions } = JSON.parse(readFileSync(`src/${name}/tsconfig.json`, 'utf8'))
    const sees = references.map(({ path }) => path.replace('../', ''))
    rows.push([name, sees.join(', ') || 'nothing', compilerOptions.types.length === 0 ? 'yes' : ''])
  }
  rows.sort((a, b) => a[1].split(', ').length - b[1].split(', ').length || (a[0] < b[0] ? -1 : 1))
  return table(
    ['folder', 'imports', 'pure'],
    rows.map(([name, ...rest]) => [`\`${name}/\``, ...rest]),
  )
}
