/**
 * `npm run compatibility`: real clients on every way in, each with a move of its host in the middle, and their own results
 * compared. Needs root, and the programs of the table. Exit code 0: all passed; 1: not; 2: it cannot run here.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from '../e2e/lab/shell.ts'
import { type RunningProgram, stopAll } from '../e2e/programs/real/running-program.ts'
import { namespacesUnavailable } from '../support/capture-stage.ts'
import { ROOT } from '../support/repository.ts'
import type { Client } from './client.ts'
import { BOUNDED, CLIENTS } from './clients.ts'
import { Ground, visit, WAYS, type Way } from './ground.ts'
import { pageOf, type Row } from './page.ts'
import { Services } from './services.ts'

const USAGE = `usage: npm run compatibility -- [--only NAME[,NAME]] [--bounded] [--write]

  --only NAME  clients whose name begins so
  --bounded    ${BOUNDED.join('; ')}
  --write      the table, into docs/compatibility.md`
const FILE_BYTES = 8_000_000

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const impossible = namespacesUnavailable()
  const options = optionsOf(args)
  if (impossible !== false || options === undefined) {
    console.error(impossible === false ? USAGE : impossible)
    return 2
  }
  const teardowns: (() => unknown)[] = []
  const end = async () => {
    for (const teardown of teardowns.splice(0)) await teardown()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => end().then(() => process.exit(1)))
  try {
    const ground = await Ground.create({ teardown: one => teardowns.unshift(one) })
    const services = new Services(ground)
    teardowns.unshift(() => services.close())
    await services.prepare(FILE_BYTES)
    const rows: Row[] = []
    for (const client of options.clients) rows.push(await play(client, ground, services))
    if (options.isWritten) writeFileSync(join(ROOT, 'docs/compatibility.md'), pageOf(rows, ROOT))
    const results = rows.flatMap(row => Object.values(row.cells)).map(({ result }) => result)
    const count = (result: string) => results.filter(one => one === result).length
    console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('not applicable')} not applicable`)
    return count('failed') === 0 ? 0 : 1
  } finally {
    await end()
  }
}

function optionsOf(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { only: { type: 'string' }, bounded: { type: 'boolean' }, write: { type: 'boolean' } },
    })
    const names = values.only?.split(',') ?? (values.bounded === true ? BOUNDED : [''])
    const clients = CLIENTS.filter(({ name }) => names.some(start => name.startsWith(start)))
    if (clients.length === 0) return undefined
    return { clients, isWritten: values.write === true }
  } catch {
    return undefined
  }
}

async function play(client: Client, ground: Ground, services: Services): Promise<Row> {
  const cells = {} as Record<Way, Row['cells'][Way]>
  const version = await versionOf(client)
  for (const way of WAYS) {
    const reason = version === undefined ? `${client.version[0][0]} is not installed` : client.not?.[way]
    const startedMs = performance.now()
    cells[way] =
      reason === undefined ? await playCell(client, way, ground, services) : { result: 'not applicable', reason }
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
    const { result, reason: why = '' } = cells[way]
    console.log(`${client.name}, ${way}: ${result} ${why === '' ? `in ${seconds} s` : why}`)
  }
  return { name: client.name, version: version ?? '', does: client.does, cells }
}

async function playCell(client: Client, way: Way, ground: Ground, services: Services): Promise<Row['cells'][Way]> {
  const running: RunningProgram[] = []
  try {
    await services.need(client.needs)
    const captured = await ground.captured()
    await client.play(await visit(way, ground, client.name, running), services)
    const wasCaptured = (await ground.captured()) > captured
    // A client that does not heed its proxy settings would be captured, and pass.
    if (wasCaptured !== (way === 'redirect')) throw new Error('it went another way')
    return { result: 'passed' }
  } catch (error) {
    return { result: 'failed', reason: (error as Error).message }
  } finally {
    await stopAll(running)
  }
}

/** @returns undefined when it is not installed */
async function versionOf({ version: [command, pattern] }: Client): Promise<string | undefined> {
  const said = await run(command).catch(() => '')
  const found = pattern.exec(said)
  return found?.[1] ?? found?.[0]
}
