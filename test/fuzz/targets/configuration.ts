/**
 * A configuration file.
 *
 * - It is a checked configuration, or refused with CONFIG_INVALID and a list of faults, each with a path, a line of the file
 *   and a message. Never another error.
 * - What was read keeps the bounds on its lists.
 */
import { strict as assert } from 'node:assert'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../../../src/base/errors.ts'
import { LIMITS } from '../../../src/base/limits.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { readFile } from '../../support/repository.ts'
import type { Target } from '../target.ts'

export const configuration: Target = {
  name: 'configuration',
  inputBytesMax: 4_096,
  msBase: 400,
  msPerKib: 200,
  batch: 32,
  prepare: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-fuzz-'))
    const file = join(folder, 'holdfast.yaml')
    const close = async () => rmSync(folder, { recursive: true })
    return { seeds: seeds(), run: input => run(file, input), close }
  },
}

function seeds(): Uint8Array[] {
  const id = `hf1${'a'.repeat(52)}`
  const texts = [
    readFile('examples/holdfast.yaml'),
    '',
    'listen: [tcp://0.0.0.0:7000]\nhold: 2h\n',
    `peers:\n  - name: home\n    id: ${id}\n    endpoints: [tcp://192.0.2.1:7000, wss://h.example/x]\n    allow: ['*:22']\n`,
    'forward:\n  - {listen: 127.0.0.1:8022, peer: home, to: localhost:22}\nadmin: {socket: a.sock}\nca: ca.pem\n',
    'a: &x [1, *x]\nb: !!binary aGk=\n<<: *x\n? {c: d}\n: |\n  text\n',
  ]
  return texts.map(text => new Uint8Array(Buffer.from(text)))
}

function run(file: string, input: Uint8Array): void {
  writeFileSync(file, input)
  try {
    const { listen, peers, forward } = loadConfig(file)
    assert(listen.length <= LIMITS.configListenMax)
    assert(peers.length <= LIMITS.configPeersMax && forward.length <= LIMITS.configForwardsMax)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const lines = Buffer.from(input)
      .toString()
      .split(/\r\n|\r|\n/).length
    assert(error.faults.length > 0)
    for (const { path, line, message } of error.faults) {
      assert(path !== '' && message !== '', 'a fault without a path or a message')
      assert(line !== undefined && line >= 1 && line <= lines, `line ${line} of ${lines}`)
    }
  }
}
