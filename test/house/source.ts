/** Rules of the house that no compiler knows. */
import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { readFile, sourcesBelow } from '../support/repository.ts'

/** What each folder of src/ may import from. A new one says here where it belongs. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wire: ['base'],
  session: ['base', 'wire'],
  secure: ['base', 'wire', 'platform'],
  carrier: ['base', 'wire', 'platform'],
  platform: ['base'],
  capture: ['base', 'platform'],
  egress: ['base', 'platform'],
  watch: ['base', 'platform'],
  firewall: ['base'],
  config: ['base', 'platform'],
  sidecar: [
    ...['base', 'wire', 'session', 'secure', 'carrier', 'capture', 'egress', 'watch', 'platform', 'config'],
    'firewall',
  ],
  admin: ['base', 'platform', 'sidecar'],
  cli: ['base', 'platform', 'secure', 'config', 'sidecar', 'admin', 'firewall'],
}
const PURE = ['base', 'wire', 'session']

/** The time, chance and the world; a pure folder gets them as arguments. */
const IMPURE =
  /\b(Date|performance|process|Buffer|fetch|require|crypto|globalThis|set(?:Timeout|Interval|Immediate)|queueMicrotask)\b|\bMath\.random\b/

/** What this host is: asked in one file of platform/, so that it can be switched off. Libc is called by platform/ alone. */
const SYSTEM = /\bprocess\.(?:platform|arch)\b|\bos\.(?:platform|arch|type)\(/

const LINES_MAX = 400
/** Longer, each one subject of many rules. A bound may only sink. */
const LONGER: Readonly<Record<string, number>> = {
  'test/conformance/carrier-listen.ts': 500,
  'test/unit/secure-channel.ts': 640,
  'test/unit/session-migration.ts': 550,
  'test/unit/session-sessions.ts': 560,
}

const sources = sourcesBelow('src')

t.test('every file of src/ is in a known layer and imports only what that may', async t => {
  for (const [path, text] of sources) {
    if (path === 'src/index.ts') continue
    const layer = path.split('/')[1]!
    t.ok(LAYERS[layer], `${path}: the layer ${layer} is not known`)
    for (const seen of layersOf(text)) {
      t.ok(seen === layer || LAYERS[layer]?.includes(seen), `${path} imports from ${seen}/`)
    }
  }
})

t.test('the TypeScript projects refer to no more than their layer may import', async t => {
  for (const [layer, allowed] of Object.entries(LAYERS)) {
    const project = JSON.parse(readFile(`src/${layer}/tsconfig.json`)) as Project
    const seen = project.references.map(({ path }) => path.replace('../', ''))
    t.same(
      seen.filter(name => !allowed.includes(name)),
      [],
      layer,
    )
    t.equal(project.compilerOptions.types.length === 0, PURE.includes(layer), `${layer}: types of Node`)
  }
})

t.test('pure folders have neither time nor chance, and import nothing from outside', async t => {
  for (const [path, text] of sources.filter(([path]) => PURE.includes(path.split('/')[1]!))) {
    const found = IMPURE.exec(codeOf(text))
    t.equal(found?.[0], undefined, path)
    for (const from of importsOf(text)) t.ok(from.startsWith('.'), `${path} imports ${from}`)
  }
})

t.test('one file asks what this host is, and one folder calls libc', async t => {
  for (const [path, text] of sources) {
    const asks = SYSTEM.test(text) || text.includes('HOLDFAST_PLATFORM')
    t.equal(asks, path === 'src/platform/system.ts', `${path} asks what this host is`)
    const calls = /\bloadLibc\b|'koffi'/.test(text)
    t.ok(!calls || path.startsWith('src/platform/'), `${path} calls libc`)
  }
})

t.test('a file is one noun', async t => {
  for (const [path, text] of [...sources, ...sourcesBelow('test'), ...sourcesBelow('bench')]) {
    const lines = text.split('\n').length - 1
    const most = LONGER[path] ?? LINES_MAX
    t.ok(lines <= most, `${path} has ${lines} lines, and ${most} are the most`)
    if (path in LONGER) t.ok(lines > LINES_MAX, `${path} is short enough now: take it out of the list`)
  }
})

t.test('every limit is kept somewhere', async t => {
  const code = sources.filter(([path]) => path !== 'src/base/limits.ts').map(([, text]) => codeOf(text))
  for (const name of Object.keys(LIMITS)) {
    t.ok(
      code.some(text => new RegExp(`\\b${name}\\b`).test(text)),
      `${name} is used nowhere`,
    )
  }
})

t.test('nothing is left for later, switched off or silenced', async t => {
  const marks = new RegExp(
    ['TO' + 'DO', 'FIX' + 'ME', 'biome-' + 'ignore', '@ts-' + 'ignore', '@ts-expect-' + 'error'].join('|'),
  )
  const only = /\b(?:only|todo): true|\.only\(/
  for (const [path, text] of [...sources, ...sourcesBelow('test'), ...sourcesBelow('bench')]) {
    t.equal(marks.exec(text)?.[0], undefined, path)
    t.equal(only.exec(text)?.[0], undefined, path)
  }
})

interface Project {
  readonly references: readonly { readonly path: string }[]
  readonly compilerOptions: { readonly types: readonly string[] }
}

function importsOf(text: string): readonly string[] {
  const found = text.matchAll(/^(?:import|export)\b[^'"]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm)
  return [...found].map(groups => groups.slice(1).find(name => name !== undefined)!)
}

/** Folders of src/ that a file imports from. */
function layersOf(text: string): readonly string[] {
  return importsOf(text).flatMap(from => /^(?:\.\.\/)+(\w+)\//.exec(from)?.[1] ?? [])
}

/** Without comments and without what stands in quotes. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replace(/'(?:\\.|[^'\\\n])*'/g, "''")
}
