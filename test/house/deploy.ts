/** The files for containers: what can be known of them without a container. */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { filesBelow, ROOT, readFile } from '../support/repository.ts'

/** A document of a manifest, as far as it is looked at. */
type Document = Readonly<Record<string, unknown>>

t.test('every YAML file parses, without a warning', async t => {
  for (const path of [...filesBelow('deploy'), ...filesBelow('examples')].filter(path => /\.ya?ml$/.test(path))) {
    for (const document of parseAllDocuments(readFile(path))) {
      t.same([...('errors' in document ? [...document.errors, ...document.warnings] : [])], [], path)
    }
  }
})

t.test('the example configuration is complete and without fault', async t => {
  t.equal(loadConfig(join(ROOT, 'examples/holdfast.yaml')).peers[0]?.name, 'office')
})

t.test('the compose files put the application into the network of the sidecar', async t => {
  for (const file of ['deploy/compose.yaml', 'deploy/compose-transparent.yaml']) {
    const [compose] = documents(file)
    t.match(compose, {
      services: {
        sidecar: { build: '..' },
        application: { network_mode: 'service:sidecar', depends_on: { sidecar: { condition: 'service_healthy' } } },
      },
    })
  }
  const [transparent] = documents('deploy/compose-transparent.yaml')
  t.match(transparent, { services: { sidecar: { cap_drop: ['ALL'], cap_add: ['NET_ADMIN'] } } })
})

t.test(
  'the DaemonSet runs without root, on the network of the node, with a configuration that the sidecar takes',
  async t => {
    const found = documents('deploy/kubernetes.yaml')
    const daemons = found.find(one => one['kind'] === 'DaemonSet')
    t.match(daemons, {
      spec: { template: { spec: { hostNetwork: true, containers: [{ securityContext: { runAsNonRoot: true } }] } } },
    })
    const { data } = found.find(one => one['kind'] === 'ConfigMap') as { data?: Record<string, string> }
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-deploy-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const text = data!['holdfast.yaml']!
    const id = `hf1${'a'.repeat(52)}`
    const filled = text
      .replace(/: \[\]\n(?=# )/g, ':\n')
      .replace(/^# {2}/gm, '  ')
      .replace('hf1…', id)
    for (const [name, content] of [
      ['as-it-is.yaml', text],
      ['filled.yaml', filled],
    ] as const) {
      writeFileSync(join(folder, name), content)
      t.equal(loadConfig(join(folder, name)).peers.length, name === 'filled.yaml' ? 1 : 0)
    }
  },
)

t.test('the command line can be run by its name', { skip: process.platform === 'win32' && 'no modes' }, async t => {
  t.equal(statSync(join(ROOT, 'build/src/cli/main.js')).mode & 0o111, 0o111)
})

t.test('the Dockerfile starts a program that is there, and copies nothing that is left out', async t => {
  const file = readFile('Dockerfile')
  for (const program of file.match(/build\/src\/[\w/]+\.js/g)!) t.ok(existsSync(join(ROOT, program)), program)
  t.match(file, /^USER 1000:1000$/m)
  t.match(file, /^HEALTHCHECK .*"status"/m)
  const kept = readFile('.dockerignore')
    .split('\n')
    .filter(line => line.startsWith('!'))
    .map(line => line.slice(1))
  for (const path of kept) t.ok(existsSync(join(ROOT, path)), path)
  for (const path of ['package.json', 'package-lock.json', '.npmrc', 'scripts', 'src', 'tsconfig.json']) {
    t.ok(kept.includes(path), path)
  }
})

function documents(path: string): readonly Document[] {
  return parseAllDocuments(readFile(path)).map(document => ('toJS' in document ? (document.toJS() as Document) : {}))
}
