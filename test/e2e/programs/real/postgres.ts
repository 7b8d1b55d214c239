/** PostgreSQL: a transaction that is open while the host moves, and committed afterwards. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../lab/shell.ts'
import { countOf, findProgram, isExecutable, REAL_PORT, type RealProgram, type Site } from './real-program.ts'
import { RunningProgram } from './running-program.ts'

const DEBIAN = '/usr/lib/postgresql'
const SQL_CLIENT = ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1']

export class Postgres implements RealProgram {
  readonly name = 'PostgreSQL'
  readonly connections = 1
  readonly #site: Site
  readonly #directory: string
  #server: RunningProgram | undefined
  #client: RunningProgram | undefined
  readonly #clientCommand: readonly string[]
  #backend = ''
  #questions = 0

  constructor(site: Site) {
    this.#site = site
    this.#directory = join(site.directory, 'postgres')
    mkdirSync(this.#directory)
    const database = `host=${site.address} port=${REAL_PORT.postgres} user=postgres dbname=postgres`
    this.#clientCommand = [...SQL_CLIENT, database]
  }

  async serve(): Promise<void> {
    await run(['chown', 'postgres:', this.#directory])
    const initialise = ['initdb', '--no-sync', '--auth=trust', '--encoding=UTF8', '--locale=C', '-D', this.#directory]
    await run(asPostgres(initialise))
    writeFileSync(join(this.#directory, 'pg_hba.conf'), 'host all all all trust\n')
    const settings = {
      port: REAL_PORT.postgres,
      listen_addresses: this.#site.address,
      unix_socket_directories: '',
      fsync: 'off',
      // In files of its directory, not of /dev/shm.
      dynamic_shared_memory_type: 'mmap',
      log_connections: 'on',
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const server = asPostgres(['postgres', '-D', this.#directory, ...options])
    // Its shared memory goes with the namespace, however it ends.
    this.#server = new RunningProgram(this.#site.far, [findProgram('unshare'), '--ipc', ...server])
    await this.#server.said(/database system is ready to accept connections/)
    await this.#ask('create table moves (word text, backend int)')
  }

  async begin(): Promise<void> {
    this.#client = new RunningProgram(this.#site.near, this.#clientCommand)
    this.#backend = await this.#insert('before', 'begin;')
    assert.equal(await this.#ask('select count(*) from moves'), '0', 'rows others see while the transaction is open')
  }

  mustBeBusy(): void {
    this.#client?.mustRun()
  }

  async finish(): Promise<string> {
    const client = this.#client as RunningProgram
    const state = `select state from pg_stat_activity where pid = ${this.#backend}`
    assert.equal(await this.#ask(state), 'idle in transaction')
    assert.equal(await this.#insert('after', ''), this.#backend, 'the process of the backend')
    client.write('commit;\n')
    client.endInput()
    await client.ends()
    const rows = await this.#ask(
      'select word, backend, count(*) over (partition by xmin::text) from moves order by word desc',
    )
    assert.equal(rows, `before|${this.#backend}|2\nafter|${this.#backend}|2`, 'committed rows')
    const log = this.#server?.errors ?? ''
    const connections = countOf(log, /connection received: /g) - this.#questions
    assert.equal(connections, 1, log)
    return `transaction of backend ${this.#backend} committed with rows from before and after; 1 connection`
  }

  async close(): Promise<void> {
    await this.#client?.stop()
    // Fast shutdown: it does not wait for clients.
    await this.#server?.stop('SIGINT')
  }

  /** @returns the process of the backend that did it */
  async #insert(word: string, begin: string): Promise<string> {
    const client = this.#client as RunningProgram
    client.write(`${begin} insert into moves values ('${word}', pg_backend_pid()) returning word, backend;\n`)
    const answer = await client.said(new RegExp(`^${word}\\|(\\d+)$`, 'm'))
    return answer[1] as string
  }

  /** What another connection sees, one made on the far host for this question. */
  async #ask(question: string): Promise<string> {
    this.#questions++
    return (await this.#site.far.run([...this.#clientCommand, '-c', question])).trim()
  }
}

/** Programs called `postgres` elsewhere may be anything: those of the newest packaged version. */
function asPostgres([program, ...args]: readonly string[]): readonly string[] {
  const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a))
  const found = versions.map(version => join(DEBIAN, version, 'bin', program as string)).find(isExecutable)
  if (found === undefined) throw new Error(`${program} is not in ${DEBIAN}`)
  // Unlike runuser it becomes the program, so signals arrive.
  return [findProgram('setpriv'), '--reuid=postgres', '--regid=postgres', '--clear-groups', found, ...args]
}
